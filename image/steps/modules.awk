# usage: awk -f modules.awk LIST modules.dep   Prints the modules that the list asks for and all that those depend on, sorted by awk's caller.
function base(path) { sub(/\.xz$/, "", path); return path }
function begins(path, list, count,    i) {
    for (i = 1; i <= count; i++) if (index(path, "kernel/" list[i]) == 1) return 1
    return 0
}
function take(path,    parts, count, i) {
    if (path in taken) return
    taken[path] = 1
    print path
    count = split(needs[path], parts, " ")
    for (i = 1; i <= count; i++) take(parts[i])
}
FNR == NR {
    if ($0 ~ /^#/ || $0 ~ /^[ \t]*$/) next
    if ($0 ~ /^!/) out[++outs] = substr($0, 2); else in_[++ins] = $0
    next
}
{
    path = $1
    sub(/:$/, "", path)
    $1 = ""
    needs[path] = $0
    order[++seen] = path
}
END {
    for (i = 1; i <= seen; i++)
        if (begins(base(order[i]), in_, ins) && !begins(base(order[i]), out, outs)) take(order[i])
}
