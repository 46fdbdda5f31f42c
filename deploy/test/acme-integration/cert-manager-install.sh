#!/usr/bin/env bash
# Installs cert-manager into the namespace cert-manager, or brings it to this version. Safe to run again.
#
# Without a network, say where its chart and images are:
#   CERT_MANAGER_CHART    a folder or an archive (default: cert-manager's own registry)
#   CERT_MANAGER_IMAGES   what stands before cert-manager-controller, …-webhook, …-cainjector and …-acmesolver, such as
#                         registry.example.com/jetstack (default: cert-manager's own registry)
#   CERT_MANAGER_VERSION  the release of both
set -euo pipefail

version=${CERT_MANAGER_VERSION:-v1.19.4}
chart=${CERT_MANAGER_CHART:-oci://quay.io/jetstack/charts/cert-manager}

# The chart waits for the webhook by a job whose image is one more; the check below does the same.
options=(--namespace cert-manager --create-namespace --version "$version"
    --set crds.enabled=true --set startupapicheck.enabled=false --set prometheus.enabled=false)
if [[ -n ${CERT_MANAGER_IMAGES:-} ]]; then
    options+=(--set "image.repository=$CERT_MANAGER_IMAGES/cert-manager-controller")
    for part in webhook cainjector acmesolver; do
        options+=(--set "$part.image.repository=$CERT_MANAGER_IMAGES/cert-manager-$part")
    done
fi
helm upgrade --install cert-manager "$chart" "${options[@]}" --wait --timeout 5m

# Installed means: the API server reaches the webhook and trusts it.
usable() {
    kubectl create --dry-run=server --filename - <<'YAML'
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: probe, namespace: cert-manager}
spec: {selfSigned: {}}
YAML
}
for attempt in {1..60}; do
    if usable >/dev/null 2>&1; then
        echo "cert-manager $version is ready."
        exit
    fi
    # The cainjector learns of the webhook's CA by one cache and reads it from another. Where the second is behind, it writes
    # nothing, and does not look again until it is started anew (cert-manager's issue 6340).
    ((attempt != 15)) || kubectl --namespace cert-manager rollout restart deployment/cert-manager-cainjector
    sleep 1
done
usable
