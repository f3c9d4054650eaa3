-- Nothing new comes to an environment that is frozen, or from somebody who is not named where only named people deploy,
-- and nothing that serves by rules of less than the environment asks.
-- Taking out stays open, and so does an emergency, which the rules of release hold to what was verified at this place.
CREATE FUNCTION deployment_moment_rules() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE env deployment_environment;
BEGIN
  IF NEW.kind = 'stop' OR NEW.emergency THEN
    RETURN NEW;
  END IF;
  SELECT e.* INTO env FROM deployment_environment AS e JOIN deployment_target AS t ON t.environment_id = e.id
    JOIN deployment_deployment AS d ON d.target_id = t.id WHERE d.id = NEW.deployment_id;
  IF EXISTS (SELECT FROM deployment_freeze AS f WHERE f.environment_id = env.id AND f.lifted_at IS NULL
       AND clock_timestamp() >= f.starts_at AND clock_timestamp() < f.ends_at) THEN
    RAISE EXCEPTION 'this environment is frozen' USING ERRCODE = 'check_violation';
  END IF;
  IF env.named_only AND NOT EXISTS (SELECT FROM deployment_deployer AS n JOIN access_account AS a
       ON a.person_id = n.person_id WHERE n.environment_id = env.id AND a.id = NEW.requested_by_id) THEN
    RAISE EXCEPTION 'only the people named for this environment deploy to it' USING ERRCODE = 'check_violation';
  END IF;
  IF array_position(ARRAY['best_effort', 'must_log'], coalesce(NEW.rules ->> 'log', 'best_effort'))
       < array_position(ARRAY['best_effort', 'must_log'], env.log_least::text)
     OR array_position(ARRAY['none', 'hashed', 'reference', 'full'], coalesce(NEW.rules ->> 'inputs', 'hashed'))
       < array_position(ARRAY['none', 'hashed', 'reference', 'full'], env.inputs_least::text)
     OR array_position(ARRAY['alert', 'backup', 'stop'], coalesce(NEW.rules ->> 'on_withdrawn', 'alert'))
       < array_position(ARRAY['alert', 'backup', 'stop'], env.withdrawn_least::text)
     OR env.segment_required AND coalesce(jsonb_array_length(NEW.rules -> 'segment'), 0) = 0 THEN
    RAISE EXCEPTION 'this environment asks for more of the rules of serving' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deployment_moment_rules BEFORE INSERT ON deployment_revision
  FOR EACH ROW EXECUTE FUNCTION deployment_moment_rules();
ALTER TABLE deployment_revision ENABLE ALWAYS TRIGGER deployment_moment_rules;
