# the page from its first line to its last, on SQLite
run_step deploy
equal "the Deployment" "$(kubectl get deployment certctl-test -o jsonpath='{.status.availableReplicas}')" 1
run_step api-key
run_step reach
shorthand=$(command curl --silent --cacert deploy/test/certs/ca.crt --retry 5 --retry-connrefused \
    --connect-to certctl-test.default.svc.cluster.local:8443:127.0.0.1:8443 "$SERVER/acme/directory")
has "the shorthand before there is a profile" "$shorthand" prof-test
run_step profile
has "the answer" "$OUTPUT" warnings
equal "the profile's mode" "$(api /api/profiles/prof-test | json .acme_auth_mode)" trust_authenticated
run_step login-link
has "the link" "$OUTPUT" "$SERVER/auth/link/"
run_step ca-bundle
run_step replace
run_step issuer
run_step certificate
run_step verify
has "the table" "$OUTPUT" test-com-tls
# Versions of openssl write `CN=…` or `CN = …`.
compact=${OUTPUT// = /=}
has "the certificate" "$compact" "subject=CN=test.example.com"
has "the certificate" "$compact" "issuer=CN=certctl test internal CA"
check_secret() {
    secret_pem test-com-tls >chain.pem
    kubectl get secret test-com-tls -o jsonpath='{.data.tls\.key}' | base64 -d >key.pem
    api /pki/iss-internal-ca.pem >root.pem
    equal "the chain" "$(openssl verify -CAfile root.pem -untrusted chain.pem -purpose sslserver chain.pem)" "chain.pem: OK"
    equal "names" "$(openssl x509 -in chain.pem -noout -ext subjectAltName | tail -n 1 | tr -d ' ')" \
        "DNS:test.example.com,DNS:www.test.example.com"
    equal "the key of the Secret" "$(openssl pkey -in key.pem -pubout)" "$(openssl x509 -in chain.pem -noout -pubkey)"
    equal "days" "$((($(date +%s --date "$(openssl x509 -in chain.pem -noout -enddate | cut -d= -f2)") - $(date +%s) + 3600) / 86400))" 90
}
check_secret
run_step audit
equal "the audit trail" "$(json '[.items[].action] | join(" ")' <<<"$OUTPUT")" \
    "certificate.issued order.finalized order.created account.created"
equal "the ids in it" "$(json '[.items[].resource_type] | join(" ")' <<<"$OUTPUT")" \
    "certificate order order account"
if [[ -n ${PGHOST:-} ]]; then
    run_step psql
    has "the audit trail in psql" "$OUTPUT" certificate.issued
    has "the audit trail in psql" "$OUTPUT" account.created
fi
run_step clean-up
