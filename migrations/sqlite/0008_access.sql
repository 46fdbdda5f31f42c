-- Who may do what: roles, API keys with a role, people, the providers that vouch for them, their sessions.

-- Built-in roles are in the program; these are the administrators' own.
CREATE TABLE roles (
    id          TEXT    NOT NULL PRIMARY KEY,
    description TEXT    NOT NULL,
    permissions TEXT    NOT NULL, -- JSON array
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

-- One row, which every change of who is an administrator locks, so that two of them cannot remove each other.
CREATE TABLE administration (
    id      INTEGER NOT NULL PRIMARY KEY,
    changes INTEGER NOT NULL
) STRICT;

INSERT INTO administration (id, changes) VALUES (1, 0);

-- Keys from before there were roles were administrators'.
ALTER TABLE api_keys ADD COLUMN role TEXT NOT NULL DEFAULT 'admin';
ALTER TABLE api_keys ADD COLUMN profiles TEXT NOT NULL DEFAULT '[]'; -- JSON array; empty: everywhere
ALTER TABLE api_keys ADD COLUMN allowed_networks TEXT NOT NULL DEFAULT '[]'; -- JSON array; empty: anywhere
ALTER TABLE api_keys ADD COLUMN expires_at INTEGER;
ALTER TABLE api_keys ADD COLUMN replaced_by TEXT;
ALTER TABLE api_keys ADD COLUMN last_used_at INTEGER;
ALTER TABLE api_keys ADD COLUMN last_used_from TEXT;
-- For which end its coming was reported.
ALTER TABLE api_keys ADD COLUMN expiry_reported INTEGER;

CREATE INDEX api_keys_to_expire ON api_keys (expires_at) WHERE revoked_at IS NULL AND expires_at IS NOT NULL;
CREATE INDEX api_keys_of_admins ON api_keys (id) WHERE role = 'admin' AND revoked_at IS NULL;
CREATE INDEX api_keys_by_role ON api_keys (role);

-- People. They are deactivated, never deleted: audit events point at them.
CREATE TABLE users (
    id              TEXT    NOT NULL PRIMARY KEY,
    provider_id     TEXT    NOT NULL, -- 'local' for those of the machine's command line
    subject         TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    email           TEXT,
    member_of       TEXT    NOT NULL, -- JSON array
    grants          TEXT    NOT NULL, -- JSON array
    version         INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    last_sign_in_at INTEGER,
    deactivated_at  INTEGER,
    UNIQUE (provider_id, subject)
) STRICT;

CREATE INDEX users_by_provider ON users (provider_id, id);

CREATE TABLE oidc_providers (
    id                   TEXT    NOT NULL PRIMARY KEY,
    spec                 TEXT    NOT NULL, -- JSON object
    sealed_client_secret BLOB,
    version              INTEGER NOT NULL,
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id_sha256        BLOB    NOT NULL PRIMARY KEY,
    id               TEXT    NOT NULL UNIQUE,
    user_id          TEXT,
    api_key_id       TEXT,
    method           TEXT    NOT NULL,
    provider_id      TEXT,
    provider_session TEXT,
    client_ip        TEXT,
    user_agent       TEXT,
    created_at       INTEGER NOT NULL,
    last_seen_at     INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    data             TEXT    NOT NULL -- JSON object
) STRICT;

CREATE INDEX sessions_by_user     ON sessions (user_id, id);
CREATE INDEX sessions_by_api_key  ON sessions (api_key_id) WHERE api_key_id IS NOT NULL;
CREATE INDEX sessions_by_provider ON sessions (provider_id, provider_session) WHERE provider_id IS NOT NULL;
CREATE INDEX sessions_to_expire   ON sessions (expires_at);
CREATE INDEX sessions_idle        ON sessions (last_seen_at);

-- Sessions that a provider has ended, until no sign-in begun before can still arrive.
CREATE TABLE ended_provider_sessions (
    provider_id TEXT    NOT NULL,
    ended       TEXT    NOT NULL, -- sid:… or sub:…
    ended_at    INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    PRIMARY KEY (provider_id, ended)
) STRICT, WITHOUT ROWID;

CREATE INDEX ended_provider_sessions_to_expire ON ended_provider_sessions (expires_at);

-- Links that sign a local user in, once.
CREATE TABLE login_links (
    token_sha256 BLOB    NOT NULL PRIMARY KEY,
    user_id      TEXT    NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX login_links_to_expire ON login_links (expires_at);

-- Passwords of local users, for the day on which no provider answers.
CREATE TABLE passwords (
    user_id      TEXT    NOT NULL PRIMARY KEY,
    hash         TEXT    NOT NULL,
    failures     INTEGER NOT NULL,
    locked_until INTEGER,
    changed_at   INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;
