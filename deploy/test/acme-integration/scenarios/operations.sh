# renewal, new keys, many at once, restarts of either side, profiles and durations that the client asks for
renew() { # what `cmctl renew NAME` does
    kubectl get certificate "$1" -o json |
        yq --input-format json --output-format json '.status.conditions += [{"type": "Issuing", "status": "True",
            "reason": "ManuallyTriggered", "message": "renewed by hand", "lastTransitionTime": now}]' |
        kubectl replace --subresource=status --filename - >/dev/null
}
public_key() { secret_pem "$1" | openssl x509 -noout -pubkey; }
other_than() { [[ $("${@:2}" 2>/dev/null) == "$1" ]] || echo changed; }
accounts() { api /api/acme/accounts | json '.items | length'; }
hours() { # how long the certificate of a Secret is valid, rounded
    local from to
    from=$(secret_pem "$1" | openssl x509 -noout -startdate | cut -d= -f2)
    to=$(secret_pem "$1" | openssl x509 -noout -enddate | cut -d= -f2)
    echo $((($(date +%s --date "$to") - $(date +%s --date "$from") + 1800) / 3600))
}
# many PREFIX FROM TO: Certificates, all in one request.
many() {
    local number
    for number in $(seq "$2" "$3"); do
        printf -- '---\napiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: %s-%s, namespace: default, labels: {test: certctl}}\n' "$1" "$number"
        printf 'spec: {secretName: %s-%s-tls, dnsNames: [%s-%s.example.com], privateKey: {algorithm: ECDSA, rotationPolicy: Always}, issuerRef: {kind: ClusterIssuer, name: certctl-test-trust}}\n' "$1" "$number" "$1" "$number"
    done | kubectl apply --filename - >/dev/null
}

deploy
run_step certificate

old_serial=$(serial test-com-tls) old_key=$(public_key test-com-tls)
renew test-com
eventually 60 "the certificate, renewed" changed other_than "$old_serial" serial test-com-tls
ready certificate/test-com
equal "the key, renewed" "$(other_than "$old_key" public_key test-com-tls)" changed

old_serial=$(serial test-com-tls)
kubectl delete secret test-com-tls >/dev/null
eventually 60 "the certificate after its Secret was deleted" changed other_than "$old_serial" serial test-com-tls
ready certificate/test-com

begin=$SECONDS
many crowd 1 60
kubectl wait --for=condition=Ready --timeout=240s certificate --selector test=certctl >/dev/null || die "not all of 60 are ready"
ok "60 Certificates at once were ready after $((SECONDS - begin)) s"
metrics=$(api /metrics)
if grep '^certctl_rate_limited_total{.*} [1-9]' <<<"$metrics"; then die "a client was throttled"; fi
if grep '^certctl_requests_shed_total{.*} [1-9]' <<<"$metrics"; then die "requests were turned away"; fi
ok "nobody was throttled"

many restart 1 30
kubectl rollout restart deployment/certctl-test >/dev/null
kubectl wait --for=condition=Ready --timeout=240s certificate --selector test=certctl >/dev/null || die "not all are ready"
ok "30 Certificates, the server restarted in their midst"
kubectl rollout status deployment/certctl-test --timeout=2m >/dev/null
unreach
run_step reach

kubectl rollout restart --namespace cert-manager deployment/cert-manager >/dev/null
kubectl rollout status --namespace cert-manager deployment/cert-manager --timeout=2m >/dev/null
certificate restarted restarted.example.com
ready certificate/restarted
ready clusterissuer/certctl-test-trust
equal "the number of accounts" "$(accounts)" 1

api /api/profiles -d '{"id":"prof-short","name":"A day","issuer_id":"iss-internal-ca","max_ttl_seconds":86400,
    "acme_auth_mode":"trust_authenticated"}' >/dev/null
api /api/profiles/prof-test -X PATCH -d '{"selectable_profiles":["prof-short"]}' >/dev/null
kubectl patch clusterissuer certctl-test-trust --type=merge --patch '{"spec":{"acme":{"enableDurationFeature":true}}}' >/dev/null
ready clusterissuer/certctl-test-trust
EXTRA="duration: 720h" certificate month month.example.com
ready certificate/month
equal "hours of a certificate with enableDurationFeature" "$(hours month-tls)" 720
kubectl patch clusterissuer certctl-test-trust --type=merge \
    --patch '{"spec":{"acme":{"enableDurationFeature":false,"profile":"prof-short"}}}' >/dev/null
ready clusterissuer/certctl-test-trust
EXTRA="renewBefore: 1h" certificate day day.example.com
ready certificate/day
equal "hours of a certificate with another profile" "$(hours day-tls)" 24

kubectl delete certificates --selector test=certctl >/dev/null
kubectl get secrets --output name | grep -E 'secret/(crowd|restart|restarted|month|day)-' | xargs kubectl delete >/dev/null
end_orders
run_step clean-up
