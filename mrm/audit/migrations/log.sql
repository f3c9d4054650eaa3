-- Every event waits for the sequencer, whoever wrote it. Runs as the owner: nobody else may write there.
CREATE FUNCTION audit_wait() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO audit_pending (event_id) SELECT id FROM fresh;
  RETURN NULL;
END $$;

CREATE TRIGGER audit_wait AFTER INSERT ON audit_event REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION audit_wait();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_wait;

DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['audit_leaf', 'audit_subtree', 'audit_checkpoint', 'audit_logkey', 'audit_anchor'] LOOP
    EXECUTE format('CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION audit_refuse()', name);
    EXECUTE format('CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()', name);
    EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER audit_append_only', name);
    EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER audit_no_truncate', name);
  END LOOP;
  CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_pending FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
  ALTER TABLE audit_pending ENABLE ALWAYS TRIGGER audit_no_truncate;
END $$;

-- An event leaves the queue only when it has its place in the log.
CREATE FUNCTION audit_placed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM audit_leaf WHERE event_id = OLD.event_id) THEN
    RAISE EXCEPTION 'event % has no place in the log yet', OLD.event_id USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN OLD;
END $$;

CREATE TRIGGER audit_placed BEFORE DELETE ON audit_pending FOR EACH ROW EXECUTE FUNCTION audit_placed();
CREATE TRIGGER audit_append_only BEFORE UPDATE ON audit_pending FOR EACH ROW EXECUTE FUNCTION audit_refuse();
ALTER TABLE audit_pending ENABLE ALWAYS TRIGGER audit_placed;
ALTER TABLE audit_pending ENABLE ALWAYS TRIGGER audit_append_only;

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'mrm_app') THEN
    REVOKE ALL ON audit_pending, audit_leaf, audit_subtree, audit_checkpoint, audit_logkey, audit_anchor FROM mrm_app;
    GRANT SELECT ON audit_pending, audit_leaf, audit_subtree, audit_checkpoint, audit_logkey, audit_anchor TO mrm_app;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'mrm_log') THEN
    GRANT SELECT ON audit_event, audit_change, audit_pending, audit_leaf, audit_subtree, audit_checkpoint, audit_logkey, audit_anchor TO mrm_log;
    GRANT INSERT ON audit_leaf, audit_subtree, audit_checkpoint, audit_logkey, audit_anchor TO mrm_log;
    GRANT DELETE ON audit_pending TO mrm_log;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO mrm_log;
  END IF;
END $$;
