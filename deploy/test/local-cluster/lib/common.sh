# What all parts of the local cluster share: places, versions, processes. Sourced by `cluster`, never run.

set -euo pipefail

REPOSITORY=$(realpath "$HERE/../../..")
# The executables are shared by all clones of the repository; everything else is this clone's.
BIN=${LOCAL_CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/certctl/local-cluster}
# hostPath volumes refuse a path with `..` in it.
CACHE=$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-$REPOSITORY/target}/local-cluster")
# Everything that one run of the cluster leaves: keys, data, logs, process ids. Gone after `cluster down`.
STATE=$CACHE/state
MODULES=$HERE/modules

# Versions stand in go.mod alone.
module_version() {
    awk -v module="$1" '$1 == module && $2 ~ /^v/ { print $2; exit }' "$MODULES/cluster/go.mod"
}
KUBERNETES_VERSION=$(module_version k8s.io/kubernetes)
CERT_MANAGER_VERSION=$(module_version github.com/cert-manager/cert-manager)

# The node's address, on the loopback device of the cluster's own network namespace. Kubernetes refuses 127.0.0.0/8.
NODE_ADDRESS=10.240.0.1
NODE_NAME=node1
API_SERVER=https://$NODE_ADDRESS:6443
SERVICE_NETWORK=10.96.0.0/16
API_SERVICE_ADDRESS=10.96.0.1
DNS_ADDRESS=10.96.0.10
POD_NETWORK=10.244.0.0/24
NAMESPACE_OF_NETWORK=${LOCAL_CLUSTER_NETWORK:-certctl-cluster}

PATH=$BIN:/usr/local/sbin:/usr/sbin:/sbin:$PATH
KUBECONFIG=$STATE/admin.kubeconfig
export PATH KUBECONFIG

CTR=(ctr --address "$STATE/containerd.sock" --namespace k8s.io)

say() { printf '[%3ds] %s\n' "$SECONDS" "$*" >&2; }

fail() {
    echo "local-cluster: $*" >&2
    exit 1
}

# spawn NAME COMMAND…: runs it in the background; its output goes to a log, its process id to a file.
spawn() {
    local name=$1
    shift
    mkdir -p "$STATE/log" "$STATE/pid"
    setsid "$@" </dev/null >>"$STATE/log/$name.log" 2>&1 &
    echo $! >"$STATE/pid/$name"
}

# Whether process $1 runs. A zombie does not, though signals reach it.
runs() { grep --quiet --no-messages '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status"; }

# end_processes NAME…: asks those that `spawn` began to end, waits, and insists after ten seconds.
end_processes() {
    local name pid
    for name in "$@"; do
        [[ -e $STATE/pid/$name ]] && kill "$(<"$STATE/pid/$name")" 2>/dev/null || true
    done
    for name in "$@"; do
        [[ -e $STATE/pid/$name ]] || continue
        pid=$(<"$STATE/pid/$name")
        for _ in {1..100}; do
            runs "$pid" || break
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
        rm -f "$STATE/pid/$name"
    done
}

# await SECONDS COMMAND…: repeats it until it succeeds; shows its last words when it never does.
await() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS >= deadline)); then
            "$@" >&2 || true
            fail "gave up on: $*"
        fi
        sleep 0.2
    done
}
