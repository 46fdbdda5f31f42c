-- Keys for external account binding (RFC 8555 §7.3.4). They are revoked, never deleted: accounts point at them.
CREATE TABLE eab_keys (
    id              TEXT    NOT NULL PRIMARY KEY,
    note            TEXT    NOT NULL,
    profiles        TEXT    NOT NULL, -- JSON array; empty: all
    permitted_names TEXT    NOT NULL, -- JSON array; empty: no restriction
    preauthorized   INTEGER NOT NULL,
    max_uses        INTEGER,
    uses            INTEGER NOT NULL,
    sealed_mac_key  BLOB    NOT NULL,
    created_by      TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER,
    rotated_at      INTEGER,
    revoked_at      INTEGER
) STRICT;

ALTER TABLE accounts ADD COLUMN eab_key_id TEXT;
ALTER TABLE accounts ADD COLUMN eab_binding TEXT; -- JSON object, as it came
-- The version of the terms of service that the account agreed to.
ALTER TABLE accounts ADD COLUMN terms_version TEXT;

CREATE INDEX accounts_by_eab_key ON accounts (eab_key_id, id) WHERE eab_key_id IS NOT NULL;
