-- The same change of many certificates, some at a time: who wants what, and how far it is.
CREATE TABLE bulk_actions (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    state      TEXT COLLATE "C" NOT NULL,
    change     JSONB            NOT NULL, -- object
    selection  JSONB            NOT NULL, -- object
    actor      TEXT COLLATE "C" NOT NULL,
    client_ip  TEXT COLLATE "C",
    request_id TEXT COLLATE "C",
    total      BIGINT           NOT NULL,
    done       BIGINT           NOT NULL,
    failed     BIGINT           NOT NULL,
    replaced   BIGINT,
    counted_at TIMESTAMPTZ,
    position   TEXT COLLATE "C",
    claim      TEXT COLLATE "C",
    due_at     TIMESTAMPTZ,
    created_at TIMESTAMPTZ      NOT NULL,
    ended_at   TIMESTAMPTZ,
    note       TEXT
);

CREATE INDEX bulk_actions_due ON bulk_actions (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX bulk_actions_by_actor ON bulk_actions (actor, id);

-- What came of each certificate.
CREATE TABLE bulk_action_items (
    action_id      TEXT COLLATE "C" NOT NULL,
    certificate_id TEXT COLLATE "C" NOT NULL,
    failure        TEXT, -- why it was not done
    PRIMARY KEY (action_id, certificate_id)
);

CREATE INDEX bulk_action_failures ON bulk_action_items (action_id, certificate_id) WHERE failure IS NOT NULL;
