-- Who may come in and how: proven identities, refresh tokens, API keys, invitations, one-time links. Times are the database's.

-- Only an e-mail address a provider verified, or an admin wrote, says who somebody is.
ALTER TABLE medianest.users ADD COLUMN email_verified boolean NOT NULL DEFAULT false;
CREATE INDEX users_by_verified_email ON medianest.users (lower(email)) WHERE email IS NOT NULL AND email_verified;

-- When the person last proved who they are in this session; linking another way in wants it fresh.
ALTER TABLE medianest.sessions ADD COLUMN authenticated_at timestamptz NOT NULL DEFAULT now();

-- Where a session began, while `address` is that of its latest refresh: only who had a password or proof was there.
-- When its person has heard why it was ended, where that is worth telling.
ALTER TABLE medianest.sessions ADD COLUMN signed_in_from inet, ADD COLUMN end_seen_at timestamptz;
UPDATE medianest.sessions SET signed_in_from = address;
CREATE INDEX sessions_unseen_ends ON medianest.sessions (user_id)
    WHERE end_reason IN ('refresh_reused', 'identity_withdrawn') AND end_seen_at IS NULL;

-- What one person may beyond (`allowed`) or short of (not `allowed`) their role.
CREATE TABLE medianest.permission_overrides (
    user_id    uuid NOT NULL REFERENCES medianest.users (id) ON DELETE CASCADE,
    permission text NOT NULL,
    allowed    boolean NOT NULL,
    set_by     uuid REFERENCES medianest.users (id) ON DELETE SET NULL,
    set_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, permission)
);

-- One row for each outside account a person signs in with. `provider` is its id (`plex`, `oidc`).
CREATE TABLE medianest.identities (
    id             uuid PRIMARY KEY,
    user_id        uuid NOT NULL REFERENCES medianest.users (id) ON DELETE CASCADE,
    provider       text NOT NULL,
    subject        text NOT NULL,
    username       text NOT NULL DEFAULT '',
    email          text,
    email_verified boolean NOT NULL DEFAULT false,
    linked_at      timestamptz NOT NULL DEFAULT now(),
    last_used_at   timestamptz NOT NULL DEFAULT now(),
    -- When the provider was last asked whether this still stands, and what it said (NULL: it does).
    checked_at     timestamptz NOT NULL DEFAULT now(),
    withdrawn      text,
    UNIQUE (provider, subject),
    UNIQUE (user_id, provider)
);
CREATE INDEX identities_by_check ON medianest.identities (checked_at);

-- The way of one sign-in by an outside provider, from its start to its end. The browser holds the token, this its hash.
CREATE TABLE medianest.sign_in_attempts (
    token_hash bytea PRIMARY KEY,
    provider   text NOT NULL,
    sealed     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    -- Somebody is completing it; should they die of that, it is free again then.
    claimed_until timestamptz
);
CREATE INDEX sign_in_attempts_by_expiry ON medianest.sign_in_attempts (expires_at);

-- A session is a family of refresh tokens: each is good once. Using one again ends the session.
CREATE TABLE medianest.refresh_tokens (
    token_hash bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES medianest.sessions (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_by_session ON medianest.refresh_tokens (session_id);

CREATE TABLE medianest.api_keys (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES medianest.users (id) ON DELETE CASCADE,
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    key_hash     bytea NOT NULL UNIQUE,
    -- Its first characters, by which its owner knows it again.
    hint         text NOT NULL,
    permissions  text[] NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    last_used_at timestamptz,
    -- The tombstone, as for sessions.
    revoked_at   timestamptz
);
CREATE INDEX api_keys_by_user ON medianest.api_keys (user_id);

CREATE TABLE medianest.invites (
    id         uuid PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE,
    role       text NOT NULL CHECK (role IN ('admin', 'member', 'guest')),
    note       text NOT NULL DEFAULT '',
    max_uses   integer NOT NULL CHECK (max_uses BETWEEN 1 AND 1000),
    uses       integer NOT NULL DEFAULT 0 CHECK (uses <= max_uses),
    created_by uuid REFERENCES medianest.users (id) ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);

-- One-time links by which somebody sets a password: made by an admin, good once, void as soon as the password changes.
CREATE TABLE medianest.password_links (
    token_hash bytea PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES medianest.users (id) ON DELETE CASCADE,
    created_by uuid REFERENCES medianest.users (id) ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX password_links_by_user ON medianest.password_links (user_id);
