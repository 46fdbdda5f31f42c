# loss of a PostgreSQL that the chart backs up, copies that are too old: docs/operator/runbooks/disaster-recovery.md
[[ $INSIDE_CLUSTER == local ]] || die "the scenario postgresql-recovery makes an image of Debian's pg_dump; it runs on the local cluster only"
source "$HERE/lib/postgresql.sh"
start_postgresql
[[ -n ${POSTGRESQL:-} ]] || die "the scenario postgresql-recovery empties its PostgreSQL; unset TEST_POSTGRES_URL"
walkthrough=$PAGE
recover() {
    PAGE=$REPOSITORY/docs/operator/runbooks/disaster-recovery.md
    run_step "$1"
    PAGE=$walkthrough
}
accounts() { api /api/acme/accounts | json '[.items[].id] | sort | join(" ")'; }

tools=$(find /usr/lib/postgresql -name initdb -printf '%h\n' | sort --version-sort | tail -n 1)
"$LOCAL_CLUSTER" tools localhost/postgresql-client:1 "$tools/pg_dump" "$tools/pg_restore"
psql --quiet --command 'CREATE DATABASE recovery'
export DATABASE_URL=${TEST_POSTGRES_URL%/*}/recovery
deploy deploy-postgresql
run_step certificate
ca=$(api /pki/iss-internal-ca.pem) registered=$(accounts)

# The page's first line names the image too.
helm upgrade certctl-test deploy/helm/certctl/ --reuse-values --set backup.enabled=true \
    --set backup.postgresqlImage=localhost/postgresql-client:1 >/dev/null 2>&1
recover kubernetes-backup
has "the name of the backup" "$BACKUP" /backup/backup-now-
folder=$(kubectl get persistentvolume "$(kubectl get persistentvolumeclaim certctl-test-backup -o jsonpath='{.spec.volumeName}')" \
    -o jsonpath='{.spec.hostPath.path}')
touch --date '31 days ago' "$folder/old.dump" "$folder/other"
touch --date '29 days ago' "$folder/young.dump"
first=$BACKUP
recover kubernetes-backup
equal "what is kept" "$(cd "$folder" && printf '%s\n' * | sort)" \
    "$(printf '%s\n' "${first##*/}" "${BACKUP##*/}" other young.dump | sort)"

certificate forgotten forgotten.example.com
ready certificate/forgotten
kubectl scale deployment/certctl-test --replicas=0 >/dev/null
psql --quiet --command 'DROP DATABASE recovery WITH (FORCE)' --command 'CREATE DATABASE recovery'
recover kubernetes-restore-postgresql
unreach
run_step reach
equal "the CA" "$(api /pki/iss-internal-ca.pem)" "$ca"
equal "the accounts" "$(accounts)" "$registered"
lacks_forgotten() { api /api/certificates | grep --quiet forgotten || echo "is forgotten"; }
equal "what was issued after the backup" "$(lacks_forgotten)" "is forgotten"
certificate restored restored.example.com
ready certificate/restored

kubectl delete certificates --selector test=certctl >/dev/null
kubectl delete secret restored-tls forgotten-tls >/dev/null
run_step clean-up
kubectl delete persistentvolumeclaim certctl-test-backup >/dev/null
stop_postgresql
