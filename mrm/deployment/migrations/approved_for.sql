-- A version comes to an environment that its approval was signed for, by itself or by its kind; as a shadow in
-- production, which answers nobody, also by one for shadows.
CREATE FUNCTION deployment_approved_for() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  signed text[];
  env deployment_environment;
BEGIN
  SELECT a.environments INTO signed FROM approval_approval AS a WHERE a.id = NEW.approval_id;
  SELECT e.* INTO env FROM deployment_environment AS e JOIN deployment_target AS t ON t.environment_id = e.id
    JOIN deployment_deployment AS d ON d.target_id = t.id JOIN deployment_revision AS r ON r.deployment_id = d.id
   WHERE r.id = NEW.revision_id;
  IF signed = '{}' OR env.key = ANY (signed) OR 'any:' || env.stage = ANY (signed)
     OR NEW.role = 'shadow' AND env.stage = 'production' AND 'any:shadow' = ANY (signed) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'every variant is approved for its environment' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER deployment_approved_for BEFORE INSERT ON deployment_variant
  FOR EACH ROW EXECUTE FUNCTION deployment_approved_for();
ALTER TABLE deployment_variant ENABLE ALWAYS TRIGGER deployment_approved_for;

-- What was approved for one environment is not brought to another by giving the environment, its place or its endpoint
-- another name, kind or owner.
CREATE FUNCTION deployment_environment_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF to_jsonb(OLD) -> TG_ARGV[0] IS DISTINCT FROM to_jsonb(NEW) -> TG_ARGV[0]
     OR to_jsonb(OLD) -> TG_ARGV[1] IS DISTINCT FROM to_jsonb(NEW) -> TG_ARGV[1] THEN
    RAISE EXCEPTION 'key and kind of an environment, and what lies in it, are never changed'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deployment_environment_stays BEFORE UPDATE ON deployment_environment
  FOR EACH ROW EXECUTE FUNCTION deployment_environment_stays('key', 'stage');
ALTER TABLE deployment_environment ENABLE ALWAYS TRIGGER deployment_environment_stays;
CREATE TRIGGER deployment_environment_stays BEFORE UPDATE ON deployment_target
  FOR EACH ROW EXECUTE FUNCTION deployment_environment_stays('environment_id', 'key');
ALTER TABLE deployment_target ENABLE ALWAYS TRIGGER deployment_environment_stays;
CREATE TRIGGER deployment_environment_stays BEFORE UPDATE ON deployment_deployment
  FOR EACH ROW EXECUTE FUNCTION deployment_environment_stays('target_id', 'model_id');
ALTER TABLE deployment_deployment ENABLE ALWAYS TRIGGER deployment_environment_stays;
