# Sourced by the scripts of an update: which slot runs, what U-Boot was told, and the file that tells the server about it.
update=/data/system/update
read -r version </usr/lib/latchkey/version
slot=$(sed -n 's/.*\brauc\.slot=\([AB]\)\b.*/\1/p' /proc/cmdline)

# The slot that was committed when U-Boot chose this one. Its word is there whatever udev and the state sector are doing: a version on
# trial must not take itself for the one that it replaces.
good=$(sed -n 's/.*\blatchkey\.good=\([AB]\)\b.*/\1/p' /proc/cmdline)

# remember NAME=VALUE...: in the state sector, all at once.
remember() { printf '%s\n' "$@" | fw_setenv -s -; }

# plain TEXT: fit for a JSON string, one line, not too long.
plain() { printf %s "$1" | tr '\n\t' '  ' | LC_ALL=C tr -cd '\040-\176' | tr -d '"\\' | cut -c1-500; }

# field NAME: what state.json says.
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" $update/state.json 2>/dev/null; }

# write_state STATE [OTHER VERSION [REASON]]: whole, or the old one stays.
write_state() {
    printf '{"slot":"%s","version":"%s","state":"%s","other_version":"%s","reason":"%s","at":%s}\n' \
        "$slot" "$(plain "$version")" "$1" "$(plain "${2:-}")" "$(plain "${3:-}")" "$(date +%s)" >"$update/state.new" &&
        chmod 644 "$update/state.new" && sync "$update/state.new" && mv "$update/state.new" "$update/state.json" && sync "$update"
}

# give_back REASON: this version is not tried again, and the box goes back to the one before.
give_back() {
    echo "version $version is taken back: $1" >&2
    plain "$1" >$update/reason && sync $update/reason
    remember "BOOT_${slot}_LEFT=0"
    systemctl --no-block reboot
    exit 1
}
