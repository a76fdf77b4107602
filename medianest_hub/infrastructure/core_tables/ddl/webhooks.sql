-- The secrets by which outside services may tell a plugin something: hashes only, since they are compared and never sent.

CREATE TABLE medianest.webhooks (
    plugin           text NOT NULL,
    instance         text NOT NULL,
    name             text NOT NULL,
    secret_hash      bytea NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    last_received_at timestamptz,
    last_result      text NOT NULL DEFAULT '',
    PRIMARY KEY (plugin, instance, name)
);
