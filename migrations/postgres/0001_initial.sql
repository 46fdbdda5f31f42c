-- Ids begin with their time of creation, so that indexes on them grow at the end, and a list in the order of time is
-- a list in the order of ids. Keys are ASCII and compared octet by octet (COLLATE "C"), as SQLite does and as prefix
-- searches need.

CREATE TABLE accounts (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    status         TEXT COLLATE "C" NOT NULL,
    jwk            TEXT             NOT NULL,
    key_thumbprint TEXT COLLATE "C" NOT NULL UNIQUE,
    contacts       JSONB            NOT NULL, -- array
    created_at     TIMESTAMPTZ      NOT NULL,
    created_from   TEXT COLLATE "C",
    version        BIGINT           NOT NULL
);

CREATE INDEX accounts_by_status ON accounts (status, id);

-- No foreign keys to accounts or profiles: neither is ever deleted while orders need it, and every order
-- would lock its account's row.
CREATE TABLE orders (
    id                TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id        TEXT COLLATE "C" NOT NULL,
    profile_id        TEXT COLLATE "C" NOT NULL,
    status            TEXT COLLATE "C" NOT NULL,
    identifiers       JSONB            NOT NULL, -- array of {type, value}
    authorization_ids JSONB            NOT NULL, -- array, in the order of the identifiers
    not_before        TIMESTAMPTZ,
    not_after         TIMESTAMPTZ,
    error             JSONB,           -- object
    csr_sha256        TEXT COLLATE "C",
    claim             TEXT COLLATE "C", -- who is finalizing it while it is processing
    certificate_id    TEXT COLLATE "C",
    created_at        TIMESTAMPTZ      NOT NULL,
    expires_at        TIMESTAMPTZ      NOT NULL,
    updated_at        TIMESTAMPTZ      NOT NULL
);

CREATE INDEX orders_by_account ON orders (account_id, id);
CREATE INDEX orders_by_profile ON orders (profile_id, id);
CREATE INDEX orders_by_status  ON orders (status, id);
CREATE INDEX orders_to_expire  ON orders (expires_at) WHERE status = 'pending' OR status = 'ready';

-- Deleted with their order, by the statement that deletes it; no foreign key, for the same reason as above.
CREATE TABLE authorizations (
    id               TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    order_id         TEXT COLLATE "C" NOT NULL,
    position         BIGINT           NOT NULL, -- among the order's identifiers
    account_id       TEXT COLLATE "C" NOT NULL,
    identifier_type  TEXT COLLATE "C" NOT NULL,
    identifier_value TEXT COLLATE "C" NOT NULL,
    wildcard         BOOLEAN          NOT NULL,
    status           TEXT COLLATE "C" NOT NULL,
    token            TEXT COLLATE "C" NOT NULL,
    created_at       TIMESTAMPTZ      NOT NULL,
    expires_at       TIMESTAMPTZ      NOT NULL,
    validated_at     TIMESTAMPTZ
);

CREATE INDEX authorizations_by_order ON authorizations (order_id, position);
-- Which names an account holds.
CREATE INDEX authorizations_held ON authorizations (account_id, identifier_value, expires_at) WHERE status = 'valid';

-- Certificates outlive orders, accounts and profiles, so there are no foreign keys to those.
CREATE TABLE certificates (
    id                TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    serial            TEXT COLLATE "C" NOT NULL UNIQUE,
    issuer_id         TEXT COLLATE "C" NOT NULL,
    profile_id        TEXT COLLATE "C" NOT NULL,
    account_id        TEXT COLLATE "C",
    order_id          TEXT COLLATE "C" UNIQUE, -- one certificate per order, whatever happens
    common_name       TEXT,
    identifiers       JSONB            NOT NULL, -- array of {type, value}
    key_type          TEXT COLLATE "C" NOT NULL,
    sha256            BYTEA            NOT NULL UNIQUE, -- of the DER encoding
    not_before        TIMESTAMPTZ      NOT NULL,
    not_after         TIMESTAMPTZ      NOT NULL,
    created_at        TIMESTAMPTZ      NOT NULL,
    revoked_at        TIMESTAMPTZ,
    revocation_reason BIGINT,           -- CRL reason code
    chain_id          TEXT COLLATE "C" NOT NULL,
    der               BYTEA            NOT NULL
);

CREATE INDEX certificates_by_account ON certificates (account_id, id);
CREATE INDEX certificates_by_profile ON certificates (profile_id, id);
CREATE INDEX certificates_by_expiry  ON certificates (not_after, id);
CREATE INDEX certificates_revoked    ON certificates (id) WHERE revoked_at IS NOT NULL;

-- Every name and address in a certificate.
CREATE TABLE certificate_names (
    name           TEXT COLLATE "C" NOT NULL,
    certificate_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (name, certificate_id)
);

-- Issuer certificates from the one that signed leaves to the last one known, by the SHA-256 of the first.
CREATE TABLE chains (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    certificates BYTEA            NOT NULL -- each DER certificate after its length (4 octets, big-endian)
);

CREATE TABLE issuers (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name       TEXT             NOT NULL,
    chain      BYTEA            NOT NULL, -- as chains.certificates
    sealed_key BYTEA,
    created_at TIMESTAMPTZ      NOT NULL,
    updated_at TIMESTAMPTZ      NOT NULL
);

CREATE TABLE profiles (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    issuer_id  TEXT COLLATE "C" NOT NULL REFERENCES issuers (id),
    spec       JSONB            NOT NULL, -- object
    version    BIGINT           NOT NULL,
    created_at TIMESTAMPTZ      NOT NULL,
    updated_at TIMESTAMPTZ      NOT NULL
);

CREATE INDEX profiles_by_issuer ON profiles (issuer_id);

CREATE TABLE api_keys (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name       TEXT             NOT NULL,
    sha256     BYTEA            NOT NULL UNIQUE,
    created_by TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ      NOT NULL,
    revoked_at TIMESTAMPTZ
);

CREATE TABLE secrets (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BYTEA            NOT NULL -- sealed
);

-- The columns are promised to users.
CREATE TABLE audit_events (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    created_at    TIMESTAMPTZ      NOT NULL,
    actor         TEXT COLLATE "C" NOT NULL,
    action        TEXT COLLATE "C" NOT NULL,
    resource_type TEXT COLLATE "C" NOT NULL,
    resource_id   TEXT COLLATE "C" NOT NULL,
    outcome       TEXT COLLATE "C" NOT NULL,
    client_ip     TEXT COLLATE "C",
    request_id    TEXT COLLATE "C",
    details       JSONB            NOT NULL -- object
);

CREATE INDEX audit_events_by_actor    ON audit_events (actor, id);
CREATE INDEX audit_events_by_action   ON audit_events (action, id);
CREATE INDEX audit_events_by_resource ON audit_events (resource_id, id);
CREATE INDEX audit_events_unusual     ON audit_events (outcome, id) WHERE outcome <> 'success';

-- Nonces that were used, until they expire. Unlogged: a crash of PostgreSQL empties the table, after which a nonce
-- that was used shortly before could be used once more, by somebody who has a recording of the TLS session in clear.
CREATE UNLOGGED TABLE redeemed_nonces (
    id         BYTEA       NOT NULL PRIMARY KEY,
    expires_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX redeemed_nonces_by_expiry ON redeemed_nonces (expires_at);
