# The page as a program: its commands by name, its files. Sourced by `run` and `check-page`.
#
# A block that starts with ```sh step=NAME is run, one with ```yaml file=NAME is that file of this folder.

step() {
    awk -v start="\`\`\`sh step=$1" '$0 == "```" { inside = 0 } inside { print } $0 == start { inside = 1 }' "$PAGE"
}

steps() { sed -n 's/^```sh step=//p' "$PAGE"; }

# What is wrong with the page, if anything.
check_page() {
    local name faults=0
    for name in clusterissuer-trust-authenticated.yaml clusterissuer-challenge.yaml certificate-test.yaml; do
        if ! diff --unified --label "on the page" --label "$name" \
            <(awk -v start="\`\`\`yaml file=$name" '$0 == "```" { inside = 0 } inside { print } $0 == start { inside = 1 }' "$PAGE") \
            "$HERE/$name"; then
            faults=$((faults + 1))
        fi
    done
    if [[ -n $(steps | sort | uniq --repeated) ]]; then
        echo "two blocks of the page have the same name: $(steps | sort | uniq --repeated)"
        faults=$((faults + 1))
    fi
    # A block for the shell that no test runs would be a promise.
    if grep --line-number --extended-regexp '^```(sh|bash|shell|console)$' "$PAGE"; then
        echo "the page has a block for the shell without step=…"
        faults=$((faults + 1))
    fi
    for name in $(steps); do
        if ! bash -n <(step "$name"); then
            echo "the commands of step $name cannot be parsed"
            faults=$((faults + 1))
        fi
    done
    ((faults == 0))
}

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
