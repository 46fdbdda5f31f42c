# The network namespace of the cluster. Sourced by `cluster`.
#
# Addresses, routes and packet rules of the cluster live in it, so the machine's own network stays as it is, and
# nothing in the cluster reaches the world outside. `ip netns exec` is not used: it mounts a fresh /sys, in which there
# are no cgroups.

network_exists() { [[ -e /run/netns/$NAMESPACE_OF_NETWORK ]]; }

inside() { nsenter --net="/run/netns/$NAMESPACE_OF_NETWORK" "$@"; }

make_network() {
    network_exists && return
    ip netns add "$NAMESPACE_OF_NETWORK"
    inside ip link set lo up
    inside ip address add "$NODE_ADDRESS/32" dev lo
    # Without any route to Services the kernel refuses to connect before kube-proxy's rules are asked.
    inside ip route add "$SERVICE_NETWORK" dev lo src "$NODE_ADDRESS"
    inside sysctl --quiet --write net.ipv4.ip_forward=1
}

delete_network() {
    network_exists || return 0
    ip netns delete "$NAMESPACE_OF_NETWORK"
}
