-- One experiment at an endpoint at a time, between versions that its revision in force serves; its arms are written with
-- it, read by the looks that were registered, each once and none before its units are there; nothing follows its end.
CREATE FUNCTION deployment_experiment_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM deployment_experiment AS e WHERE e.deployment_id = NEW.deployment_id AND e.id <> NEW.id
       AND NOT EXISTS (SELECT FROM deployment_ending AS x WHERE x.experiment_id = e.id)) THEN
    RAISE EXCEPTION 'one experiment at an endpoint at a time' USING ERRCODE = 'check_violation';
  END IF;
  IF NOT EXISTS (SELECT FROM deployment_revision AS r
       WHERE r.id = NEW.revision_id AND r.deployment_id = NEW.deployment_id AND r.status = 'applied') THEN
    RAISE EXCEPTION 'an experiment is about the revision in force' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deployment_experiment_rules BEFORE INSERT ON deployment_experiment
  FOR EACH ROW EXECUTE FUNCTION deployment_experiment_rules();
ALTER TABLE deployment_experiment ENABLE ALWAYS TRIGGER deployment_experiment_rules;

CREATE FUNCTION deployment_arm_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM deployment_experiment AS e JOIN deployment_variant AS v ON v.revision_id = e.revision_id
       WHERE e.id = NEW.experiment_id AND v.version_id = NEW.version_id AND v.approval_id = NEW.approval_id
         AND v.weight_bp = NEW.weight_bp AND v.role IN ('champion', 'challenger')
         AND (v.role = 'champion') = (NEW.place = 1)) THEN
    RAISE EXCEPTION 'an arm is a version that the revision serves, with its share' USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (SELECT FROM deployment_reading AS r WHERE r.experiment_id = NEW.experiment_id) THEN
    RAISE EXCEPTION 'the arms are registered before anything is read' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deployment_arm_rules BEFORE INSERT ON deployment_experimentarm
  FOR EACH ROW EXECUTE FUNCTION deployment_arm_rules();
ALTER TABLE deployment_experimentarm ENABLE ALWAYS TRIGGER deployment_arm_rules;

CREATE FUNCTION deployment_reading_rules() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE e deployment_experiment;
BEGIN
  SELECT * INTO e FROM deployment_experiment WHERE id = NEW.experiment_id;
  IF EXISTS (SELECT FROM deployment_ending AS x WHERE x.experiment_id = e.id) THEN
    RAISE EXCEPTION 'nothing is read after the end of an experiment' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.look IS NOT NULL AND (NEW.look NOT BETWEEN 1 AND e.looks
       OR NEW.per_arm::bigint * e.looks < e.horizon::bigint * NEW.look
       OR NEW.look <= (SELECT max(r.look) FROM deployment_reading AS r WHERE r.experiment_id = e.id)) THEN
    RAISE EXCEPTION 'an experiment is read by the looks that were registered' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deployment_reading_rules BEFORE INSERT ON deployment_reading
  FOR EACH ROW EXECUTE FUNCTION deployment_reading_rules();
ALTER TABLE deployment_reading ENABLE ALWAYS TRIGGER deployment_reading_rules;
