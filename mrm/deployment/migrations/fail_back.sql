-- Nobody sends back to its requests what he made or signed for, and only what stands in the revision in force.
CREATE FUNCTION deployment_fail_back_rules() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE who uuid;
BEGIN
  SELECT person_id INTO who FROM access_account WHERE id = NEW.signed_by_id;
  IF NOT EXISTS (SELECT FROM deployment_revision AS r
       WHERE r.id = NEW.revision_id AND r.deployment_id = NEW.deployment_id AND r.status = 'applied') THEN
    RAISE EXCEPTION 'a way back is about the revision in force' USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (SELECT FROM deployment_variant AS v JOIN inventory_version AS n ON n.id = v.version_id
       JOIN approval_approval AS a ON a.id = v.approval_id
       WHERE v.revision_id = NEW.revision_id AND NEW.passed_over ? n.label
         AND (n.developer_id = who OR EXISTS (SELECT FROM signoff_vote AS s
           WHERE s.request_id = a.request_id AND s.person_id = who))) THEN
    RAISE EXCEPTION 'nobody sends back what he made or signed for' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deployment_fail_back_rules BEFORE INSERT ON deployment_failback
  FOR EACH ROW EXECUTE FUNCTION deployment_fail_back_rules();
ALTER TABLE deployment_failback ENABLE ALWAYS TRIGGER deployment_fail_back_rules;
