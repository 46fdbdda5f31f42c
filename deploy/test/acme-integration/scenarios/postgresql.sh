# the page with PostgreSQL and three replicas: one is killed in the midst of the work, all are updated, TLS is verified
source "$HERE/lib/postgresql.sh"
start_postgresql
export DATABASE_URL=$TEST_POSTGRES_URL

deploy deploy-postgresql
equal "replicas" "$(kubectl get deployment certctl-test -o jsonpath='{.status.availableReplicas}')" 3
run_step certificate
run_step verify
has "the certificate" "${OUTPUT// = /=}" "issuer=CN=certctl test internal CA"
run_step audit
has "the audit trail" "$OUTPUT" certificate.issued
run_step psql
has "the audit trail in psql" "$OUTPUT" certificate.issued
has "the audit trail in psql" "$OUTPUT" account.created

for number in $(seq 1 40); do
    certificate "killed-$number" "killed-$number.example.com"
    [[ $number -ne 12 ]] || kubectl delete pod --grace-period=0 --force --wait=false \
        "$(kubectl get pods --selector app.kubernetes.io/component=server --output name | head -n 1 | cut -d/ -f2)" >/dev/null 2>&1
done
kubectl wait --for=condition=Ready --timeout=240s certificate --selector test=certctl >/dev/null || die "not all are ready"
ok "40 Certificates, one of three replicas killed in their midst"
kubectl rollout status deployment/certctl-test --timeout=2m >/dev/null

# Nonces of one replica are good on the others: nobody saw badNonce, without sticky sessions.
bad=$(kubectl logs --selector app.kubernetes.io/component=server --tail=-1 | grep --count badNonce || true)
equal "nonces refused" "$bad" 0
unreach
run_step reach
equal "accounts" "$(api /api/acme/accounts | json '.items | length')" 1

# A rolling update loses nobody either.
kubectl rollout restart deployment/certctl-test >/dev/null
for number in $(seq 1 20); do certificate "rolled-$number" "rolled-$number.example.com"; done
kubectl wait --for=condition=Ready --timeout=240s certificate --selector test=certctl >/dev/null || die "not all are ready"
kubectl rollout status deployment/certctl-test --timeout=3m >/dev/null
ok "20 Certificates during a rolling update"
unreach
run_step reach

if [[ -n ${POSTGRESQL:-} ]]; then
    walkthrough=$PAGE
    PAGE=$REPOSITORY/docs/operator/database-tls.md
    run_step database-tls
    certificate verified verified.example.com
    ready certificate/verified
    run_step database-tls-seen
    has "the connections" "$OUTPUT" "certctl | t   | TLSv1.3"
    # A CA that did not sign: no new replica comes up, and the old ones go on.
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=stranger -keyout /dev/null -out stranger.crt 2>/dev/null
    kubectl create secret generic certctl-stranger --from-file=ca.crt=stranger.crt >/dev/null
    helm upgrade certctl-test deploy/helm/certctl --reuse-values --set postgresql.caSecret=certctl-stranger >/dev/null 2>&1
    newest() { kubectl logs "$(kubectl get pods --sort-by=.metadata.creationTimestamp --output name | tail -n 1)"; }
    eventually 60 "the log with a wrong CA" "CERTCTL_DATABASE_URL: the database is not available: error communicating with database: invalid peer certificate: UnknownIssuer" newest
    equal "replicas that serve meanwhile" "$(kubectl get deployment certctl-test -o jsonpath='{.status.availableReplicas}')" 3
    certificate meanwhile meanwhile.example.com
    ready certificate/meanwhile
    helm rollback certctl-test >/dev/null 2>&1
    kubectl rollout status deployment/certctl-test --timeout=3m >/dev/null
    kubectl delete secret/certctl-stranger secret/certctl-database-ca >/dev/null
    PAGE=$walkthrough
    unreach
    run_step reach
fi

kubectl delete certificates --selector test=certctl >/dev/null
kubectl get secrets --output name | grep -E 'secret/(killed|rolled|verified|meanwhile)-' | xargs kubectl delete >/dev/null
end_orders
run_step clean-up
stop_postgresql
