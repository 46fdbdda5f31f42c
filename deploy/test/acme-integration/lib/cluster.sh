# Which cluster, and how the image comes into it. Sourced by `run`.

# What scenarios need on this machine. Inside of the local cluster's network there is nothing to install from.
install_parts() {
    "$REPOSITORY/end2end/scripts/install-missing" bind9 chromium curl openssl postgresql
    "$REPOSITORY/end2end/scripts/install-node-parts"
}

enter_cluster() {
    install_parts >&2
    (cd "$REPOSITORY" && source <(step image)) >&2
    if [[ -n ${KUBECONFIG:-} ]]; then
        INSIDE_CLUSTER=given "$0" "$@"
    elif command -v kind >/dev/null && docker info >/dev/null 2>&1; then
        cd "$REPOSITORY"
        kind get clusters | grep --quiet --line-regexp certctl-test || source <(step kind)
        source <(step kind-image)
        kind get kubeconfig --name certctl-test >"${TMPDIR:-/tmp}/certctl-test.kubeconfig"
        INSIDE_CLUSTER=kind KUBECONFIG=${TMPDIR:-/tmp}/certctl-test.kubeconfig "$0" "$@"
    else
        enter_local_cluster "$@"
    fi
}

enter_local_cluster() {
    local status=0 line
    "$LOCAL_CLUSTER" up
    [[ -n ${KEEP:-} ]] || trap '"$LOCAL_CLUSTER" down' EXIT
    "$LOCAL_CLUSTER" load "$REPOSITORY/target/image/certctl-test.tar"
    while read -r line; do export "${line?}"; done < <("$LOCAL_CLUSTER" cert-manager)
    INSIDE_CLUSTER=local "$LOCAL_CLUSTER" run "$0" "$@" || status=$?
    return $status
}
