-- Whoever made or owns a model does not say that what runs elsewhere is his version.
CREATE FUNCTION discovery_settle_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status = 'matched' AND NEW.how = 'person' AND EXISTS (
       SELECT FROM inventory_version AS v JOIN inventory_model AS m ON m.id = v.model_id
         JOIN access_account AS a ON a.id = NEW.settled_by_id
        WHERE v.id = NEW.version_id AND a.person_id IN (v.developer_id, m.owner_id, m.developer_id)) THEN
    RAISE EXCEPTION 'whoever made a model does not say what runs under its name' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER discovery_settle_rules BEFORE INSERT OR UPDATE ON discovery_sighting
  FOR EACH ROW EXECUTE FUNCTION discovery_settle_rules();
ALTER TABLE discovery_sighting ENABLE ALWAYS TRIGGER discovery_settle_rules;
