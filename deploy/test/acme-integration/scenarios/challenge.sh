# challenge mode: connections refused to either side, http-01 through an ingress controller, dns-01 by dynamic updates
# Where names lead is for the cluster's DNS to say, so this needs a cluster whose DNS may be changed.
[[ $INSIDE_CLUSTER == local ]] || die "the scenario challenge changes the cluster's DNS; it runs on the local cluster only"
node=10.240.0.1

# dns HOSTS-LINE…: what the cluster's DNS knows besides its own names; example.org is the name server's on the node.
dns() {
    local corefile
    corefile=$(
        printf 'example.org:53 {\n    errors\n    forward . %s\n}\n.:53 {\n    errors\n    health\n    ready\n    hosts {\n' "$node"
        printf '        %s\n' "$@"
        printf '        ttl 1\n        fallthrough\n    }\n    kubernetes cluster.local in-addr.arpa ip6.arpa\n}\n'
    )
    kubectl --namespace kube-system create configmap coredns --from-literal=Corefile="$corefile" --dry-run=client --output yaml |
        kubectl replace --filename - >/dev/null
    kubectl --namespace kube-system rollout restart deployment/coredns >/dev/null
    kubectl --namespace kube-system rollout status deployment/coredns --timeout=60s >/dev/null
}
challenge_of() {
    kubectl get challenges.acme.cert-manager.io -o jsonpath="{range .items[?(@.spec.dnsName==\"$1\")]}{.status.state} {.status.reason}{end}"
}

deploy
api /api/profiles -d '{"id":"prof-challenge","name":"ACME test profile","issuer_id":"iss-internal-ca",
    "max_ttl_seconds":7776000,"acme_auth_mode":"challenge"}' >/dev/null
kubectl apply -f deploy/test/acme-integration/clusterissuer-challenge.yaml >/dev/null
ready clusterissuer/certctl-test-challenge

# Nobody listens on port 80 of the node.
dns "$node refused.example.com"
ISSUER=certctl-test-challenge certificate refused refused.example.com
eventually 60 "no ingress controller" "connection refused" challenge_of refused.example.com
reason=$(challenge_of refused.example.com)
has "the Challenge" "$reason" "pending Waiting for HTTP-01 challenge propagation: failed to perform self check GET request"

kubectl get namespace ingress-controller >/dev/null 2>&1 || "$LOCAL_CLUSTER" ingress-controller
ingress=$(kubectl --namespace ingress-controller get service ingress-controller -o jsonpath='{.spec.clusterIP}')
dns "$ingress web.example.com www.web.example.com refused.example.com split.example.com"
# It asks again every ten seconds.
ready certificate/refused
ok "it went on by itself when there was one"
kubectl delete certificate/refused secret/refused-tls >/dev/null
ISSUER=certctl-test-challenge certificate web web.example.com www.web.example.com
ready certificate/web
secret_pem web-tls >web.pem
api /pki/iss-internal-ca.pem >root.pem
equal "the chain" "$(openssl verify -CAfile root.pem -verify_hostname web.example.com web.pem)" "web.pem: OK"
explained=$(api "/api/acme/orders?limit=1")
has "the order" "$explained" '"status":"valid"'
metrics=$(api /metrics)
has "validations" "$metrics" 'certctl_validations_total{challenge="http-01",outcome="passed"} 3'

# A name server: for dns-01 one that takes updates, and one that leads certctl elsewhere than cert-manager.
mkdir -p "$WORK/named"
tsig=$(openssl rand -base64 32)
cat >"$WORK/named/named.conf" <<CONF
options { directory "$WORK/named"; listen-on { $node; }; listen-on-v6 { none; }; recursion no; pid-file none; };
controls { };
key "acme" { algorithm hmac-sha256; secret "$tsig"; };
zone "example.com" { type primary; file "other"; };
zone "example.org" { type primary; file "zone"; allow-update { key "acme"; }; };
CONF
cat >"$WORK/named/zone" <<ZONE
\$TTL 1
@ SOA ns hostmaster 1 1 1 60 1
@ NS ns
ns A $node
ZONE
sed "\$ a split A $node" "$WORK/named/zone" >"$WORK/named/other"
named -f -c "$WORK/named/named.conf" >"$WORK/named/log" 2>&1 &
named=$!

# cert-manager gets through, certctl does not.
helm upgrade certctl-test deploy/helm/certctl --reuse-values --set "acmeServer.validation.dnsResolvers={$node}" >/dev/null 2>&1
kubectl rollout status deployment/certctl-test --timeout=2m >/dev/null
unreach
run_step reach
ISSUER=certctl-test-challenge certificate split split.example.com
eventually 120 "the Order" "invalid" order_reason split
refused="No connection to split.example.com, port 80: $node:80: connection refused"
equal "the Challenge" "$(challenge_of split.example.com)" "invalid Error accepting authorization: acme: authorization error for split.example.com: 400 urn:ietf:params:acme:error:connection: $refused."
run_step order
has "the order's explanation" "$OUTPUT" "The order failed: split.example.com: $refused."
has "its findings" "$OUTPUT" "looked up A of split.example.com: $node; then connected to $node:80: connection refused"
helm rollback certctl-test >/dev/null 2>&1
kubectl rollout status deployment/certctl-test --timeout=2m >/dev/null
unreach
run_step reach
try_again split
kubectl delete certificate/split secret/split-tls >/dev/null

# dns-01.
kubectl --namespace cert-manager create secret generic tsig --from-literal=secret="$tsig" >/dev/null
sed -e 's/certctl-test-challenge/certctl-test-dns/' -e '/^    solvers:/,$d' deploy/test/acme-integration/clusterissuer-challenge.yaml >dns.yaml
cat >>dns.yaml <<YAML
    solvers:
    - dns01:
        rfc2136:
          nameserver: $node:53
          tsigKeyName: acme
          tsigAlgorithm: HMACSHA256
          tsigSecretSecretRef: {name: tsig, key: secret}
YAML
kubectl apply --filename dns.yaml >/dev/null
ready clusterissuer/certctl-test-dns
ISSUER=certctl-test-dns certificate wild '"*.example.org"' example.org
kubectl wait --for=condition=Ready --timeout=240s certificate/wild >/dev/null || die "no certificate by dns-01"
equal "names" "$(secret_pem wild-tls | openssl x509 -noout -ext subjectAltName | tail -n 1 | tr -d ' ')" \
    "DNS:*.example.org,DNS:example.org"
kill "$named"
wait "$named" || true

kubectl delete certificate/web certificate/wild secret/web-tls secret/wild-tls \
    clusterissuer/certctl-test-challenge clusterissuer/certctl-test-dns >/dev/null
kubectl delete --namespace cert-manager secret/tsig secret/certctl-test-challenge-account-key secret/certctl-test-dns-account-key >/dev/null
run_step certificate
run_step clean-up
kubectl delete namespace ingress-controller >/dev/null
kubectl delete clusterrole/ingress-controller clusterrolebinding/ingress-controller >/dev/null
