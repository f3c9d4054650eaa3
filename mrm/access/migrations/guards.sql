-- An installation is founded once: the first people who sign are appointed by the system, all in one transaction, of
-- which this row keeps the name. It is written by the guard of the grants, and by nobody else.
CREATE TABLE access_founding (
  once boolean PRIMARY KEY DEFAULT true CHECK (once),
  at timestamptz NOT NULL DEFAULT now(),
  transaction xid8 NOT NULL DEFAULT pg_current_xact_id()
);
REVOKE ALL ON access_founding FROM PUBLIC;
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'mrm_app') THEN
    REVOKE ALL ON access_founding FROM mrm_app;
  END IF;
END $$;
CREATE FUNCTION access_being_founded() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
  SELECT NOT EXISTS (SELECT FROM access_founding
                      WHERE transaction IS DISTINCT FROM pg_current_xact_id_if_assigned() OR at <> now())
$$;

-- What a row is about never changes: a grant that moved to another account, an account that moved to another person or
-- a unit that moved up would be a role that nobody granted.
CREATE FUNCTION access_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY TG_ARGV LOOP
    IF to_jsonb(NEW) -> name IS DISTINCT FROM to_jsonb(OLD) -> name THEN
      RAISE EXCEPTION '%.% never changes', TG_TABLE_NAME, name USING ERRCODE = 'check_violation';
    END IF;
  END LOOP;
  RETURN NEW;
END $$;
CREATE FUNCTION access_grant_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR OLD.revoked_at IS NOT NULL THEN
    RAISE EXCEPTION 'a grant is revoked once and stays in the record' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
-- An exception lets somebody read for a time; it is no other permission, it is not opened to oneself, and its row stays.
CREATE FUNCTION access_exception_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'an exception is ended and stays in the record' USING ERRCODE = 'check_violation';
  END IF;
  IF NOT EXISTS (SELECT FROM auth_permission WHERE id = NEW.permission_id AND starts_with(codename, 'view_')) THEN
    RAISE EXCEPTION 'an exception lets somebody read, and nothing else' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.until > now() + make_interval(days => TG_ARGV[0]::int + 1) OR btrim(NEW.reason) = '' THEN
    RAISE EXCEPTION 'an exception has a reason, and an end within % days', TG_ARGV[0] USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (SELECT FROM access_account AS a JOIN access_account AS b ON a.person_id = b.person_id
              WHERE a.id = NEW.user_id AND b.id = NEW.granted_by_id) THEN
    RAISE EXCEPTION 'nobody opens a record to himself' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER access_stays BEFORE UPDATE ON access_businessunit FOR EACH ROW
  EXECUTE FUNCTION access_stays('key', 'parent_id', 'path');
CREATE TRIGGER access_stays BEFORE UPDATE ON access_account FOR EACH ROW
  EXECUTE FUNCTION access_stays('person_id', 'kind', 'created_at');
CREATE TRIGGER access_stays BEFORE UPDATE ON access_rolegrant FOR EACH ROW
  EXECUTE FUNCTION access_stays('account_id', 'role', 'unit_id', 'since', 'until', 'granted_by_id');
CREATE TRIGGER access_grant_ends_once BEFORE UPDATE OR DELETE ON access_rolegrant FOR EACH ROW
  EXECUTE FUNCTION access_grant_ends_once();
ALTER TABLE access_businessunit ENABLE ALWAYS TRIGGER access_stays;
ALTER TABLE access_account ENABLE ALWAYS TRIGGER access_stays;
ALTER TABLE access_rolegrant ENABLE ALWAYS TRIGGER access_stays;
ALTER TABLE access_rolegrant ENABLE ALWAYS TRIGGER access_grant_ends_once;
