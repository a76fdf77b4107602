-- Background work: jobs, schedules, leases and the event outbox. The only truth about them; Redis merely wakes workers.

create table medianest.jobs (
    id uuid primary key,
    plugin text not null,
    instance text not null,
    task text not null,
    args jsonb not null default '{}',
    state text not null default 'queued'
        constraint jobs_state check (state in ('queued', 'running', 'done', 'failed', 'cancelled')),
    person_id uuid,
    -- What is served fairly: one person's jobs of one task wait behind each other, never in front of another lane.
    lane text collate "C" not null
        generated always as (plugin || ':' || task || ':' || coalesce(person_id::text, '')) stored,
    priority smallint not null default 0,
    unique_key text,
    event_id uuid,
    request_id text not null default '',
    attempt integer not null default 0,
    -- Attempts that ended because their worker died: they do not use up retries, but are limited by themselves.
    lost smallint not null default 0,
    attempt_token uuid,
    worker text,
    -- Which of a limited task's places this attempt holds; the index below makes a place impossible to hold twice.
    slot integer,
    cancel_requested boolean not null default false,
    progress jsonb not null default '{}',
    result jsonb,
    error_code text,
    error_message text,
    created_at timestamptz not null default now(),
    queued_at timestamptz not null default now(),
    run_at timestamptz not null default now(),
    started_at timestamptz,
    heartbeat_at timestamptz,
    finished_at timestamptz,
    constraint jobs_running check (state <> 'running' or (attempt_token is not null and heartbeat_at is not null)),
    constraint jobs_finished check ((finished_at is not null) = (state in ('done', 'failed', 'cancelled')))
) with (
    fillfactor = 80,
    -- Rows change often and in bursts: what they leave behind in the small indexes below would slow every claim.
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02
);

create index jobs_waiting on medianest.jobs (lane, priority desc, run_at, id) where state = 'queued';
create index jobs_due on medianest.jobs (run_at) where state = 'queued';
create index jobs_at_work on medianest.jobs (plugin, task) where state = 'running';
create unique index jobs_slot on medianest.jobs (plugin, task, slot) where state = 'running' and slot is not null;
create unique index jobs_unique on medianest.jobs (plugin, instance, task, unique_key)
    where unique_key is not null and state in ('queued', 'running') and not cancel_requested;
create unique index jobs_event on medianest.jobs (event_id, plugin, task) where event_id is not null;
create index jobs_of_person on medianest.jobs (person_id, id);
create index jobs_old on medianest.jobs (finished_at) where finished_at is not null;

create table medianest.schedules (
    plugin text not null,
    instance text not null,
    task text not null,
    every interval not null,
    next_at timestamptz not null,
    last_run_at timestamptz,
    runs bigint not null default 0,
    primary key (plugin, instance, task)
);

create table medianest.leases (
    name text primary key,
    holder text not null,
    fence bigint not null,
    acquired_at timestamptz not null,
    expires_at timestamptz not null
);

create table medianest.outbox (
    seq bigint generated always as identity primary key,
    id uuid not null unique,
    type text not null,
    v integer not null,
    source text not null,
    instance text not null,
    person_id uuid,
    data jsonb not null,
    request_id text not null default '',
    at timestamptz not null default now(),
    dispatched_at timestamptz
);

create index outbox_waiting on medianest.outbox (seq) where dispatched_at is null;
create index outbox_old on medianest.outbox (dispatched_at) where dispatched_at is not null;
