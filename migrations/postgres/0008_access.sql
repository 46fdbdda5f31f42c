-- Who may do what: roles, API keys with a role, people, the providers that vouch for them, their sessions.

-- Built-in roles are in the program; these are the administrators' own.
CREATE TABLE roles (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    description TEXT             NOT NULL,
    permissions JSONB            NOT NULL, -- array
    version     BIGINT           NOT NULL,
    created_at  TIMESTAMPTZ      NOT NULL,
    updated_at  TIMESTAMPTZ      NOT NULL
);

-- One row, which every change of who is an administrator locks, so that two of them cannot remove each other.
CREATE TABLE administration (
    id      BIGINT NOT NULL PRIMARY KEY,
    changes BIGINT NOT NULL
);

INSERT INTO administration (id, changes) VALUES (1, 0);

-- Keys from before there were roles were administrators'.
ALTER TABLE api_keys ADD COLUMN role TEXT COLLATE "C" NOT NULL DEFAULT 'admin';
ALTER TABLE api_keys ADD COLUMN profiles JSONB NOT NULL DEFAULT '[]'; -- array; empty: everywhere
ALTER TABLE api_keys ADD COLUMN allowed_networks JSONB NOT NULL DEFAULT '[]'; -- array; empty: anywhere
ALTER TABLE api_keys ADD COLUMN expires_at TIMESTAMPTZ;
ALTER TABLE api_keys ADD COLUMN replaced_by TEXT COLLATE "C";
ALTER TABLE api_keys ADD COLUMN last_used_at TIMESTAMPTZ;
ALTER TABLE api_keys ADD COLUMN last_used_from TEXT COLLATE "C";
-- For which end its coming was reported.
ALTER TABLE api_keys ADD COLUMN expiry_reported TIMESTAMPTZ;

CREATE INDEX api_keys_to_expire ON api_keys (expires_at) WHERE revoked_at IS NULL AND expires_at IS NOT NULL;
CREATE INDEX api_keys_of_admins ON api_keys (id) WHERE role = 'admin' AND revoked_at IS NULL;
CREATE INDEX api_keys_by_role ON api_keys (role);

-- People. They are deactivated, never deleted: audit events point at them.
CREATE TABLE users (
    id              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    provider_id     TEXT COLLATE "C" NOT NULL, -- 'local' for those of the machine's command line
    subject         TEXT COLLATE "C" NOT NULL,
    name            TEXT             NOT NULL,
    email           TEXT,
    member_of       JSONB            NOT NULL, -- array
    grants          JSONB            NOT NULL, -- array
    version         BIGINT           NOT NULL,
    created_at      TIMESTAMPTZ      NOT NULL,
    last_sign_in_at TIMESTAMPTZ,
    deactivated_at  TIMESTAMPTZ,
    UNIQUE (provider_id, subject)
);

CREATE INDEX users_by_provider ON users (provider_id, id);

CREATE TABLE oidc_providers (
    id                   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    spec                 JSONB            NOT NULL, -- object
    sealed_client_secret BYTEA,
    version              BIGINT           NOT NULL,
    created_at           TIMESTAMPTZ      NOT NULL,
    updated_at           TIMESTAMPTZ      NOT NULL
);

CREATE TABLE sessions (
    id_sha256        BYTEA            NOT NULL PRIMARY KEY,
    id               TEXT COLLATE "C" NOT NULL UNIQUE,
    user_id          TEXT COLLATE "C",
    api_key_id       TEXT COLLATE "C",
    method           TEXT COLLATE "C" NOT NULL,
    provider_id      TEXT COLLATE "C",
    provider_session TEXT COLLATE "C",
    client_ip        TEXT COLLATE "C",
    user_agent       TEXT,
    created_at       TIMESTAMPTZ      NOT NULL,
    last_seen_at     TIMESTAMPTZ      NOT NULL,
    expires_at       TIMESTAMPTZ      NOT NULL,
    data             JSONB            NOT NULL -- object
);

CREATE INDEX sessions_by_user     ON sessions (user_id, id);
CREATE INDEX sessions_by_api_key  ON sessions (api_key_id) WHERE api_key_id IS NOT NULL;
CREATE INDEX sessions_by_provider ON sessions (provider_id, provider_session) WHERE provider_id IS NOT NULL;
CREATE INDEX sessions_to_expire   ON sessions (expires_at);
CREATE INDEX sessions_idle        ON sessions (last_seen_at);

-- Sessions that a provider has ended, until no sign-in begun before can still arrive.
CREATE TABLE ended_provider_sessions (
    provider_id TEXT COLLATE "C" NOT NULL,
    ended       TEXT COLLATE "C" NOT NULL, -- sid:… or sub:…
    ended_at    TIMESTAMPTZ      NOT NULL,
    expires_at  TIMESTAMPTZ      NOT NULL,
    PRIMARY KEY (provider_id, ended)
);

CREATE INDEX ended_provider_sessions_to_expire ON ended_provider_sessions (expires_at);

-- Links that sign a local user in, once.
CREATE TABLE login_links (
    token_sha256 BYTEA            NOT NULL PRIMARY KEY,
    user_id      TEXT COLLATE "C" NOT NULL,
    expires_at   TIMESTAMPTZ      NOT NULL
);

CREATE INDEX login_links_to_expire ON login_links (expires_at);

-- Passwords of local users, for the day on which no provider answers.
CREATE TABLE passwords (
    user_id      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    hash         TEXT             NOT NULL,
    failures     BIGINT           NOT NULL,
    locked_until TIMESTAMPTZ,
    changed_at   TIMESTAMPTZ      NOT NULL,
    last_used_at TIMESTAMPTZ
);
