-- Events for open pages; `seq` is the cursor a page resumes from.
CREATE TABLE medianest.realtime_events (
    seq         bigserial   PRIMARY KEY,
    event       text        NOT NULL,
    person_id   uuid,
    permission  text,
    data        jsonb       NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    CHECK ((person_id IS NULL) <> (permission IS NULL))
);
CREATE INDEX realtime_events_at ON medianest.realtime_events (at);
CREATE INDEX realtime_events_person ON medianest.realtime_events (person_id, seq) WHERE person_id IS NOT NULL;
