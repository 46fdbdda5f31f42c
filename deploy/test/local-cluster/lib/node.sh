# This machine as the one node: containerd, kubelet, kube-proxy, CoreDNS. Sourced by `cluster`; runs inside the network
# namespace.

# image NAME EXECUTABLE [ENTRYPOINT [USER]]: makes an image of one executable and imports it.
image() {
    local folder
    folder=$(mktemp --directory --tmpdir="$CACHE")
    install -D "$BIN/$2" "$folder/${3:-$2}"
    install --directory --mode=1777 "$folder/tmp"
    "$REPOSITORY/deploy/image/oci-archive" --name "$1" --entrypoint "/${3:-$2}" ${4:+--user "$4"} \
        "$folder" "$folder.tar" >/dev/null
    "${CTR[@]}" images import "$folder.tar" >/dev/null
    rm -rf "$folder" "$folder.tar"
}

configure_node() {
    mkdir -p "$STATE"/{cni,containerd,kubelet}
    cat >"$STATE/cni/10-pods.conflist" <<JSON
{"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "pods0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$STATE/cni/leases",
            "ranges": [[{"subnet": "$POD_NETWORK"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
JSON
    # restrict_oom_score_adj: without CAP_SYS_RESOURCE, which containers as a rule lack, a score cannot be lowered, and
    # runc would start nothing ("can't get final child's PID from pipe: EOF").
    cat >"$STATE/containerd.toml" <<TOML
version = 2
root = "$STATE/containerd/root"
state = "$STATE/containerd/state"
[grpc]
  address = "$STATE/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$STATE/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "${LOCAL_CLUSTER_SNAPSHOTTER:-overlayfs}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
TOML
    cat >"$STATE/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix://$STATE/containerd.sock
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
clusterDomain: cluster.local
clusterDNS: [$DNS_ADDRESS]
podCIDR: $POD_NETWORK
# What no pod uses right now is still wanted, and could not be pulled again.
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 50Mi, nodefs.available: 1%, imagefs.available: 1%}
YAML
    cat >"$STATE/kube-proxy.yaml" <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clusterCIDR: $POD_NETWORK
clientConnection: {kubeconfig: $STATE/kube-proxy.kubeconfig}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
bindAddress: $NODE_ADDRESS
hostnameOverride: $NODE_NAME
YAML
}

start_node() {
    configure_node
    spawn containerd containerd --config "$STATE/containerd.toml"
    await 30 "${CTR[@]}" version
    image localhost/pause:1 pause
    image localhost/coredns:1 coredns
    spawn kubelet kubelet --config "$STATE/kubelet.yaml" --kubeconfig "$STATE/kubelet.kubeconfig" \
        --root-dir "$STATE/kubelet" --cert-dir "$STATE/kubelet/pki" \
        --hostname-override "$NODE_NAME" --node-ip "$NODE_ADDRESS"
    spawn kube-proxy kube-proxy --config "$STATE/kube-proxy.yaml"
    await 60 kubectl get node "$NODE_NAME"
    kubectl wait --for=condition=Ready "node/$NODE_NAME" --timeout=120s >&2
    kubectl apply --filename "$HERE/manifests" >/dev/null
    kubectl --namespace kube-system rollout status deployment/coredns --timeout=120s >&2
    say "node and DNS are up"
}

# No pod survives, and no mount, cgroup or network namespace of one.
stop_node() {
    end_processes kubelet kube-proxy
    [[ -e $STATE/pid/containerd ]] || return 0
    local id mount namespaces
    namespaces=$(for id in $("${CTR[@]}" containers list --quiet); do
        "${CTR[@]}" containers info "$id" | grep --only-matching '/var/run/netns/cni-[0-9a-f-]*' || true
    done | sort --unique)
    for id in $("${CTR[@]}" tasks list --quiet); do
        "${CTR[@]}" tasks kill --signal SIGKILL "$id" >/dev/null 2>&1 || true
    done
    for _ in {1..50}; do
        "${CTR[@]}" tasks list | grep --quiet RUNNING || break
        sleep 0.1
    done
    # The end of a task ends its shim and removes its mounts.
    for id in $("${CTR[@]}" tasks list --quiet); do "${CTR[@]}" tasks delete --force "$id" >/dev/null 2>&1 || true; done
    for id in $("${CTR[@]}" containers list --quiet); do "${CTR[@]}" containers delete "$id" >/dev/null 2>&1 || true; done
    end_processes containerd
    awk -v under="$STATE/" 'index($2, under) == 1 { print $2 }' /proc/mounts | sort --reverse | while read -r mount; do
        umount --lazy "$mount"
    done
    for mount in $namespaces; do
        umount "$mount" 2>/dev/null || true
        rm -f "$mount"
    done
    find /sys/fs/cgroup -depth -type d -path '*/kubepods*' -exec rmdir {} + 2>/dev/null || true
}
