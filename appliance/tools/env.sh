# Sourced by the other scripts: stands at the top of the repository and puts a Rust that is new enough first in PATH.
# No bash here: make's /bin/sh sources it too.

rust_wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

# new_enough DIR: does DIR hold a cargo and a rustc of at least $rust_wanted?
new_enough() {
    [ -x "$1/cargo" ] || return 1
    have=$("$1/rustc" --version 2>/dev/null | cut -d' ' -f2 | cut -d- -f1)
    [ -n "$have" ] && [ "$(printf '%s\n%s\n' "$rust_wanted" "$have" | sort -V | head -n 1)" = "$rust_wanted" ]
}

rust_dir=
for candidate in "$(dirname "$(command -v cargo || echo /nowhere/cargo)")" "${CARGO_HOME:-$HOME/.cargo}/bin" /usr/bin; do
    if new_enough "$candidate"; then
        rust_dir=$candidate
        break
    fi
done
[ -z "$rust_dir" ] || PATH="$rust_dir:$PATH"
export PATH
