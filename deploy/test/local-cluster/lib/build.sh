# Builds the cluster's executables from Go modules. Sourced by `cluster`.

# Versions for --version, and for charts that ask which Kubernetes they meet: a build from modules knows none.
linker_flags() {
    local minor=${KUBERNETES_VERSION#v1.} package flags='-s -w' helm=helm.sh/helm/v3
    minor=${minor%%.*}
    flags+=" -X $helm/internal/version.version=$(module_version $helm) -X $helm/pkg/lint/rules.k8sVersionMajor=1"
    flags+=" -X $helm/pkg/lint/rules.k8sVersionMinor=$minor -X $helm/pkg/chartutil.k8sVersionMajor=1"
    flags+=" -X $helm/pkg/chartutil.k8sVersionMinor=$minor"
    for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
        flags+=" -X $package.gitVersion=$KUBERNETES_VERSION -X $package.gitMajor=1 -X $package.gitMinor=$minor"
        flags+=" -X $package.gitTreeState=clean -X $package.buildDate=1970-01-01T00:00:00Z"
    done
    echo "$flags -X github.com/cert-manager/cert-manager/pkg/util.AppVersion=$CERT_MANAGER_VERSION"
}

# What the executables are made of; a build is up to date when this is what it was made of.
fingerprint() {
    (cd "$MODULES" && find . -type f | sort | xargs sha256sum && sha256sum <"$HERE/lib/build.sh") | sha256sum
}

is_built() { [[ -e $BIN/.fingerprint && $(<"$BIN/.fingerprint") == "$(fingerprint)" ]]; }

build() {
    is_built && return
    mkdir -p "$BIN"
    # Another clone may be building the same.
    (flock 9 && { is_built || build_anew; }) 9>"$BIN/.lock"
}

build_anew() {
    local go kubernetes=k8s.io/kubernetes/cmd
    go=$("$REPOSITORY/end2end/scripts/find-go")
    rm -f "$BIN/.fingerprint"
    export CGO_ENABLED=0 GOCACHE=$CACHE/go-build GOFLAGS='-trimpath -buildvcs=false -mod=readonly'
    say "building Kubernetes $KUBERNETES_VERSION and cert-manager $CERT_MANAGER_VERSION (minutes, the first time)"
    # One command for nearly all of it, so that one executable is linked while another still compiles.
    (cd "$MODULES/cluster" && nice "$go" build ${LOCAL_CLUSTER_BUILD_FLAGS:-} -ldflags "$(linker_flags)" -o "$BIN/" \
        $kubernetes/{kube-apiserver,kube-controller-manager,kube-scheduler,kubelet,kube-proxy,kubectl} \
        helm.sh/helm/v3/cmd/helm ./cmd/{etcd,coredns,cert-manager,pause})
    (cd "$MODULES/yq" && nice "$go" build ${LOCAL_CLUSTER_BUILD_FLAGS:-} -ldflags '-s -w' -o "$BIN/" github.com/mikefarah/yq/v4)
    (cd "$MODULES/haproxy-ingress" && nice "$go" build ${LOCAL_CLUSTER_BUILD_FLAGS:-} -ldflags '-s -w' \
        -o "$BIN/haproxy-ingress" github.com/jcmoraisjr/haproxy-ingress/pkg)
    # The compiler's cache is several times as large as what it was for.
    [[ -n ${LOCAL_CLUSTER_KEEP_GO_CACHE:-} ]] || rm -rf "$GOCACHE"
    fingerprint >"$BIN/.fingerprint"
    say "built"
}
