-- A use is asked for with the environments that it is for, and an approval holds for those that were signed, no others.
-- One that names none was asked for before requests named them, and holds where it held.
CREATE FUNCTION approval_asked_for() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF coalesce(NEW.terms -> 'environments', '{}') = '{}' THEN
    RAISE EXCEPTION 'the use of a version is asked for with its environments' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER approval_asked_for BEFORE INSERT ON signoff_request FOR EACH ROW
  WHEN (NEW.subject_kind IN ('version_use', 'version_interim', 'version_emergency'))
  EXECUTE FUNCTION approval_asked_for();
ALTER TABLE signoff_request ENABLE ALWAYS TRIGGER approval_asked_for;

CREATE FUNCTION approval_environments() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  signed text[];
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW.environments, NEW.request_id) IS NOT DISTINCT FROM (OLD.environments, OLD.request_id) THEN
    RETURN NEW;
  END IF;
  SELECT coalesce(array_agg(each ORDER BY each COLLATE "C"), '{}') INTO signed
    FROM signoff_request AS r, jsonb_object_keys(coalesce(r.terms -> 'environments', '{}')) AS each
   WHERE r.id = NEW.request_id;
  IF signed IS DISTINCT FROM
     (SELECT coalesce(array_agg(each ORDER BY each COLLATE "C"), '{}') FROM unnest(NEW.environments::text[]) AS each) THEN
    RAISE EXCEPTION 'an approval holds for the environments that were signed' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER approval_environments BEFORE INSERT OR UPDATE ON approval_approval
  FOR EACH ROW EXECUTE FUNCTION approval_environments();
ALTER TABLE approval_approval ENABLE ALWAYS TRIGGER approval_environments;
