# Whether this machine can carry the cluster. Sourced by `cluster`.

# check: silent where it can; else one line that says what is missing, and failure.
check() {
    local memory disk wanted=15
    [[ $(uname -s) == Linux && $(id --user) -eq 0 ]] || fail "a node needs Linux and root"
    memory=$(awk '$1 == "MemAvailable:" { print int($2 / 1048576) }' /proc/meminfo)
    ((memory >= 6)) || fail "6 GB of memory must be free, not $memory"
    # What is built takes the larger part.
    is_built && wanted=5
    mkdir -p "$CACHE"
    disk=$(df --output=avail --block-size=1G "$CACHE" | tail -n 1)
    ((disk >= wanted)) || fail "$wanted GB must be free in $CACHE, not $((disk))"
    "$REPOSITORY/end2end/scripts/install-missing" "${PACKAGES[@]}" >&2 || fail "packages cannot be installed"
    # What containers are confined by: a container that may do no more than an ordinary one stops here.
    can_make_cgroups || fail "control groups cannot be made below /sys/fs/cgroup"
    unshare --mount mount -t tmpfs none /mnt 2>/dev/null || fail "namespaces of mounts cannot be made"
    unshare --net sh -c 'ip link add name pods0 type bridge && ip link add type veth && iptables --table nat --list' \
        >/dev/null 2>&1 || fail "networks with bridges and packet rules cannot be made"
}

can_make_cgroups() {
    local root=/sys/fs/cgroup try
    # Version 1 has one tree for each resource.
    [[ -e $root/cgroup.controllers ]] || root+=/memory
    try=$root/certctl-check-$$
    mkdir "$try" 2>/dev/null && rmdir "$try"
}
