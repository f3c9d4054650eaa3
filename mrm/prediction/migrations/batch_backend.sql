-- Whether a revision is in force at a place of this environment, with just these bytes of this version for its champion; it is
-- held until the transaction ends.
CREATE FUNCTION prediction_serves(asked uuid, subject uuid, sha256 text, place uuid) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM deployment_revision AS r
    JOIN deployment_deployment AS d ON d.id = r.deployment_id
    JOIN deployment_target AS t ON t.id = d.target_id
    JOIN deployment_variant AS v ON v.revision_id = r.id
    WHERE r.id = asked AND r.status = 'applied' AND t.environment_id = place
      AND v.role = 'champion' AND v.version_id = subject AND v.artifact_sha256 = sha256
    FOR SHARE OF r;
  RETURN FOUND;
END $$;

-- As before, and: a place scores with the champion that is in force there, when the run is asked for and when it is sent; it is
-- sent once, under one name.
CREATE OR REPLACE FUNCTION prediction_batch_rules() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  later CONSTANT text[] := ARRAY['status', 'parts_planned', 'started_at', 'finished_at', 'output_sha256', 'output_size',
                                 'error', 'remedy', 'sent_at', 'backend_job', 'backend_handle'];
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
    IF NEW.sent_at IS NOT NULL OR NEW.way = 'backend' AND NOT prediction_serves(NEW.revision_id, NEW.version_id,
         NEW.artifact_sha256, NEW.environment_id) THEN
      RAISE EXCEPTION 'a place scores with the champion that is in force there' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.status IN ('done', 'failed', 'cancelled') OR to_jsonb(OLD) - later IS DISTINCT FROM to_jsonb(NEW) - later
     OR (OLD.parts_planned > 0 AND NEW.parts_planned <> OLD.parts_planned)
     OR (OLD.sent_at IS NOT NULL AND NEW.sent_at IS DISTINCT FROM OLD.sent_at)
     OR (OLD.backend_job <> '' AND (NEW.backend_job, NEW.backend_handle)
           IS DISTINCT FROM (OLD.backend_job, OLD.backend_handle)) THEN
    RAISE EXCEPTION 'what a run was asked for, what was sent, and how it ended, stays'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF OLD.sent_at IS NULL AND NEW.sent_at IS NOT NULL AND (NEW.status <> 'running'
     OR NOT prediction_may_score(NEW.approval_id, NEW.version_id, NEW.artifact_sha256, NEW.environment_id)
     OR NOT prediction_serves(NEW.revision_id, NEW.version_id, NEW.artifact_sha256, NEW.environment_id)) THEN
    RAISE EXCEPTION 'what is sent to a place is approved, and in force there' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.status = 'done' THEN
    SELECT count(*), coalesce(sum(p.rows), 0) INTO parts, scored FROM prediction_batchpart AS p WHERE p.run_id = NEW.id;
    IF parts <> NEW.parts_planned OR scored <> NEW.rows THEN
      RAISE EXCEPTION 'a run is done when every row has its part' USING ERRCODE = 'check_violation';
    END IF;
  END IF;
  RETURN NEW;
END $$;

-- As before, and: a part comes from whoever the run was given to, and names the job of the place that scored it.
CREATE OR REPLACE FUNCTION prediction_part_rules() RETURNS trigger LANGUAGE plpgsql AS $$
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
  IF (NEW.revision_id, NEW.backend_job) IS DISTINCT FROM (run.revision_id, run.backend_job)
     OR (run.way = 'backend' AND run.backend_job = '') THEN
    RAISE EXCEPTION 'a part comes from whoever its run was given to' USING ERRCODE = 'check_violation';
  END IF;
  IF NOT EXISTS (SELECT FROM approval_approval AS a JOIN signoff_request AS q ON q.id = a.request_id
       WHERE a.id = NEW.approval_id AND q.policy_id = NEW.policy_id) THEN
    RAISE EXCEPTION 'a part names the policy by which its approval was signed' USING ERRCODE = 'check_violation';
  END IF;
  NEW.scored_at := clock_timestamp();
  RETURN NEW;
END $$;
