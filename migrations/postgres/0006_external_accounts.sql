-- Keys for external account binding (RFC 8555 §7.3.4). They are revoked, never deleted: accounts point at them.
CREATE TABLE eab_keys (
    id              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    note            TEXT             NOT NULL,
    profiles        JSONB            NOT NULL, -- array; empty: all
    permitted_names JSONB            NOT NULL, -- array; empty: no restriction
    preauthorized   BOOLEAN          NOT NULL,
    max_uses        BIGINT,
    uses            BIGINT           NOT NULL,
    sealed_mac_key  BYTEA            NOT NULL,
    created_by      TEXT COLLATE "C" NOT NULL,
    created_at      TIMESTAMPTZ      NOT NULL,
    expires_at      TIMESTAMPTZ,
    rotated_at      TIMESTAMPTZ,
    revoked_at      TIMESTAMPTZ
);

ALTER TABLE accounts ADD COLUMN eab_key_id TEXT COLLATE "C";
ALTER TABLE accounts ADD COLUMN eab_binding TEXT; -- JSON object, as it came, hence not JSONB
-- The version of the terms of service that the account agreed to.
ALTER TABLE accounts ADD COLUMN terms_version TEXT;

CREATE INDEX accounts_by_eab_key ON accounts (eab_key_id, id) WHERE eab_key_id IS NOT NULL;
