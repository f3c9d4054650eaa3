-- Runs as the owner, because the application role may not write to audit_change itself. What an update left alone is
-- found by one scan of the row, and taken out of both sides.
CREATE OR REPLACE FUNCTION audit_capture() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  event uuid := nullif(current_setting('mrm.audit_event', true), '')::uuid;
  secret text[];
  personal text[];
  old_row jsonb;
  new_row jsonb;
BEGIN
  IF event IS NULL THEN
    RAISE EXCEPTION 'write to % outside an audited action', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF TG_OP <> 'INSERT' THEN old_row := to_jsonb(OLD); END IF;
  IF TG_OP <> 'DELETE' THEN new_row := to_jsonb(NEW); END IF;
  IF TG_NARGS > 1 THEN
    secret := ARRAY(SELECT told FROM unnest(TG_ARGV[1:]) AS told WHERE told NOT LIKE '%@%');
    personal := ARRAY(SELECT told FROM unnest(TG_ARGV[1:]) AS told WHERE told LIKE '%@%');
    old_row := audit_veil(old_row - secret, personal, true);
    new_row := audit_veil(new_row - secret, personal, true);
  END IF;
  IF TG_OP = 'UPDATE' THEN
    INSERT INTO audit_change (event_id, "table", "row", op, before, after)
      SELECT event, TG_TABLE_NAME, new_row ->> TG_ARGV[0], 'update', old_row - d.same, new_row - d.same
        FROM (SELECT ARRAY(SELECT key FROM jsonb_each(new_row) WHERE old_row -> key IS NOT DISTINCT FROM value) AS same OFFSET 0) AS d
       WHERE new_row - d.same <> '{}' OR to_jsonb(OLD) <> to_jsonb(NEW);
  ELSE
    INSERT INTO audit_change (event_id, "table", "row", op, before, after)
      VALUES (event, TG_TABLE_NAME, coalesce(new_row, old_row) ->> TG_ARGV[0], lower(TG_OP), old_row, new_row);
  END IF;
  RETURN NULL;
END $$;
