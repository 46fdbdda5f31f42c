-- Challenges that clients have answered, and the attempts to validate them. A challenge that nobody has answered has
-- no row: the authorization says what is offered.
CREATE TABLE challenges (
    authorization_id TEXT    NOT NULL,
    kind             TEXT    NOT NULL,
    profile_id       TEXT    NOT NULL, -- that of the authorization
    status           TEXT    NOT NULL,
    error            TEXT,             -- JSON object: why the last attempt failed
    attempts         INTEGER NOT NULL, -- that have ended
    due_at           INTEGER NOT NULL, -- when somebody may start the next attempt; while there is a claim, its end
    claim            TEXT,             -- who is at work on an attempt
    validated_at     INTEGER,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (authorization_id, kind)
) STRICT, WITHOUT ROWID;

CREATE INDEX challenges_due ON challenges (profile_id, due_at) WHERE status = 'processing';

CREATE TABLE validation_attempts (
    authorization_id TEXT    NOT NULL,
    kind             TEXT    NOT NULL,
    number           INTEGER NOT NULL, -- from 1
    started_at       INTEGER NOT NULL,
    duration_us      INTEGER NOT NULL, -- microseconds
    outcome          TEXT    NOT NULL,
    problem          TEXT,             -- JSON object
    evidence         TEXT    NOT NULL, -- JSON object
    PRIMARY KEY (authorization_id, kind, number)
) STRICT, WITHOUT ROWID;

-- An authorization can now stand without an order, belongs to a profile by itself, offers challenges, and may owe its
-- validity to another. SQLite cannot take NOT NULL from a column, so the table is made anew.
CREATE TABLE new_authorizations (
    id               TEXT    NOT NULL PRIMARY KEY,
    order_id         TEXT,             -- NULL: asked for before any order
    position         INTEGER NOT NULL, -- among the order's identifiers
    account_id       TEXT    NOT NULL,
    profile_id       TEXT    NOT NULL,
    identifier_type  TEXT    NOT NULL,
    identifier_value TEXT    NOT NULL,
    wildcard         INTEGER NOT NULL,
    status           TEXT    NOT NULL,
    token            TEXT    NOT NULL,
    offered          TEXT,             -- JSON array of challenge types; NULL: born valid
    source_id        TEXT,             -- the authorization that this one was made valid by
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    validated_at     INTEGER
) STRICT;

INSERT INTO new_authorizations
SELECT a.id, a.order_id, a.position, a.account_id, o.profile_id, a.identifier_type, a.identifier_value, a.wildcard,
       a.status, a.token, NULL, NULL, a.created_at, a.expires_at, a.validated_at
FROM authorizations a JOIN orders o ON o.id = a.order_id;

DROP TABLE authorizations;
ALTER TABLE new_authorizations RENAME TO authorizations;

CREATE INDEX authorizations_by_order ON authorizations (order_id, position);
-- Which names an account holds.
CREATE INDEX authorizations_held ON authorizations (account_id, identifier_value, expires_at) WHERE status = 'valid';
-- What a later order can be served by.
CREATE INDEX authorizations_validated ON authorizations (account_id, profile_id, identifier_value, expires_at)
    WHERE status = 'valid' AND offered IS NOT NULL;
CREATE INDEX authorizations_by_source ON authorizations (source_id) WHERE source_id IS NOT NULL;
CREATE INDEX authorizations_alone ON authorizations (expires_at) WHERE order_id IS NULL;
