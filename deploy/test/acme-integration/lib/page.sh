# Whether the page of the walkthrough is in order. Sourced by `run` and `check-page`, behind ../lib/page.sh.
#
# A block that starts with ```yaml file=NAME is that file of this folder.

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
