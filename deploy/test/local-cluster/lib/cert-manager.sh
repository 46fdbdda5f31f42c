# cert-manager for cert-manager-install.sh, from its Go module instead of a registry. Sourced by `cluster`.

# The chart stands in the module, but for its version, which upstream's release fills in.
cert_manager_chart() {
    local go module chart=$STATE/cert-manager-chart
    if [[ ! -e $chart/Chart.yaml ]]; then
        go=$("$REPOSITORY/end2end/scripts/find-go")
        module=$(cd "$MODULES/cluster" && "$go" mod download -json github.com/cert-manager/cert-manager |
            sed -n 's/^[[:space:]]*"Dir": "\(.*\)",$/\1/p')
        rm -rf "$chart"
        cp --recursive --no-preserve=mode "$module/deploy/charts/cert-manager" "$chart"
        sed "s/^version: .*/version: $CERT_MANAGER_VERSION/; s/^appVersion: .*/appVersion: $CERT_MANAGER_VERSION/" \
            "$chart/Chart.template.yaml" >"$chart/Chart.yaml"
    fi
    echo "$chart"
}

provide_cert_manager() {
    local part
    for part in controller webhook cainjector acmesolver; do
        [[ -n $("${CTR[@]}" images list --quiet "name==localhost/cert-manager-$part:$CERT_MANAGER_VERSION") ]] ||
            image "localhost/cert-manager-$part:$CERT_MANAGER_VERSION" cert-manager "$part" 1000:1000
    done
    echo "CERT_MANAGER_CHART=$(cert_manager_chart)"
    echo "CERT_MANAGER_IMAGES=localhost"
}
