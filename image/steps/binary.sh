#!/usr/bin/env bash
# `latchkey` for 64-bit Pis, by the first of three routes that is there. Generic ARMv8.0: no target-cpu, since a Pi 3, 4 and Zero 2 W
# lack the AES and SHA instructions that the names of their cores would switch on; ring asks the processor at run time.
# in: SOURCE (the repository), CACHE (a folder that may stay), LOCKED_ROUTE (cross|rustup|debian, to insist on one); out: OUT/latchkey, OUT/compiler
set -euo pipefail
target=aarch64-unknown-linux-gnu
cd "$SOURCE"
. appliance/tools/env.sh
built=${CARGO_TARGET_DIR:-$SOURCE/target}/$target/release/latchkey
unset APT_CONFIG

# The paths of this machine are no part of the product. lld folds functions that are alike and packs relocations: half a megabyte.
# glibc understands them packed from 2.36 on, and the image has a newer one. Pieces of code that are alike in many functions are made
# functions of their own (LLVM's machine outliner, as it is anyway for what is optimised for size above all).
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="--remap-path-prefix=$SOURCE=/latchkey --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo \
-C link-arg=-fuse-ld=lld -C link-arg=-Wl,--icf=all -C link-arg=-Wl,-z,pack-relative-relocs -C llvm-args=-enable-machine-outliner=always"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=$SOURCE/image/steps/lld-gcc
export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc AR_aarch64_unknown_linux_gnu=aarch64-linux-gnu-ar
# Stripped below, after a look at the names of its functions.
export CARGO_PROFILE_RELEASE_STRIP=none
# SQLite's C code, too. It never unwinds, and nobody unwinds through it.
export CFLAGS_aarch64_unknown_linux_gnu="-fno-asynchronous-unwind-tables -fno-unwind-tables -ffile-prefix-map=$SOURCE=/latchkey -ffile-prefix-map=${CARGO_HOME:-$HOME/.cargo}=/cargo"

# The look at its instructions below goes by the names of functions; they are taken off afterwards.
symbols='--config profile.release.package.appliance.strip="none"'

by_cross() {
    command -v cross >/dev/null && { docker info || podman info; } >/dev/null 2>&1 || return 1
    route="cross, $(cross --version 2>/dev/null | head -n 1)"
    # Its own image has no lld.
    unset CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER
    build() { CROSS_CONFIG=cross.toml cross build --release $symbols --locked --bin latchkey --target $target; }
}

by_rustup() {
    command -v rustup >/dev/null || return 1
    rustup target list --installed 2>/dev/null | grep -qx $target ||
        timeout 120 rustup target add $target >/dev/null 2>&1 || return 1
    route="$(rustc --version), target of rustup"
    build() { cargo build --release $symbols --locked --bin latchkey --target $target; }
}

# Debian's newest rustc and its standard library for arm64, unpacked beside whatever Rust is there: installing it would remove others.
by_debian() {
    local arch lists versions folder
    arch=$(dpkg --print-architecture)
    lists=$CACHE/apt
    mkdir -p "$lists"/{lists,archives}/partial
    # No /dev/null for the status: apt-get download wants to know what is not installed.
    : >>"$lists/status"
    local apt=(apt-get -q -o Dir::State="$lists" -o Dir::State::status="$lists/status" -o Dir::Cache::archives="$lists/archives"
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o "APT::Architectures=$arch,arm64" -o Acquire::Languages=none)
    "${apt[@]}" update >/dev/null
    versions=$("${apt[@]}" install -s --no-install-recommends "rustc-web:$arch" "libstd-rust-web-dev:arm64" 2>/dev/null |
        sed -n 's/^Inst \(rustc-web\|libstd-rust-web-[^ :]*\|libllvm[0-9]*\)\(:arm64\)\? (\([^ ]*\) .*\[\([a-z0-9]*\)\].*/\1:\4=\3/p' | sort -u)
    [ -n "$versions" ] || return 1
    folder=$CACHE/$(sha256sum <<<"$versions" | cut -c1-16)
    if [ ! -x "$folder/rustc" ]; then
        rm -rf "$folder.new" && mkdir -p "$folder.new/debs" && cd "$folder.new/debs"
        "${apt[@]}" download $versions >/dev/null
        for deb in *.deb; do dpkg-deb -x "$deb" ..; done
        cd .. && rm -r debs
        for tool in rustc rustdoc; do
            cat >$tool <<WRAPPER
#!/bin/sh
here=\$(dirname "\$(readlink -f "\$0")")
LD_LIBRARY_PATH=\$here/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -dumpmachine) exec "\$here/usr/bin/$tool" "\$@"
WRAPPER
            chmod +x $tool
        done
        cd "$SOURCE" && rm -rf "$folder" && mv "$folder.new" "$folder"
    fi
    export RUSTC=$folder/rustc RUSTDOC=$folder/rustdoc
    route="$("$RUSTC" --version), Debian's, with its standard library for arm64"
    build() { cargo build --release $symbols --locked --bin latchkey --target $target; }
}

for way in ${LOCKED_ROUTE:-cross rustup debian}; do
    if "by_$way"; then
        found=$way
        break
    fi
done
[ -n "${found:-}" ] || {
    echo "No way to build for $target: neither cross with Docker or Podman, nor rustup with that target, nor Debian's rustc-web for arm64." >&2
    exit 1
}
echo "Building latchkey for arm64 with $route (some minutes the first time)"
build
mkdir -p "$OUT"
strip=$(command -v aarch64-linux-gnu-strip || command -v strip)
"$strip" -o "$OUT/latchkey" "$built"

# A Pi 3, 4 and Zero 2 W die of AES and SHA instructions. Those that look at the processor first may hold some: ring's, RustCrypto's
# and crc32fast's. (gcm_ghash_neon multiplies polynomials of 8 bits, which every processor can.)
objdump=$(command -v aarch64-linux-gnu-objdump || command -v objdump)
unguarded=$("$objdump" -d --no-show-raw-insn "$built" | awk '
    /^[0-9a-f]+ <.*>:$/ { name = $2; next }
    $2 ~ /^(aes[a-z]+|sha1[a-z0-9]+|sha256[a-z0-9]+|sha512[a-z0-9]+|pmull2?)$/ { has[name] = 1 }
    # A piece that was made a function of its own belongs to those that call it.
    $NF ~ /^<OUTLINED_FUNCTION_[0-9]+>$/ { calls[name " " $NF ":"] = 1 }
    END {
        do {
            more = 0
            for (call in calls) {
                split(call, who, " ")
                if (has[who[2]] && !has[who[1]]) more = has[who[1]] = 1
            }
        } while (more)
        for (name in has) if (has[name] && name !~ /^<OUTLINED_FUNCTION_/) print name
    }' | sort -u |
    grep -vE 'aes_hw_|aes_gcm_|gcm_(init|gmult|ghash)_clmul|gcm_ghash_neon|sha(256|512)_block_data_order_hw|aarch64_sha[23]8?compress|polyval.*(pmull|intrinsics)|crc32fast.*aarch64.*pmull' || true)
[ -z "$unguarded" ] || {
    printf 'These would end with SIGILL on a processor without AES and SHA instructions:\n%s\n' "$unguarded" >&2
    exit 1
}
{
    echo "$route"
    aarch64-linux-gnu-gcc --version | head -n 1
    ls /usr/lib/llvm-*/bin/ld.lld 2>/dev/null | sort -V | tail -n 1 | xargs -r sh -c '"$0" --version'
} >"$OUT/compiler"
