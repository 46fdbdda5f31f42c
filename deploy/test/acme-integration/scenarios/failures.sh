# what the page says a user sees when something is wrong
message() { kubectl get clusterissuer "$1" -o jsonpath='{.status.conditions[0].reason}: {.status.conditions[0].message}'; }

run_step deploy
run_step api-key
run_step reach
run_step profile

# Not replaced at all: the API server refuses it.
refused=$(kubectl apply --dry-run=server -f deploy/test/acme-integration/clusterissuer-challenge.yaml 2>&1 || true)
has "the placeholder" "$refused" "caBundle"

# The files of the page were made anew after the chart was installed: cert-manager is told another CA than the server's.
deploy/test/make-certs --force >/dev/null
run_step replace
kubectl apply -f deploy/test/acme-integration/clusterissuer-trust-authenticated.yaml >/dev/null
eventually 60 "a wrong caBundle" "x509: certificate signed by unknown authority" message certctl-test-trust
has "its reason" "$(message certctl-test-trust)" ErrRegisterACMEAccount
# What the page says: the server gets the new files, then the issuer is applied again.
run_step server-certificate
unreach
run_step reach
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
try_again forbidden
kubectl delete certificate/forbidden secret/forbidden-tls >/dev/null

run_step certificate
run_step clean-up
