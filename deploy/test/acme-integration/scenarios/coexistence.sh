# another issuer beside certctl: a Certificate moves, and moves back, as docs/migration/cert-manager-coexistence.md says
issuer_of() { secret_pem "$1" | openssl x509 -noout -issuer | tr -d ' '; }
walkthrough=$PAGE
deploy
kubectl apply --filename - >/dev/null <<'YAML'
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: self-signed, namespace: default}
spec: {selfSigned: {}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: team-ca, namespace: default}
spec:
  isCA: true
  commonName: The team's CA
  secretName: team-ca
  privateKey: {algorithm: ECDSA}
  issuerRef: {kind: Issuer, name: self-signed}
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: team-ca, namespace: default}
spec: {ca: {secretName: team-ca}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: web, namespace: default}
spec:
  secretName: web-tls
  dnsNames: [web.default.svc.cluster.local]
  issuerRef: {kind: Issuer, name: team-ca}
YAML
ready certificate/web
equal "the issuer in the beginning" "$(issuer_of web-tls)" "issuer=CN=Theteam'sCA"

PAGE=$REPOSITORY/docs/migration/cert-manager-coexistence.md
run_step coexist-trust
run_step coexist-move
eventually 60 "the issuer after the move" "issuer=CN=certctltestinternalCA" issuer_of web-tls
secret_pem web-tls >web.pem
equal "the chain" "$(openssl verify -CAfile certctl-ca.pem -verify_hostname web.default.svc.cluster.local web.pem)" "web.pem: OK"
run_step coexist-back
eventually 60 "the issuer in the end" "issuer=CN=Theteam'sCA" issuer_of web-tls
run_step coexist-left
has "who is left" "$OUTPUT" "team-ca"
PAGE=$walkthrough

kubectl delete certificate/web certificate/team-ca issuer/team-ca issuer/self-signed secret/web-tls secret/team-ca configmap/certctl-ca >/dev/null
run_step certificate
run_step clean-up
