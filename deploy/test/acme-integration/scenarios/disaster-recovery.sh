# loss of the volume, of the release, of the Secret with the key: docs/operator/runbooks/disaster-recovery.md
walkthrough=$PAGE
recovery=$REPOSITORY/docs/operator/runbooks/disaster-recovery.md
# recover STEP: one of that page.
recover() {
    PAGE=$recovery
    run_step "$1"
    PAGE=$walkthrough
}
# again: leads the server through once more, after its pod was replaced.
again() {
    unreach
    run_step reach
}
accounts() { api /api/acme/accounts | json '[.items[].id] | sort | join(" ")'; }
# all_is_back NAME: CA, accounts and what was issued are those from before, and cert-manager obtains a certificate for NAME.
all_is_back() {
    again
    equal "the CA" "$(api /pki/iss-internal-ca.pem)" "$ca"
    equal "the accounts" "$(accounts)" "$registered"
    has "what was issued" "$(api /api/certificates)" "$issued"
    certificate "$1" "$1.example.com"
    ready "certificate/$1"
    equal "the accounts after one more certificate" "$(accounts)" "$registered"
}
server_log() { kubectl logs deployment/certctl-test --tail=5; }
events() { kubectl get events --field-selector "involvedObject.kind=Pod" --output jsonpath='{range .items[*]}{.message}{"\n"}{end}'; }

deploy
run_step certificate
ca=$(api /pki/iss-internal-ca.pem)
registered=$(accounts)
issued=$(serial test-com-tls | sed 's/serial=//' | tr '[:upper:]' '[:lower:]')
recover kubernetes-backup
has "the name of the backup" "$BACKUP" /backup/backup-now-
recover kubernetes-backup-key
equal "who may read the copy of the Secret" "$(stat --format %a certctl-test-secret.yaml)" 600

say "the volume is lost"
recover kubernetes-lost-volume
recover kubernetes-restore
all_is_back volume

say "the release is lost"
helm uninstall certctl-test --wait >/dev/null
equal "claims that are left" "$(kubectl get persistentvolumeclaims --output name)" persistentvolumeclaim/certctl-test-backup
recover kubernetes-new-release
recover kubernetes-restore
all_is_back release

say "the Secret is lost"
kubectl delete secret certctl-test >/dev/null
certificate meanwhile meanwhile.example.com
ready certificate/meanwhile
ok "the pod goes on without it"
kubectl delete pod --selector app.kubernetes.io/component=server >/dev/null
eventually 60 "a new pod" 'secret "certctl-test" not found' events
helm upgrade certctl-test deploy/helm/certctl/ --reuse-values >/dev/null 2>&1
kubectl rollout restart deployment/certctl-test >/dev/null
refusal=$(awk '/^```text/ { inside = 1; next } /^```/ { inside = 0 } inside' "$recovery" | tail -n 1)
eventually 60 "the server with another key" "$refusal" server_log
recover kubernetes-key-back
all_is_back key

say "the key is lost, and there is no copy"
kubectl delete secret certctl-test >/dev/null
rm certctl-test-secret.yaml
recover kubernetes-start-anew
run_step api-key
again
run_step profile
[[ $(api /pki/iss-internal-ca.pem) != "$ca" ]] || die "the CA survived the loss of its key"
ok "there is a new CA"
recover kubernetes-register-anew
kubectl rollout status --namespace cert-manager deployment/cert-manager --timeout=2m >/dev/null
ready clusterissuer/certctl-test-trust
certificate anew anew.example.com
ready certificate/anew
api /pki/iss-internal-ca.pem >root.pem
secret_pem anew-tls >anew.pem
equal "the chain to the new CA" "$(openssl verify -CAfile root.pem anew.pem)" "anew.pem: OK"

kubectl delete certificates --selector test=certctl >/dev/null
kubectl delete secret volume-tls release-tls meanwhile-tls key-tls anew-tls >/dev/null
run_step clean-up
kubectl delete persistentvolumeclaim certctl-test-backup >/dev/null
