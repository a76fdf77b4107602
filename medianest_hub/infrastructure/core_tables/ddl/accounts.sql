-- People, their sessions, the first set-up and the secrets plugins keep for them. Times are the database's own clock.

CREATE TABLE medianest.users (
    id                  uuid PRIMARY KEY,
    -- As the person wrote it (NFKC); `username_key` is its case-folded form, by which it is unique and found.
    username            text NOT NULL CHECK (length(username) BETWEEN 1 AND 64),
    username_key        text NOT NULL UNIQUE,
    display_name        text NOT NULL DEFAULT '',
    email               text,
    avatar              text,
    role                text NOT NULL CHECK (role IN ('admin', 'member', 'guest')),
    status              text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled', 'invited')),
    -- An argon2id string with its own parameters; NULL for somebody who signs in by an outside provider only.
    password_hash       text,
    password_changed_at timestamptz,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    last_seen_at        timestamptz
);

CREATE TABLE medianest.sessions (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES medianest.users (id) ON DELETE CASCADE,
    provider     text NOT NULL DEFAULT 'local',
    remember     boolean NOT NULL DEFAULT false,
    user_agent   text NOT NULL DEFAULT '',
    address      inet,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    -- Moves on with use; a session nobody used for its idle time is over.
    expires_at   timestamptz NOT NULL,
    -- The tombstone: an ended session's row stays until it would have expired, so that no cache can revive it.
    ended_at     timestamptz,
    end_reason   text
);

CREATE INDEX sessions_live_by_user ON medianest.sessions (user_id, last_used_at DESC) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_expiry ON medianest.sessions (expires_at);

-- One row for each printed set-up link; all are void as soon as anybody exists.
CREATE TABLE medianest.setup_tokens (
    token_hash bytea PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

-- What a plugin keeps for one person, such as a token: sealed, never plain.
CREATE TABLE medianest.person_secrets (
    plugin     text NOT NULL,
    instance   text NOT NULL,
    person_id  uuid NOT NULL REFERENCES medianest.users (id) ON DELETE CASCADE,
    name       text NOT NULL,
    sealed     text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person_id, plugin, instance, name)
);
