-- How much is allowed, in one row; none: the defaults of the program.
CREATE TABLE rate_limits (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    spec       JSONB            NOT NULL, -- object
    version    BIGINT           NOT NULL,
    updated_at TIMESTAMPTZ      NOT NULL
);

-- What was used of it in one window of time, by those who used a good part. Deleted when the window is over.
CREATE TABLE rate_counters (
    rate_limit TEXT COLLATE "C" NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL,
    resets_at  TIMESTAMPTZ      NOT NULL, -- end of the window
    count      BIGINT           NOT NULL,
    refused_at TIMESTAMPTZ,               -- first refusal in the window, which has an audit event
    PRIMARY KEY (rate_limit, subject, resets_at)
);

CREATE INDEX rate_counters_by_count ON rate_counters (rate_limit, count);
CREATE INDEX rate_counters_by_end   ON rate_counters (resets_at);
