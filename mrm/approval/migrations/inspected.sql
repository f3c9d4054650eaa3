-- What is approved was looked through: the last inspection of its bytes found nothing, or an exception from just that
-- outcome of these bytes is in force, whoever writes the row and whichever kind of approval it is.
CREATE FUNCTION approval_inspected() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  SELECT outcome INTO result FROM evaluation_inspection
   WHERE artifact_id = NEW.artifact_sha256 ORDER BY id DESC LIMIT 1;
  IF result = 'clean' OR EXISTS (
    SELECT FROM validation_riskacceptance e JOIN inventory_version v ON v.model_id = e.model_id
     WHERE v.id = NEW.version_id AND e.clause = result || '-' || left(NEW.artifact_sha256, 28)
       AND e.ended_at IS NULL AND e.until >= current_date) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'an artifact is approved after a clean inspection, or under an exception from its outcome'
    USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER approval_inspected BEFORE INSERT ON approval_approval
  FOR EACH ROW EXECUTE FUNCTION approval_inspected();
ALTER TABLE approval_approval ENABLE ALWAYS TRIGGER approval_inspected;
