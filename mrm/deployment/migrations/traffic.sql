-- What was wanted is never changed: only what became of it is written beside it.
CREATE FUNCTION deployment_revision_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE later CONSTANT text[] := ARRAY['status', 'settled_at', 'error', 'verification'];
BEGIN
  IF to_jsonb(OLD) - later IS DISTINCT FROM to_jsonb(NEW) - later THEN
    RAISE EXCEPTION 'what a revision wants is never changed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deployment_revision_stays BEFORE UPDATE ON deployment_revision
  FOR EACH ROW EXECUTE FUNCTION deployment_revision_stays();
ALTER TABLE deployment_revision ENABLE ALWAYS TRIGGER deployment_revision_stays;

-- Each variant is approved when it is written, with these bytes, and brought there by nobody who made or signed for it,
-- but where a fail-over goes back by itself.
CREATE FUNCTION deployment_variant_rules() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  r deployment_revision;
  n inventory_version;
  a approval_approval;
  who uuid;
BEGIN
  SELECT * INTO r FROM deployment_revision WHERE id = NEW.revision_id;
  SELECT * INTO n FROM inventory_version WHERE id = NEW.version_id;
  SELECT * INTO a FROM approval_approval WHERE id = NEW.approval_id;
  SELECT person_id INTO who FROM access_account WHERE id = r.requested_by_id;
  IF a.version_id <> n.id OR a.artifact_sha256 <> NEW.artifact_sha256 OR a.status <> 'valid'
     OR n.model_id <> (SELECT d.model_id FROM deployment_deployment AS d WHERE d.id = r.deployment_id) THEN
    RAISE EXCEPTION 'every variant is approved for this model, with these bytes' USING ERRCODE = 'check_violation';
  END IF;
  IF r.kind <> 'failover' AND (n.developer_id = who OR EXISTS (SELECT FROM signoff_vote AS s
       WHERE s.request_id = a.request_id AND s.person_id = who)) THEN
    RAISE EXCEPTION 'nobody deploys what he made or signed for' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deployment_variant_rules BEFORE INSERT ON deployment_variant
  FOR EACH ROW EXECUTE FUNCTION deployment_variant_rules();
ALTER TABLE deployment_variant ENABLE ALWAYS TRIGGER deployment_variant_rules;

-- What serves behind an endpoint is one whole, judged when the transaction that writes it ends: its variants are as many
-- as the revision says, so that none is added later; the champion is the revision's own; the shares are all of the
-- traffic. What goes back, goes back to the whole of what stood there.
CREATE FUNCTION deployment_traffic_rules() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  r deployment_revision;
  fault text;
BEGIN
  SELECT * INTO r FROM deployment_revision WHERE id = (to_jsonb(NEW) ->> TG_ARGV[0])::uuid;
  SELECT CASE
    WHEN count(*) <> r.variant_count THEN 'the variants of a revision are written with it'
    WHEN r.kind = 'stop' THEN NULL
    WHEN sum(v.weight_bp) <> 10000 THEN 'the shares of the traffic add up to 10000 basis points'
    WHEN count(*) FILTER (WHERE v.role = 'champion' AND v.version_id = r.version_id AND v.approval_id = r.approval_id
         AND v.artifact_sha256 = r.artifact_sha256) <> 1 THEN 'the champion is the version of its revision'
    END INTO fault FROM deployment_variant AS v WHERE v.revision_id = r.id;
  IF fault IS NULL AND r.restores IS NOT NULL AND (NOT EXISTS (SELECT FROM deployment_revision AS f
       WHERE f.deployment_id = r.deployment_id AND f.number = r.restores AND f.variant_count = r.variant_count
         AND f.rules = r.rules) OR EXISTS (
       (SELECT v.role, v.version_id, v.artifact_sha256, v.weight_bp, v.mirror_bp FROM deployment_variant AS v
         WHERE v.revision_id = r.id)
       EXCEPT
       (SELECT v.role, v.version_id, v.artifact_sha256, v.weight_bp, v.mirror_bp FROM deployment_variant AS v
         JOIN deployment_revision AS f ON f.id = v.revision_id
         WHERE f.deployment_id = r.deployment_id AND f.number = r.restores AND f.verification <> '{}'))) THEN
    fault := 'a rollback goes to the whole of what was verified here';
  END IF;
  IF fault IS NULL AND r.step IS NOT NULL AND NOT EXISTS (SELECT FROM deployment_variant AS v
       WHERE v.revision_id = r.id AND v.role = 'challenger' AND v.weight_bp = (r.steps ->> (r.step - 1))::int) THEN
    fault := 'a canary goes by the steps that were registered';
  END IF;
  IF fault IS NULL AND r.step > 1 AND (
       NOT EXISTS (SELECT FROM deployment_revision AS f
         WHERE f.id = r.canary_id AND f.deployment_id = r.deployment_id AND f.step = 1 AND f.steps = r.steps AND f.salt = r.salt
           AND f.rules = r.rules
           AND f.variant_count = r.variant_count)
       OR NOT EXISTS (SELECT FROM deployment_revision AS f WHERE (f.id = r.canary_id OR f.canary_id = r.canary_id)
         AND f.step = r.step - 1 AND f.verification <> '{}')
       OR EXISTS ((SELECT v.role, v.version_id, v.artifact_sha256, v.mirror_bp FROM deployment_variant AS v
         WHERE v.revision_id = r.id) EXCEPT (SELECT v.role, v.version_id, v.artifact_sha256, v.mirror_bp
         FROM deployment_variant AS v WHERE v.revision_id = r.canary_id))) THEN
    fault := 'a step of a canary follows the one before it, with the same versions';
  END IF;
  IF fault IS NOT NULL THEN
    RAISE EXCEPTION '%', fault USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER deployment_traffic_rules AFTER INSERT ON deployment_revision
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION deployment_traffic_rules('id');
ALTER TABLE deployment_revision ENABLE ALWAYS TRIGGER deployment_traffic_rules;
CREATE CONSTRAINT TRIGGER deployment_traffic_rules AFTER INSERT ON deployment_variant
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION deployment_traffic_rules('revision_id');
ALTER TABLE deployment_variant ENABLE ALWAYS TRIGGER deployment_traffic_rules;
