-- Times are microseconds since the Unix epoch (UTC). Ids begin with their time of creation, so that indexes on them
-- grow at the end, and a list in the order of time is a list in the order of ids.

CREATE TABLE accounts (
    id             TEXT    NOT NULL PRIMARY KEY,
    status         TEXT    NOT NULL,
    jwk            TEXT    NOT NULL,
    key_thumbprint TEXT    NOT NULL UNIQUE,
    contacts       TEXT    NOT NULL, -- JSON array
    created_at     INTEGER NOT NULL,
    created_from   TEXT,
    version        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX accounts_by_status ON accounts (status, id);

-- No foreign keys to accounts or profiles: neither is ever deleted while orders need it, and PostgreSQL would lock
-- the account's row for every order.
CREATE TABLE orders (
    id                TEXT    NOT NULL PRIMARY KEY,
    account_id        TEXT    NOT NULL,
    profile_id        TEXT    NOT NULL,
    status            TEXT    NOT NULL,
    identifiers       TEXT    NOT NULL, -- JSON array of {type, value}
    authorization_ids TEXT    NOT NULL, -- JSON array, in the order of the identifiers
    not_before        INTEGER,
    not_after         INTEGER,
    error             TEXT,             -- JSON object
    csr_sha256        TEXT,
    claim             TEXT,             -- who is finalizing it while it is processing
    certificate_id    TEXT,
    created_at        INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;

CREATE INDEX orders_by_account ON orders (account_id, id);
CREATE INDEX orders_by_profile ON orders (profile_id, id);
CREATE INDEX orders_by_status  ON orders (status, id);
CREATE INDEX orders_to_expire  ON orders (expires_at) WHERE status = 'pending' OR status = 'ready';

-- Deleted with their order, by the statement that deletes it; no foreign key, for the same reason as above.
CREATE TABLE authorizations (
    id               TEXT    NOT NULL PRIMARY KEY,
    order_id         TEXT    NOT NULL,
    position         INTEGER NOT NULL, -- among the order's identifiers
    account_id       TEXT    NOT NULL,
    identifier_type  TEXT    NOT NULL,
    identifier_value TEXT    NOT NULL,
    wildcard         INTEGER NOT NULL,
    status           TEXT    NOT NULL,
    token            TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    validated_at     INTEGER
) STRICT;

CREATE INDEX authorizations_by_order ON authorizations (order_id, position);
-- Which names an account holds.
CREATE INDEX authorizations_held ON authorizations (account_id, identifier_value, expires_at) WHERE status = 'valid';

-- Certificates outlive orders, accounts and profiles, so there are no foreign keys to those.
CREATE TABLE certificates (
    id                TEXT    NOT NULL PRIMARY KEY,
    serial            TEXT    NOT NULL UNIQUE,
    issuer_id         TEXT    NOT NULL,
    profile_id        TEXT    NOT NULL,
    account_id        TEXT,
    order_id          TEXT    UNIQUE,   -- one certificate per order, whatever happens
    common_name       TEXT,
    identifiers       TEXT    NOT NULL, -- JSON array of {type, value}
    key_type          TEXT    NOT NULL,
    sha256            BLOB    NOT NULL UNIQUE, -- of the DER encoding
    not_before        INTEGER NOT NULL,
    not_after         INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    revoked_at        INTEGER,
    revocation_reason INTEGER,          -- CRL reason code
    chain_id          TEXT    NOT NULL,
    der               BLOB    NOT NULL
) STRICT;

CREATE INDEX certificates_by_account ON certificates (account_id, id);
CREATE INDEX certificates_by_profile ON certificates (profile_id, id);
CREATE INDEX certificates_by_expiry  ON certificates (not_after, id);
CREATE INDEX certificates_revoked    ON certificates (id) WHERE revoked_at IS NOT NULL;

-- Every name and address in a certificate.
CREATE TABLE certificate_names (
    name           TEXT NOT NULL,
    certificate_id TEXT NOT NULL,
    PRIMARY KEY (name, certificate_id)
) STRICT, WITHOUT ROWID;

-- Issuer certificates from the one that signed leaves to the last one known, by the SHA-256 of the first.
CREATE TABLE chains (
    id           TEXT NOT NULL PRIMARY KEY,
    certificates BLOB NOT NULL -- each DER certificate after its length (4 octets, big-endian)
) STRICT;

CREATE TABLE issuers (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    chain      BLOB    NOT NULL, -- as chains.certificates
    sealed_key BLOB,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE profiles (
    id         TEXT    NOT NULL PRIMARY KEY,
    issuer_id  TEXT    NOT NULL REFERENCES issuers (id),
    spec       TEXT    NOT NULL, -- JSON object
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX profiles_by_issuer ON profiles (issuer_id);

CREATE TABLE api_keys (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    sha256     BLOB    NOT NULL UNIQUE,
    created_by TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;

CREATE TABLE secrets (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL -- sealed
) STRICT, WITHOUT ROWID;

-- The columns are promised to users.
CREATE TABLE audit_events (
    id            TEXT    NOT NULL PRIMARY KEY,
    created_at    INTEGER NOT NULL,
    actor         TEXT    NOT NULL,
    action        TEXT    NOT NULL,
    resource_type TEXT    NOT NULL,
    resource_id   TEXT    NOT NULL,
    outcome       TEXT    NOT NULL,
    client_ip     TEXT,
    request_id    TEXT,
    details       TEXT    NOT NULL -- JSON object
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_events_by_actor    ON audit_events (actor, id);
CREATE INDEX audit_events_by_action   ON audit_events (action, id);
CREATE INDEX audit_events_by_resource ON audit_events (resource_id, id);
CREATE INDEX audit_events_unusual     ON audit_events (outcome, id) WHERE outcome <> 'success';

-- Nonces that were used, until they expire.
CREATE TABLE redeemed_nonces (
    id         BLOB    NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX redeemed_nonces_by_expiry ON redeemed_nonces (expires_at);
