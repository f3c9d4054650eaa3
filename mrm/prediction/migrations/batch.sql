-- Whether an approval lets these bytes of this version score there at this moment; it is held until the transaction ends, so
-- that no withdrawal comes between. The day after that of a condition is over everywhere.
CREATE FUNCTION prediction_may_score(granted uuid, subject uuid, sha256 text, place uuid) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM approval_approval AS a
    WHERE a.id = granted AND a.version_id = subject AND a.artifact_sha256 = sha256
      AND a.status = 'valid' AND a.granted_at <= clock_timestamp() AND a.expires_at > clock_timestamp()
      AND (a.environments = '{}' OR EXISTS (SELECT FROM deployment_environment AS e
        WHERE e.id = place AND (e.key = ANY (a.environments) OR 'any:' || e.stage = ANY (a.environments))))
      AND NOT EXISTS (SELECT FROM approval_condition AS c
        WHERE c.approval_id = a.id AND c.met_on IS NULL AND c.due < current_date - 1)
    FOR SHARE OF a;
  RETURN FOUND;
END $$;

-- A run begins for a use that the model is approved for, on the data as they are on record, by nobody who made or signed
-- for the version. What it was asked for never changes, and when it is done every row has its part.
CREATE FUNCTION prediction_batch_rules() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  later CONSTANT text[] := ARRAY['status', 'parts_planned', 'started_at', 'finished_at', 'output_sha256', 'output_size',
                                 'error', 'remedy'];
  parts bigint;
  scored bigint;
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a run that scored a data set stays on record' USING ERRCODE = 'insufficient_privilege';
  ELSIF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'queued' OR NOT prediction_may_score(NEW.approval_id, NEW.version_id, NEW.artifact_sha256,
         NEW.environment_id) THEN
      RAISE EXCEPTION 'only a version with a valid approval of these bytes scores' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM inventory_version AS v JOIN inventory_model AS m ON m.id = v.model_id
         WHERE v.id = NEW.version_id AND m.approved_uses ? NEW.use) THEN
      RAISE EXCEPTION 'a version scores for a use that its model is approved for' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM inventory_dataset AS d WHERE d.id = NEW.dataset_id AND NOT d.holds_protected
         AND d.sha256 = NEW.dataset_sha256 AND d.rows = NEW.rows) THEN
      RAISE EXCEPTION 'a run is pinned to the data as they are on record' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT FROM access_account AS asker JOIN inventory_version AS v ON v.id = NEW.version_id
         WHERE asker.id = NEW.requested_by_id AND (asker.person_id = v.developer_id
           OR EXISTS (SELECT FROM signoff_vote AS vote JOIN approval_approval AS a ON a.request_id = vote.request_id
                WHERE a.id = NEW.approval_id AND vote.person_id = asker.person_id))) THEN
      RAISE EXCEPTION 'nobody scores with what he made or signed for' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.status IN ('done', 'failed', 'cancelled') OR to_jsonb(OLD) - later IS DISTINCT FROM to_jsonb(NEW) - later
     OR (OLD.parts_planned > 0 AND NEW.parts_planned <> OLD.parts_planned) THEN
    RAISE EXCEPTION 'what a run was asked for, and how it ended, stays' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF NEW.status = 'done' THEN
    SELECT count(*), coalesce(sum(p.rows), 0) INTO parts, scored FROM prediction_batchpart AS p WHERE p.run_id = NEW.id;
    IF parts <> NEW.parts_planned OR scored <> NEW.rows THEN
      RAISE EXCEPTION 'a run is done when every row has its part' USING ERRCODE = 'check_violation';
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER prediction_batch_rules BEFORE INSERT OR UPDATE OR DELETE ON prediction_batchrun
  FOR EACH ROW EXECUTE FUNCTION prediction_batch_rules();
ALTER TABLE prediction_batchrun ENABLE ALWAYS TRIGGER prediction_batch_rules;

-- A part is what the run is pinned to, scored while that is approved, and follows on the part before it.
CREATE FUNCTION prediction_part_rules() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  run prediction_batchrun;
  before bigint;
  scored bigint;
BEGIN
  SELECT * INTO run FROM prediction_batchrun AS r WHERE r.id = NEW.run_id FOR SHARE;
  SELECT count(*), coalesce(sum(p.rows), 0) INTO before, scored FROM prediction_batchpart AS p WHERE p.run_id = NEW.run_id;
  IF run.status IS DISTINCT FROM 'running' OR NEW.index <> before OR NEW.first_row <> scored
     OR NEW.rows > run.part_rows OR scored + NEW.rows > run.rows OR before >= run.parts_planned THEN
    RAISE EXCEPTION 'a part is the next one of a run that is under way' USING ERRCODE = 'check_violation';
  END IF;
  IF (NEW.version_id, NEW.artifact_sha256, NEW.approval_id)
       IS DISTINCT FROM (run.version_id, run.artifact_sha256, run.approval_id)
     OR NOT prediction_may_score(NEW.approval_id, NEW.version_id, NEW.artifact_sha256, run.environment_id) THEN
    RAISE EXCEPTION 'a part is scored by the version and bytes of its run, while they are approved'
      USING ERRCODE = 'check_violation';
  END IF;
  IF NOT EXISTS (SELECT FROM approval_approval AS a JOIN signoff_request AS q ON q.id = a.request_id
       WHERE a.id = NEW.approval_id AND q.policy_id = NEW.policy_id) THEN
    RAISE EXCEPTION 'a part names the policy by which its approval was signed' USING ERRCODE = 'check_violation';
  END IF;
  NEW.scored_at := clock_timestamp();
  RETURN NEW;
END $$;
CREATE TRIGGER prediction_part_rules BEFORE INSERT ON prediction_batchpart
  FOR EACH ROW EXECUTE FUNCTION prediction_part_rules();
ALTER TABLE prediction_batchpart ENABLE ALWAYS TRIGGER prediction_part_rules;
