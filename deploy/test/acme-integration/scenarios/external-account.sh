# external account binding: no account without a key, one with the Secret that the page makes
deploy
run_step certificate
api /api/profiles/prof-test -X PATCH -d '{"eab_required":true}' >/dev/null

sed 's/certctl-test-trust/certctl-test-bound/' deploy/test/acme-integration/clusterissuer-trust-authenticated.yaml >bound.yaml
kubectl apply --filename bound.yaml >/dev/null
bound_message() { kubectl get clusterissuer certctl-test-bound -o jsonpath='{.status.conditions[0].message}'; }
eventually 60 "registration without a key" externalAccountRequired bound_message

api /api/acme/eab-keys -d '{"note":"cert-manager","profiles":["prof-test"]}' >key.json
key_id=$(json .id key.json)
kubectl --namespace cert-manager create secret generic certctl-eab \
    --from-literal=secret="$(json .mac_key key.json)" >/dev/null
kubectl patch clusterissuer certctl-test-bound --type=merge --patch \
    "{\"spec\":{\"acme\":{\"externalAccountBinding\":{\"keyID\":\"$key_id\",\"keySecretRef\":{\"name\":\"certctl-eab\",\"key\":\"secret\"}}}}}" >/dev/null
ready clusterissuer/certctl-test-bound
ISSUER=certctl-test-bound certificate bound bound.example.com
ready certificate/bound
ok "a certificate for the account that is bound to the key"

# The account from before is bound to nothing and may order no more.
equal "accounts" "$(api /api/acme/accounts | json '.items | length')" 2

# A restart looks the account up, without the key; it must not need it again.
kubectl rollout restart --namespace cert-manager deployment/cert-manager >/dev/null
kubectl rollout status --namespace cert-manager deployment/cert-manager --timeout=2m >/dev/null
ISSUER=certctl-test-bound certificate bound-again bound-again.example.com
ready certificate/bound-again
ok "issued after cert-manager started anew"

kubectl delete certificate/bound certificate/bound-again secret/bound-tls secret/bound-again-tls clusterissuer/certctl-test-bound >/dev/null
kubectl delete --namespace cert-manager secret/certctl-eab secret/certctl-test-bound-account-key >/dev/null
run_step clean-up
