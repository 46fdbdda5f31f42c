# what the page says a user sees when something is wrong
message() { kubectl get clusterissuer "$1" -o jsonpath='{.status.conditions[0].reason}: {.status.conditions[0].message}'; }
order_reason() {
    kubectl get orders.acme.cert-manager.io -o jsonpath="{range .items[?(@.metadata.annotations.cert-manager\.io/certificate-name==\"$1\")]}{.status.state}: {.status.reason}{end}"
}

run_step deploy
run_step api-key
run_step reach
run_step profile

# A CA that did not sign the server's certificate.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=stranger -keyout /dev/null -out stranger.crt 2>/dev/null
stale=$(base64 -w0 stranger.crt)
sed "s/caBundle: .*/caBundle: $stale/" deploy/test/acme-integration/clusterissuer-trust-authenticated.yaml |
    kubectl apply --filename - >/dev/null
eventually 60 "a wrong caBundle" "x509: certificate signed by unknown authority" message certctl-test-trust
has "its reason" "$(message certctl-test-trust)" ErrRegisterACMEAccount
# Not replaced at all: the API server refuses it.
refused=$(kubectl apply --dry-run=server -f deploy/test/acme-integration/clusterissuer-challenge.yaml 2>&1 || true)
has "the placeholder" "$refused" "caBundle"
run_step replace
run_step issuer
ok "ready with the right caBundle"

api /api/profiles/prof-test -X PATCH -d '{"permitted_names":["**.example.com"]}' >/dev/null
certificate forbidden good.example.com bad.example.org
eventually 60 "a name that is not permitted" "rejectedIdentifier" order_reason forbidden
reason=$(order_reason forbidden)
has "the Order" "$reason" "errored: Failed to create Order: 400 urn:ietf:params:acme:error:rejectedIdentifier"
has "its subproblems" "$reason" "[dns: bad.example.org] bad.example.org is not among the permitted names"
api /api/profiles/prof-test -X PATCH -d '{"permitted_names":[]}' >/dev/null
kubectl get certificaterequests --output name | xargs kubectl delete >/dev/null
kubectl delete certificate/forbidden >/dev/null

run_step certificate
run_step clean-up
