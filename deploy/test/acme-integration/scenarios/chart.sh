# what the API server says of the rendered cases, upgrade and rollback with data kept, a backup
chart=deploy/helm/certctl
version=$(kubectl version --output json | json .serverVersion.gitVersion)
for values in deploy/helm/cases/*.yaml; do
    # What the cluster has no types for is rendered, but cannot be asked about.
    helm template certctl-test "$chart" --kube-version "$version" --values "$values" 2>template.err |
        yq 'select(.apiVersion | test("^(monitoring.coreos.com|gateway.networking.k8s.io)/") | not)' |
        kubectl apply --dry-run=server --validate=strict --filename - >dry-run.out 2>&1 ||
        die "the API server refuses $values: $(cat template.err dry-run.out)"
    ok "the API server takes $(basename "$values")"
done

# The strictest level that Kubernetes has, enforced and not only claimed.
kubectl label namespace default pod-security.kubernetes.io/enforce=restricted >/dev/null
deploy
run_step certificate
first=$(serial test-com-tls)
keys() { kubectl get secret certctl-test -o jsonpath='{.data}' | sha256sum; }
before=$(keys)
helm upgrade certctl-test "$chart" --reuse-values --set log.filter=debug >/dev/null 2>&1 || die "helm upgrade"
kubectl rollout status deployment/certctl-test --timeout=3m >/dev/null
equal "the Secret after an upgrade" "$(keys)" "$before"
unreach
run_step reach
has "the certificate after an upgrade" "$(api /api/certificates)" "$(sed 's/serial=//' <<<"${first,,}")"
certificate after-upgrade after-upgrade.example.com
ready certificate/after-upgrade
ok "issued after the upgrade, by the account from before"
helm rollback certctl-test 1 >/dev/null 2>&1 || die "helm rollback"
kubectl rollout status deployment/certctl-test --timeout=3m >/dev/null
equal "the Secret after a rollback" "$(keys)" "$before"
certificate after-rollback after-rollback.example.com
ready certificate/after-rollback
# A copy of the database while the server runs, by the job that the chart schedules for the night.
helm upgrade certctl-test "$chart" --reuse-values --set backup.enabled=true >/dev/null 2>&1 || die "helm upgrade"
kubectl create job --from=cronjob/certctl-test-backup backup-now >/dev/null
kubectl wait --for=condition=Complete --timeout=2m job/backup-now >/dev/null || die "no backup"
has "the backup" "$(kubectl logs job/backup-now)" "Wrote /backup/backup-now-"
kubectl delete job/backup-now >/dev/null
unreach
run_step reach
equal "the accounts in the end" "$(api /api/acme/accounts | json '.items | length')" 1
kubectl delete certificate/after-upgrade certificate/after-rollback secret/after-upgrade-tls secret/after-rollback-tls >/dev/null
run_step clean-up
# It survives the release on purpose.
kubectl delete persistentvolumeclaim/certctl-test-backup >/dev/null
kubectl label namespace default pod-security.kubernetes.io/enforce- >/dev/null
