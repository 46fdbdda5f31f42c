# A page as a program: its commands by name. PAGE is its file, WORK a scratch folder; checks.sh comes with it.
#
# A block that starts with ```sh step=NAME is run.

step() {
    awk -v start="\`\`\`sh step=$1" '$0 == "```" { inside = 0 } inside { print } $0 == start { inside = 1 }' "$PAGE"
}

steps() { sed -n 's/^```sh step=//p' "$PAGE"; }

# run_step NAME: the page's commands, in this shell, as somebody would paste them. OUTPUT is what they printed. The first that
# fails ends the test.
run_step() {
    [[ -n $(step "$1") ]] || die "the page has no step $1"
    say "step $1"
    STEP=$1
    # Not in a subshell: what a step sets or starts is for the steps after it.
    # shellcheck source=/dev/null
    source <(step "$1") >"$WORK/$1.out" 2> >(grep --invert-match 'found symbolic link' >&2)
    STEP=''
    OUTPUT=$(<"$WORK/$1.out")
}
