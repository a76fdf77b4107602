-- What operators want of each plugin, and what each process made of it.
CREATE TABLE medianest.plugin_wanted (
    plugin      text        NOT NULL,
    instance    text        NOT NULL DEFAULT 'main',
    enabled     boolean,                              -- null: on as soon as its settings are complete
    settings    jsonb       NOT NULL DEFAULT '{}',    -- without secrets
    sealed      jsonb       NOT NULL DEFAULT '{}',    -- field -> sealed text
    generation  bigint      NOT NULL DEFAULT 1,
    restarts    bigint      NOT NULL DEFAULT 0,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    updated_by  uuid,
    PRIMARY KEY (plugin, instance)
);

CREATE TABLE medianest.processes (
    id          uuid        PRIMARY KEY,
    role        text        NOT NULL,
    host        text        NOT NULL,
    pid         integer     NOT NULL,
    version     text        NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    seen_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE medianest.plugin_applied (
    process_id  uuid        NOT NULL REFERENCES medianest.processes (id) ON DELETE CASCADE,
    plugin      text        NOT NULL,
    instance    text        NOT NULL,
    generation  bigint      NOT NULL,
    state       text        NOT NULL,
    reason      text        NOT NULL DEFAULT '',
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (process_id, plugin, instance)
);
