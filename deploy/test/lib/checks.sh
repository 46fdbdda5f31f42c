# What tests say and compare. Sourced by them.

CHECKS=0

title() { printf '\n== %s\n' "$*" >&2; }
say() { printf '   [%3ds] %s\n' "$SECONDS" "$*" >&2; }
ok() {
    CHECKS=$((CHECKS + 1))
    printf '   [%3ds] ok: %s\n' "$SECONDS" "$*" >&2
}
die() {
    printf '   FAILED: %s\n' "$*" >&2
    exit 1
}

# equal WHAT FOUND WANTED
equal() {
    [[ $2 == "$3" ]] || die "$1 is \`$2\` instead of \`$3\`"
    [[ $3 == *$'\n'* ]] && ok "$1" || ok "$1 is \`$3\`"
}

# has WHAT FOUND WANTED: FOUND holds the text WANTED.
has() {
    [[ $2 == *"$3"* ]] || die "$1 has no \`$3\`: $2"
    ok "$1 has \`$3\`"
}

# eventually SECONDS WHAT WANTED COMMAND…: until the output of COMMAND has WANTED in it.
eventually() {
    local deadline=$((SECONDS + $1)) what=$2 wanted=$3 found
    shift 3
    while true; do
        found=$("$@" 2>&1) || true
        if [[ $found == *"$wanted"* ]]; then
            ok "$what: $wanted"
            return
        fi
        ((SECONDS < deadline)) || die "$what: there is no \`$wanted\` in: $found"
        sleep 0.5
    done
}

stop_background() {
    local pid
    for pid in $(jobs -p); do kill "$pid" 2>/dev/null || true; done
}
