# Sourced by the scripts of an update: which slot runs, what U-Boot was told, and the file that tells the server about it.
update=/data/system/update
read -r version </usr/lib/latchkey/version
slot=$(sed -n 's/.*\brauc\.slot=\([AB]\)\b.*/\1/p' /proc/cmdline)

variable() { fw_printenv -n "$1" 2>/dev/null; }

# The committed slot.
good() {
    local known
    known=$(variable BOOT_GOOD)
    echo "${known:-A}"
}

# plain TEXT: fit for a JSON string, one line, not too long.
plain() { printf %s "$1" | tr '\n\t' '  ' | tr -d '"\\\000-\037' | cut -c1-500; }

# write_state STATE [OTHER VERSION [REASON]]: whole, or the old one stays.
write_state() {
    printf '{"slot":"%s","version":"%s","state":"%s","other_version":"%s","reason":"%s","at":%s}\n' \
        "$slot" "$(plain "$version")" "$1" "$(plain "${2:-}")" "$(plain "${3:-}")" "$(date +%s)" >"$update/state.new" &&
        chmod 644 "$update/state.new" && sync -f "$update/state.new" && mv "$update/state.new" "$update/state.json" && sync -f "$update"
}
