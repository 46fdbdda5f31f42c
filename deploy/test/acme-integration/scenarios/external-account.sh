# external account binding: no account without a key, one with the Secret that the page makes
deploy
run_step certificate
run_step eab-required

sed 's/certctl-test-trust/certctl-test-bound/' deploy/test/acme-integration/clusterissuer-trust-authenticated.yaml >bound.yaml
kubectl apply --filename bound.yaml >/dev/null
bound_message() { kubectl get clusterissuer certctl-test-bound -o jsonpath='{.status.conditions[0].message}'; }
eventually 60 "registration without a key" externalAccountRequired bound_message

# The key as an operator makes it: in a browser, signed in by a link, and out of the page into kubectl.
run_step login-link
link=$(grep --only-matching 'https://.*/auth/link/.*' <<<"$OUTPUT")
node "$REPOSITORY/end2end/browser/eab-key.mjs" \
    "$(link=$link yq --null-input --output-format json '{"port": 8443, "link": strenv(link), "note": "the cluster", "accounts": 2, "profile": "prof-test"}')" \
    >seen.json || die "the pages lead to no key"
equal "what the browser complains of" "$(json '.problems | length' seen.json)" 0
equal "whether the page shows the key again" "$(json .again seen.json)" false
json .secret seen.json >certctl-eab.yaml
json .issuer seen.json >binding.yaml
run_step eab-secret
yq '.spec.acme += load("binding.yaml")' bound.yaml | kubectl apply --filename - >/dev/null
ready clusterissuer/certctl-test-bound
ISSUER=certctl-test-bound certificate bound bound.example.com
ready certificate/bound
ok "a certificate for the account that is bound to the key"

# The account from before is bound to nothing and may order no more; a new one with the key may.
certificate unbound unbound.example.com
eventually 60 "the account from before" "externalAccountRequired" order_reason unbound
kubectl delete secret --namespace cert-manager certctl-test-trust-account-key >/dev/null
fresh_account() { kubectl get secret --namespace cert-manager certctl-test-trust-account-key --output name; }
yq '.spec.acme += load("binding.yaml")' deploy/test/acme-integration/clusterissuer-trust-authenticated.yaml |
    kubectl apply --filename - >/dev/null
eventually 60 "a fresh account key" certctl-test-trust-account-key fresh_account
ready clusterissuer/certctl-test-trust
try_again unbound
equal "accounts" "$(api /api/acme/accounts | json '.items | length')" 3

# A restart looks the account up, without the key; it must not need it again.
kubectl rollout restart --namespace cert-manager deployment/cert-manager >/dev/null
kubectl rollout status --namespace cert-manager deployment/cert-manager --timeout=2m >/dev/null
ISSUER=certctl-test-bound certificate bound-again bound-again.example.com
ready certificate/bound-again
ok "issued after cert-manager started anew"

kubectl delete certificate/bound certificate/bound-again certificate/unbound secret/unbound-tls secret/bound-tls secret/bound-again-tls clusterissuer/certctl-test-bound >/dev/null
kubectl delete --namespace cert-manager secret/certctl-eab secret/certctl-test-bound-account-key >/dev/null
run_step clean-up
