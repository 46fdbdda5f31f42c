-- The same change of many certificates, some at a time: who wants what, and how far it is.
CREATE TABLE bulk_actions (
    id         TEXT    NOT NULL PRIMARY KEY,
    state      TEXT    NOT NULL,
    change     TEXT    NOT NULL, -- JSON object
    selection  TEXT    NOT NULL, -- JSON object
    actor      TEXT    NOT NULL,
    client_ip  TEXT,
    request_id TEXT,
    total      INTEGER NOT NULL,
    done       INTEGER NOT NULL,
    failed     INTEGER NOT NULL,
    replaced   INTEGER,
    counted_at INTEGER,
    position   TEXT,
    claim      TEXT,
    due_at     INTEGER,
    created_at INTEGER NOT NULL,
    ended_at   INTEGER,
    note       TEXT
) STRICT;

CREATE INDEX bulk_actions_due ON bulk_actions (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX bulk_actions_by_actor ON bulk_actions (actor, id);

-- What came of each certificate.
CREATE TABLE bulk_action_items (
    action_id      TEXT NOT NULL,
    certificate_id TEXT NOT NULL,
    failure        TEXT, -- why it was not done
    PRIMARY KEY (action_id, certificate_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX bulk_action_failures ON bulk_action_items (action_id, certificate_id) WHERE failure IS NOT NULL;
