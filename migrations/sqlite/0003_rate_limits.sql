-- How much is allowed, in one row; none: the defaults of the program.
CREATE TABLE rate_limits (
    id         TEXT    NOT NULL PRIMARY KEY,
    spec       TEXT    NOT NULL, -- JSON object
    version    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was used of it in one window of time, by those who used a good part. Deleted when the window is over.
CREATE TABLE rate_counters (
    rate_limit TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    resets_at  INTEGER NOT NULL, -- end of the window
    count      INTEGER NOT NULL,
    refused_at INTEGER,          -- first refusal in the window, which has an audit event
    PRIMARY KEY (rate_limit, subject, resets_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX rate_counters_by_count ON rate_counters (rate_limit, count);
CREATE INDEX rate_counters_by_end   ON rate_counters (resets_at);
