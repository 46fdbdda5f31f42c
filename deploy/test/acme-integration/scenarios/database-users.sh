# PostgreSQL with a user who owns the tables and one who works: docs/operator/database-users.md
source "$HERE/lib/postgresql.sh"
start_postgresql
[[ -n ${POSTGRESQL:-} ]] || die "the scenario database-users makes users of PostgreSQL; it runs with one of its own only"
walkthrough=$PAGE
OWNER_PASSWORD=$(openssl rand -hex 16) SERVER_PASSWORD=$(openssl rand -hex 16)
PAGE=$REPOSITORY/docs/operator/database-users.md
run_step database-users
run_step database-users-deploy
PAGE=$walkthrough
run_step api-key
run_step reach
run_step profile
run_step replace
run_step issuer
run_step certificate

ask() { psql --no-align --tuples-only --dbname certctl --command "$1" 2>&1; }
equal "who owns tables" "$(ask 'SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = $$public$$')" certctl_owner
equal "who is connected" "$(ask 'SELECT DISTINCT usename FROM pg_stat_activity WHERE client_addr << $$10.244.0.0/16$$')" certctl_server
has "a table by the server's user" "$(PGUSER=certctl_server PGPASSWORD=$SERVER_PASSWORD ask 'CREATE TABLE made_up ()' || true)" \
    "permission denied for schema public"

# Another version of the pods is another job; nobody is turned away meanwhile.
jobs_of_release() { kubectl get jobs --selector app.kubernetes.io/instance=certctl-test --output name; }
first=$(jobs_of_release)
has "the job" "$first" job.batch/certctl-test-migrate-
helm upgrade certctl-test deploy/helm/certctl --reuse-values --set log.filter=debug >/dev/null 2>&1 || die "helm upgrade"
kubectl rollout status deployment/certctl-test --timeout=3m >/dev/null
[[ $(jobs_of_release) != "$first" ]] || die "an upgrade has the job of before"
kubectl wait --for=condition=Complete --timeout=2m job --selector app.kubernetes.io/instance=certctl-test >/dev/null || die "no job is done"
ok "the job of the upgrade is done"
unreach
run_step reach
certificate upgraded upgraded.example.com
ready certificate/upgraded

# Without the job's work no replica serves: tables that are not there are not made by the server's user.
ask 'DROP SCHEMA public CASCADE' >/dev/null
ask 'CREATE SCHEMA public AUTHORIZATION certctl_owner' >/dev/null
ask 'GRANT USAGE ON SCHEMA public TO certctl_server' >/dev/null
kubectl delete pod --selector app.kubernetes.io/component=server --wait=false >/dev/null
newest() { kubectl logs "$(kubectl get pods --selector app.kubernetes.io/component=server --sort-by=.metadata.creationTimestamp --output name | tail -n 1)"; }
eventually 60 "the log without tables" "certctl migrate" newest
unreach

kubectl delete certificates --all >/dev/null
kubectl delete secret upgraded-tls test-com-tls certctl-database-owner certctl-database-server >/dev/null
kubectl delete clusterissuer certctl-test-trust >/dev/null
kubectl delete secret --namespace cert-manager certctl-test-trust-account-key >/dev/null
helm uninstall certctl-test >/dev/null
stop_postgresql
