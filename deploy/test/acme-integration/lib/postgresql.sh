# A PostgreSQL for the scenarios, where TEST_POSTGRES_URL names none: Debian's, on the local cluster's node address, which
# pods reach. Sourced by scenarios.

start_postgresql() {
    if [[ -z ${TEST_POSTGRES_URL:-} ]]; then
        [[ $INSIDE_CLUSTER == local ]] || die "set TEST_POSTGRES_URL to a PostgreSQL that pods of this cluster can reach"
        local tools data=$WORK/postgresql address=10.240.0.1 password
        tools=$(find /usr/lib/postgresql -name initdb -printf '%h\n' | sort --version-sort | tail -n 1)
        password=$(openssl rand -hex 16)
        mkdir "$data"
        echo "$password" >"$WORK/password"
        # Its certificate, of a CA that nobody trusts without being told.
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=CA of the database' \
            -keyout "$WORK/database-ca.key" -out database-ca.crt 2>/dev/null
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=database -keyout "$WORK/database.key" \
            -out "$WORK/database.csr" 2>/dev/null
        openssl x509 -req -in "$WORK/database.csr" -CA database-ca.crt -CAkey "$WORK/database-ca.key" -CAcreateserial -days 30 \
            -extfile <(echo "subjectAltName=IP:$address") -out "$WORK/database.crt" 2>/dev/null
        chmod 0711 "$WORK"
        chown postgres "$data" "$WORK/password" "$WORK/database.key"
        # PostgreSQL refuses to run as root.
        setpriv --reuid=postgres --regid=postgres --clear-groups "$tools/initdb" --pgdata "$data" --username certctl \
            --pwfile "$WORK/password" --auth scram-sha-256 >/dev/null
        echo 'host all all 10.244.0.0/16 scram-sha-256' >>"$data/pg_hba.conf"
        echo "host all all $address/32 scram-sha-256" >>"$data/pg_hba.conf"
        setpriv --reuid=postgres --regid=postgres --clear-groups "$tools/postgres" -D "$data" \
            -c ssl=on -c ssl_cert_file="$WORK/database.crt" -c ssl_key_file="$WORK/database.key" \
            -c listen_addresses="$address" -c unix_socket_directories="$data" -c fsync=off >"$WORK/postgresql.log" 2>&1 &
        POSTGRESQL=$!
        export PGHOST=$address PGUSER=certctl PGPASSWORD=$password PGDATABASE=postgres
        TEST_POSTGRES_URL=postgres://certctl:$password@$address/postgres
        eventually 30 "PostgreSQL" 1 psql --tuples-only --command 'SELECT 1'
    fi
}

stop_postgresql() {
    [[ -n ${POSTGRESQL:-} ]] || return 0
    kill -INT "$POSTGRESQL"
    wait "$POSTGRESQL" || true
    rm -rf "$WORK/postgresql"
    unset POSTGRESQL TEST_POSTGRES_URL DATABASE_URL PGHOST PGUSER PGPASSWORD PGDATABASE
}
