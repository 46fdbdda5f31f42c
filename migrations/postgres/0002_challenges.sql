-- Challenges that clients have answered, and the attempts to validate them. A challenge that nobody has answered has
-- no row: the authorization says what is offered.
CREATE TABLE challenges (
    authorization_id TEXT COLLATE "C" NOT NULL,
    kind             TEXT COLLATE "C" NOT NULL,
    profile_id       TEXT COLLATE "C" NOT NULL, -- that of the authorization
    status           TEXT COLLATE "C" NOT NULL,
    error            JSONB,                     -- object: why the last attempt failed
    attempts         BIGINT           NOT NULL, -- that have ended
    due_at           TIMESTAMPTZ      NOT NULL, -- when somebody may start the next attempt; while there is a claim, its end
    claim            TEXT COLLATE "C",          -- who is at work on an attempt
    validated_at     TIMESTAMPTZ,
    created_at       TIMESTAMPTZ      NOT NULL,
    updated_at       TIMESTAMPTZ      NOT NULL,
    PRIMARY KEY (authorization_id, kind)
);

CREATE INDEX challenges_due ON challenges (profile_id, due_at) WHERE status = 'processing';

CREATE TABLE validation_attempts (
    authorization_id TEXT COLLATE "C" NOT NULL,
    kind             TEXT COLLATE "C" NOT NULL,
    number           BIGINT           NOT NULL, -- from 1
    started_at       TIMESTAMPTZ      NOT NULL,
    duration_us      BIGINT           NOT NULL, -- microseconds
    outcome          TEXT COLLATE "C" NOT NULL,
    problem          JSONB,                     -- object
    evidence         JSONB            NOT NULL, -- object
    PRIMARY KEY (authorization_id, kind, number)
);

-- An authorization can now stand without an order, belongs to a profile by itself, offers challenges, and may owe its
-- validity to another.
ALTER TABLE authorizations
    ALTER COLUMN order_id DROP NOT NULL,            -- NULL: asked for before any order
    ADD COLUMN profile_id TEXT COLLATE "C",
    ADD COLUMN offered    JSONB,                    -- array of challenge types; NULL: born valid
    ADD COLUMN source_id  TEXT COLLATE "C";         -- the authorization that this one was made valid by

UPDATE authorizations a SET profile_id = o.profile_id FROM orders o WHERE o.id = a.order_id;
DELETE FROM authorizations WHERE profile_id IS NULL;
ALTER TABLE authorizations ALTER COLUMN profile_id SET NOT NULL;

-- What a later order can be served by.
CREATE INDEX authorizations_validated ON authorizations (account_id, profile_id, identifier_value, expires_at)
    WHERE status = 'valid' AND offered IS NOT NULL;
CREATE INDEX authorizations_by_source ON authorizations (source_id) WHERE source_id IS NOT NULL;
CREATE INDEX authorizations_alone ON authorizations (expires_at) WHERE order_id IS NULL;
