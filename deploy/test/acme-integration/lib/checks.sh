# What all scenarios use to look at the cluster. Sourced by `run`, behind ../lib/checks.sh.

SERVER=https://certctl-test.default.svc.cluster.local:8443

# json EXPRESSION [FILE]: a value of a JSON document.
json() { yq --input-format json --output-format yaml "$@"; }

# What `reach` of the page defines, with the key and for JSON: api PATH [OPTION…].
api() {
    local path=$1
    shift
    curl "$SERVER$path" -H "Authorization: Bearer $CERTCTL_API_KEY" -H 'Content-Type: application/json' "$@"
}

# Rids this shell of what `reach` left: the port is led to another pod later, or to none.
unreach() {
    [[ -n ${forward:-} ]] && kill "$forward" 2>/dev/null && wait "$forward" 2>/dev/null || true
    unset forward
}

# wait_ready KIND/NAME… [SECONDS]
ready() { kubectl wait --for=condition=Ready --timeout=120s "$@" >/dev/null || die "not ready: $*"; }

secret_pem() { kubectl get secret "$1" -o jsonpath='{.data.tls\.crt}' | base64 -d; }
serial() { secret_pem "$1" | openssl x509 -noout -serial; }

# certificate NAME DNS-NAME… [-- extra lines of spec]: applies a Certificate of the page's issuer.
certificate() {
    local name=$1 names
    shift
    names=$(printf '%s, ' "$@")
    kubectl apply -f - >/dev/null <<YAML
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: $name, namespace: default, labels: {test: certctl}}
spec:
  secretName: $name-tls
  dnsNames: [${names%, }]
  privateKey: {algorithm: ECDSA, rotationPolicy: Always}
  issuerRef: {kind: ClusterIssuer, name: ${ISSUER:-certctl-test-trust}}
  ${EXTRA:-}
YAML
}

# What cert-manager says about the Order of a Certificate.
order_reason() {
    kubectl get orders.acme.cert-manager.io -o jsonpath="{range .items[?(@.metadata.annotations.cert-manager\.io/certificate-name==\"$1\")]}{.status.state}: {.status.reason}{end}"
}

# try_again CERTIFICATE: as the page says, when cert-manager has noted the failure. cert-manager counts in seconds: within the
# same one, faster than any operator, it would take the failure for that of the new attempt.
try_again() {
    CERTIFICATE=$1
    eventually 60 "failures of $CERTIFICATE" 1 kubectl get certificate "$CERTIFICATE" -o jsonpath='{.status.failedIssuanceAttempts}'
    sleep 2
    run_step try-again
    ready certificate/"$CERTIFICATE"
}

# A client that did not learn of its order, because the server ended in the midst of the answer, leaves it open, and a profile
# with an open order is not deleted. Accounts that are deactivated have none.
end_orders() {
    local account
    for account in $(api /api/acme/accounts | json '.items[].id'); do
        api "/api/acme/accounts/$account/deactivate" -d '{"reason":"the test is over"}' >/dev/null
    done
}

# The page's way to a Ready ClusterIssuer, for scenarios that begin behind it.
deploy() {
    run_step "${1:-deploy}"
    run_step api-key
    run_step reach
    run_step profile
    run_step ca-bundle
    run_step replace
    run_step issuer
}

# Everything that a test may leave, one name a line.
resources() {
    kubectl get --all-namespaces --ignore-not-found --output name \
        pods,services,deployments,jobs,cronjobs,secrets,serviceaccounts,persistentvolumeclaims,persistentvolumes,ingresses,networkpolicies,poddisruptionbudgets,clusterissuers,issuers,certificates,certificaterequests,orders.acme.cert-manager.io,challenges.acme.cert-manager.io |
        # Pods of a Deployment that was restarted have other names.
        sed --regexp-extended 's#^(pod/.*)-[0-9a-f]{8,10}-[a-z0-9]{5}$#\1#' | sort --unique
}

remember_resources() { resources >"$WORK/before"; }

same_resources() { diff "$WORK/before" <(resources) && echo nothing; }

compare_resources() { eventually 60 "what the scenario left" nothing same_resources; }

# After a failure: what the cluster says about it.
diagnose() {
    title "the cluster at the time of the failure"
    {
        kubectl get pods,persistentvolumeclaims,persistentvolumes,certificates,certificaterequests,orders.acme.cert-manager.io,challenges.acme.cert-manager.io,clusterissuers --all-namespaces
        kubectl get events --all-namespaces --sort-by=.lastTimestamp | tail -n 25
        kubectl describe clusterissuers | sed -n '/^Status/,$p'
        kubectl describe pods --selector app.kubernetes.io/name=certctl | sed -n '/^Events/,$p'
        kubectl logs --selector app.kubernetes.io/name=certctl --tail 30 --prefix
        kubectl logs --namespace cert-manager deployment/cert-manager --tail 20
    } >&2 2>&1 || true
}
