-- The queue is kept in the order of the events, so that its next part is found without sorting all that waits.
ALTER TABLE audit_pending ADD COLUMN position bigint;
ALTER TABLE audit_pending DISABLE TRIGGER audit_append_only;
UPDATE audit_pending AS q SET position = e.position FROM audit_event AS e WHERE e.id = q.event_id;
ALTER TABLE audit_pending ENABLE ALWAYS TRIGGER audit_append_only;
ALTER TABLE audit_pending DROP CONSTRAINT audit_pending_pkey, ADD CONSTRAINT audit_pending_pkey PRIMARY KEY (position);

CREATE OR REPLACE FUNCTION audit_wait() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO audit_pending (position, event_id) VALUES (NEW.position, NEW.id);
  RETURN NULL;
END $$;
DROP TRIGGER audit_wait ON audit_event;
CREATE TRIGGER audit_wait AFTER INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_wait();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_wait;

-- Events leave the queue only when they have their place in the log; all that leave together are looked at together.
DROP TRIGGER audit_placed ON audit_pending;
CREATE OR REPLACE FUNCTION audit_placed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  lost uuid;
BEGIN
  SELECT g.event_id INTO lost FROM gone AS g WHERE NOT EXISTS (SELECT FROM audit_leaf WHERE event_id = g.event_id) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'event % has no place in the log yet', lost USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER audit_placed AFTER DELETE ON audit_pending REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION audit_placed();
ALTER TABLE audit_pending ENABLE ALWAYS TRIGGER audit_placed;

-- Leaves have an event each; all that come together are looked at together, which a foreign key does one by one.
CREATE FUNCTION audit_of_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  strange uuid;
BEGIN
  SELECT f.event_id INTO strange FROM fresh AS f WHERE NOT EXISTS (SELECT FROM audit_event WHERE id = f.event_id) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'there is no event % to have a place in the log', strange USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER audit_of_event AFTER INSERT ON audit_leaf REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION audit_of_event();
ALTER TABLE audit_leaf ENABLE ALWAYS TRIGGER audit_of_event;
