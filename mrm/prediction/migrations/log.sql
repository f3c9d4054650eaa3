-- The log: a partition a day, in a schema where nobody but the owner has any right. The application writes and reads
-- through the parent alone; days come and go by the two functions below.
CREATE TABLE prediction_log (
  file bigint NOT NULL,
  line integer NOT NULL,
  at timestamptz NOT NULL,
  request varchar(100) NOT NULL,
  endpoint varchar(100) NOT NULL,
  deployment_id uuid NOT NULL,
  revision integer,
  role varchar(20) NOT NULL,
  model varchar(200) NOT NULL,
  version varchar(120) NOT NULL,
  digest varchar(64) NOT NULL,
  approval_id uuid,
  unit_hash varchar(128) NOT NULL,
  rows integer NOT NULL,
  inputs text NOT NULL,
  outputs text NOT NULL,
  micros bigint NOT NULL,
  flags varchar(100)[] NOT NULL,
  reason text NOT NULL,
  parent varchar(100) NOT NULL,
  outcome varchar(8) NOT NULL CHECK (outcome IN ('served', 'refused', 'failed'))
) PARTITION BY RANGE (at);
CREATE INDEX prediction_log_request ON prediction_log (request);
CREATE INDEX prediction_log_when ON prediction_log (deployment_id, at);
CREATE INDEX prediction_log_unit ON prediction_log (unit_hash) WHERE unit_hash <> '';
CREATE INDEX prediction_log_parent ON prediction_log (parent) WHERE parent <> '';

CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON prediction_log FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON prediction_log FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE prediction_log ENABLE ALWAYS TRIGGER audit_append_only;
ALTER TABLE prediction_log ENABLE ALWAYS TRIGGER audit_no_truncate;

CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON prediction_takenfile FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON prediction_takenfile FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE prediction_takenfile ENABLE ALWAYS TRIGGER audit_append_only;
ALTER TABLE prediction_takenfile ENABLE ALWAYS TRIGGER audit_no_truncate;

-- The place of a day, made before the first row of it comes; true when it was made now.
CREATE FUNCTION prediction_make_day(day date) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
  name CONSTANT text := 'log_' || to_char(day, 'YYYYMMDD');
BEGIN
  IF day NOT BETWEEN DATE '2020-01-01' AND current_date + 31 THEN
    RAISE EXCEPTION 'no day of the prediction log: %', day USING ERRCODE = 'check_violation';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('prediction_days'));
  IF to_regclass('mrm_days.' || name) IS NOT NULL THEN RETURN false; END IF;
  EXECUTE format('CREATE TABLE mrm_days.%I PARTITION OF public.prediction_log FOR VALUES FROM (%L) TO (%L)',
                 name, day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
  EXECUTE format('CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON mrm_days.%I FOR EACH STATEMENT'
                 ' EXECUTE FUNCTION public.audit_refuse()', name);
  EXECUTE format('ALTER TABLE mrm_days.%I ENABLE ALWAYS TRIGGER audit_no_truncate', name);
  RETURN true;
END $$;

-- Take a day out: only when the archive that was just recorded for it holds as many rows as the day does.
CREATE FUNCTION prediction_drop_day(day date) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
  name CONSTANT text := 'log_' || to_char(day, 'YYYYMMDD');
  held bigint;
  kept bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('prediction_days'));
  EXECUTE format('LOCK TABLE mrm_days.%I IN ACCESS EXCLUSIVE MODE', name);
  EXECUTE format('SELECT count(*) FROM mrm_days.%I', name) INTO held;
  UPDATE prediction_archive AS a SET dropped_at = clock_timestamp()
   WHERE a.day = prediction_drop_day.day AND a.dropped_at IS NULL RETURNING a.rows INTO kept;
  IF kept IS DISTINCT FROM held THEN
    RAISE EXCEPTION 'the day % holds % rows, its archive %', day, held, coalesce(kept::text, 'is not recorded')
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  EXECUTE format('ALTER TABLE public.prediction_log DETACH PARTITION mrm_days.%I', name);
  EXECUTE format('DROP TABLE mrm_days.%I', name);
  RETURN held;
END $$;

-- The days that are in the database; an empty one is left alone.
CREATE FUNCTION prediction_days() RETURNS SETOF date LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
  SELECT to_date(right(c.relname, 8), 'YYYYMMDD') FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
   WHERE i.inhparent = 'public.prediction_log'::regclass ORDER BY 1
$$;

REVOKE ALL ON FUNCTION prediction_make_day(date), prediction_drop_day(date), prediction_days() FROM PUBLIC;
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'mrm_app') THEN
    REVOKE ALL ON prediction_log, prediction_takenfile FROM mrm_app;
    GRANT SELECT, INSERT ON prediction_log, prediction_takenfile TO mrm_app;
    GRANT EXECUTE ON FUNCTION prediction_make_day(date), prediction_drop_day(date), prediction_days() TO mrm_app;
  END IF;
END $$;
