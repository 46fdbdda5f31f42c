# An ingress controller: haproxy-ingress from its Go module, with Debian's haproxy. Sourced by `cluster`.

provide_ingress_controller() {
    local go module root
    go=$("$REPOSITORY/end2end/scripts/find-go")
    module=$(cd "$MODULES/haproxy-ingress" && "$go" list -m -f '{{.Dir}}' github.com/jcmoraisjr/haproxy-ingress)
    root=$(mktemp --directory --tmpdir="$CACHE")
    install -D "$BIN/haproxy-ingress" "$root/haproxy-ingress-controller"
    cp --recursive --no-preserve=mode "$module/rootfs/." "$root"
    chmod +x "$root"/*.sh
    # A script for authentication asks for a module of this name.
    cp --dereference /usr/share/lua/5.3/dkjson.lua "$root/etc/lua/json.lua"
    copy_with_libraries "$(command -v haproxy)" "$root"
    copy_with_libraries "$(command -v socat)" "$root"
    add_shell "$root" cat cp cut echo mkdir mv rm sleep
    mkdir -p "$root"/{etc/haproxy/{errors,maps},var/{empty,run/haproxy,lib/haproxy},tmp}
    printf 'root:x:0:0::/:/bin/sh\nhaproxy:x:1001:1001::/:/bin/sh\n' >"$root/etc/passwd"
    printf 'root:x:0:\nhaproxy:x:1001:\n' >"$root/etc/group"
    "$REPOSITORY/deploy/image/oci-archive" --name localhost/haproxy-ingress:1 --entrypoint /start.sh \
        --env PATH=/usr/sbin:/usr/bin:/bin "$root" "$root.tar" >/dev/null
    "${CTR[@]}" images import "$root.tar" >/dev/null
    rm -rf "$root" "$root.tar"
    inside kubectl apply --filename "$HERE/optional/ingress-controller.yaml" >/dev/null
    inside kubectl --namespace ingress-controller rollout status deployment/ingress-controller --timeout=120s >&2
}
