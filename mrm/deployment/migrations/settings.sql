-- A place stays of its kind and of its unit, and its settings stay while a revision is being brought there. Other
-- settings leave no answer to a check of the former ones.
CREATE OR REPLACE FUNCTION deployment_settings_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.connector IS DISTINCT FROM NEW.connector OR OLD.unit_id IS DISTINCT FROM NEW.unit_id THEN
    RAISE EXCEPTION 'kind and unit of a serving place are never changed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF OLD.config IS DISTINCT FROM NEW.config AND EXISTS (
    SELECT FROM deployment_revision AS r JOIN deployment_deployment AS d ON d.id = r.deployment_id
     WHERE d.target_id = NEW.id AND r.status = 'pending') THEN
    RAISE EXCEPTION 'the settings of a serving place stay while a revision is being brought there'
      USING ERRCODE = 'check_violation';
  END IF;
  IF OLD.config IS DISTINCT FROM NEW.config AND NEW.revision <= OLD.revision THEN
    RAISE EXCEPTION 'other settings are a later revision of a serving place' USING ERRCODE = 'check_violation';
  END IF;
  IF OLD.config IS DISTINCT FROM NEW.config AND (NEW.answers OR NEW.checked <> '') THEN
    RAISE EXCEPTION 'a check of former settings says nothing of others' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER deployment_settings_rules BEFORE UPDATE ON deployment_target
  FOR EACH ROW EXECUTE FUNCTION deployment_settings_rules();
ALTER TABLE deployment_target ENABLE ALWAYS TRIGGER deployment_settings_rules;
