-- Where a policy in force asks for signatures on a deployment to a model of this tier, a revision waits for them: it is
-- handed to a worker only by a request that was approved. What takes a model out never waits, and neither does an
-- emergency, which goes back to bytes that were verified at this very place, and a later step of a canary, all of whose
-- steps were signed for with the first.
CREATE FUNCTION deployment_release_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status NOT IN ('pending', 'applied') OR NEW.kind = 'stop'
     OR (TG_OP = 'UPDATE' AND OLD.status IN ('pending', 'applied')) THEN
    RETURN NEW;
  END IF;
  IF NEW.emergency AND EXISTS (SELECT FROM deployment_revision AS former
       WHERE former.deployment_id = NEW.deployment_id AND former.number = NEW.restores
         AND former.artifact_sha256 = NEW.artifact_sha256 AND former.verification <> '{}') THEN
    RETURN NEW;
  END IF;
  IF NEW.step > 1 AND EXISTS (SELECT FROM signoff_request AS q
       WHERE q.subject_kind = 'release' AND q.subject_key = NEW.canary_id::text AND q.status = 'approved') THEN
    RETURN NEW;
  END IF;
  IF EXISTS (SELECT FROM signoff_policy AS p, deployment_deployment AS d JOIN inventory_model AS m ON m.id = d.model_id
       WHERE d.id = NEW.deployment_id AND p.current AND p.content -> 'applies' ->> 'action' = 'deploy'
         AND (p.content -> 'applies' -> 'tier' IS NULL OR p.content -> 'applies' -> 'tier' ? m.tier))
     AND NOT EXISTS (SELECT FROM signoff_request AS r
       WHERE r.subject_kind = 'release' AND r.subject_key = NEW.id::text AND r.status = 'approved') THEN
    RAISE EXCEPTION 'this deployment takes effect when it is signed for' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deployment_release_rules BEFORE INSERT OR UPDATE ON deployment_revision
  FOR EACH ROW EXECUTE FUNCTION deployment_release_rules();
ALTER TABLE deployment_revision ENABLE ALWAYS TRIGGER deployment_release_rules;
