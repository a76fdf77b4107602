-- What happened in the house, whom it was told to, and by which ways. Words are made when somebody reads: kept are a kind and
-- parameters. When something was told and when it is to be sent go by the clocks of the hub's processes.

-- NULL: as the browser asks for it, or as the operator set.
ALTER TABLE medianest.users ADD COLUMN language text;

-- `kind` is the full name (`youtube.download_done`). With a person it concerned them alone.
CREATE TABLE medianest.happenings (
    id         uuid PRIMARY KEY,
    kind       text NOT NULL,
    instance   text NOT NULL,
    -- What makes it the same happening, of this kind and instance, for this person.
    key        text NOT NULL,
    person_id  uuid REFERENCES medianest.users (id) ON DELETE CASCADE,
    -- Beyond the kind's own, which permission one must have to see it.
    permission text,
    -- Who is not to see it, whatever they may.
    hidden_from uuid[],
    params     jsonb NOT NULL,
    href       text,
    -- Which picture of the plugin's: links to it expire, so they are made anew.
    image      jsonb,
    in_activity boolean NOT NULL,
    at         timestamptz NOT NULL,
    told_at    timestamptz NOT NULL
);
CREATE UNIQUE INDEX happenings_once ON medianest.happenings
    (kind, instance, key, coalesce(person_id, '00000000-0000-0000-0000-000000000000'));
CREATE INDEX happenings_of_person ON medianest.happenings (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX happenings_old ON medianest.happenings (told_at);

CREATE TABLE medianest.notifications (
    person_id    uuid NOT NULL REFERENCES medianest.users (id) ON DELETE CASCADE,
    happening_id uuid NOT NULL REFERENCES medianest.happenings (id) ON DELETE CASCADE,
    -- How the person wanted it in the list of the hub's own pages: `digest` is there without being counted or announced.
    choice       text NOT NULL CHECK (choice IN ('on', 'digest', 'off')),
    -- Whether open pages were told, and the deliveries were made.
    announced    boolean NOT NULL DEFAULT false,
    read_at      timestamptz,
    -- The tombstone: what somebody removed is not told to them again.
    removed_at   timestamptz,
    PRIMARY KEY (person_id, happening_id)
);
CREATE INDEX notifications_of_happening ON medianest.notifications (happening_id);
CREATE INDEX notifications_unread ON medianest.notifications (person_id, happening_id)
    WHERE choice = 'on' AND read_at IS NULL AND removed_at IS NULL;
CREATE INDEX notifications_waiting ON medianest.notifications (happening_id) WHERE NOT announced;

-- One message by one way (`<plugin>.<notifier>`) to one person: at most one row, so at most one message.
CREATE TABLE medianest.deliveries (
    person_id     uuid NOT NULL,
    happening_id  uuid NOT NULL,
    way           text NOT NULL,
    -- waiting: to be sent at `next_at` · gathering: in the digest of `next_at` · sending: claimed until `next_at`, and perhaps
    -- lost after that · sent · failed · dropped: waited for too long · uncertain: may have got through, so it is not repeated ·
    -- skipped: the person has not set up this way, or may not hear of it any more.
    state         text NOT NULL CHECK (state IN
        ('waiting', 'gathering', 'sending', 'sent', 'failed', 'dropped', 'uncertain', 'skipped')),
    attempts      integer NOT NULL DEFAULT 0,
    -- Which attempt has it: of one message, or of all in one digest.
    attempt_token uuid,
    next_at       timestamptz NOT NULL,
    -- When it was first due; a day later it is given up.
    due_at        timestamptz NOT NULL,
    error         text NOT NULL DEFAULT '',
    ended_at      timestamptz,
    PRIMARY KEY (person_id, happening_id, way),
    FOREIGN KEY (person_id, happening_id) REFERENCES medianest.notifications (person_id, happening_id) ON DELETE CASCADE
);
CREATE INDEX deliveries_due ON medianest.deliveries (next_at) WHERE state IN ('waiting', 'gathering', 'sending');
CREATE INDEX deliveries_gathering ON medianest.deliveries (person_id, way) WHERE state = 'gathering';
CREATE INDEX deliveries_lately ON medianest.deliveries (person_id, way, ended_at) WHERE state IN ('sent', 'uncertain');
CREATE INDEX deliveries_claimed ON medianest.deliveries (attempt_token) WHERE state = 'sending';

-- How somebody wants to hear of one kind by one way; without a row, as the kind's own default says. `hub`: the list itself.
CREATE TABLE medianest.notification_choices (
    person_id uuid NOT NULL REFERENCES medianest.users (id) ON DELETE CASCADE,
    kind      text NOT NULL,
    way       text NOT NULL,
    choice    text NOT NULL CHECK (choice IN ('on', 'digest', 'off')),
    PRIMARY KEY (person_id, kind, way)
);

-- Minutes after midnight in the person's time zone. Quiet hours that end before they begin go over midnight.
CREATE TABLE medianest.notification_settings (
    person_id  uuid PRIMARY KEY REFERENCES medianest.users (id) ON DELETE CASCADE,
    time_zone  text,
    quiet_from smallint CHECK (quiet_from BETWEEN 0 AND 1439),
    quiet_to   smallint CHECK (quiet_to BETWEEN 0 AND 1439),
    digest_at  smallint CHECK (digest_at BETWEEN 0 AND 1439),
    CHECK ((quiet_from IS NULL) = (quiet_to IS NULL))
);
