-- Who did what, on what, from where, with what result. Rows are added and, when old, removed; never changed.

CREATE TABLE medianest.audit (
    -- UUIDv7: in order of time, and the cursor of lists.
    id          uuid PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    -- No foreign keys: the log outlives whom it speaks of. Names are as they were then.
    actor_kind  text NOT NULL CHECK (actor_kind IN ('person', 'api_key', 'anonymous', 'operator', 'system')),
    actor_id    uuid,
    actor_name  text NOT NULL DEFAULT '',
    action      text NOT NULL,
    target_kind text NOT NULL DEFAULT '',
    target_id   text NOT NULL DEFAULT '',
    target_name text NOT NULL DEFAULT '',
    address     inet,
    result      text NOT NULL CHECK (result IN ('ok', 'refused', 'failed')),
    code        text NOT NULL DEFAULT '',
    request_id  text NOT NULL DEFAULT '',
    details     jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_by_time ON medianest.audit (at);
CREATE INDEX audit_by_actor ON medianest.audit (actor_id, id DESC);
CREATE INDEX audit_by_action ON medianest.audit (action text_pattern_ops, id DESC);
CREATE INDEX audit_by_target ON medianest.audit (target_id, id DESC);
CREATE INDEX audit_by_address ON medianest.audit (address, id DESC);
-- What went well is most of the log, and nobody looks for that alone.
CREATE INDEX audit_by_trouble ON medianest.audit (result, id DESC) WHERE result <> 'ok';

CREATE FUNCTION medianest.audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Retention says so for its own transaction; nothing else removes, and nothing at all changes, a row. Even so nothing
    -- younger than the shortest retention goes: what somebody did just now cannot be covered up that way.
    IF TG_OP = 'DELETE' THEN
        IF current_setting('medianest.audit_retention', true) = 'on' AND OLD.at < now() - interval '1 day' THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only';
END;
$$;

CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE ON medianest.audit
    FOR EACH ROW EXECUTE FUNCTION medianest.audit_only_grows();
CREATE TRIGGER audit_is_never_emptied BEFORE TRUNCATE ON medianest.audit
    FOR EACH STATEMENT EXECUTE FUNCTION medianest.audit_only_grows();
