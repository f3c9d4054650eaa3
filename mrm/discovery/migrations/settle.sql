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

-- A finding closes when what it found is no more so.
CREATE FUNCTION discovery_finding_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status = 'closed' AND EXISTS (
       SELECT FROM discovery_sighting AS s LEFT JOIN inventory_version AS v ON v.id = s.version_id
        WHERE s.id = NEW.sighting_id AND s.serving AND s.gone_at IS NULL AND (
          NEW.cause = 'unregistered' AND s.status NOT IN ('matched', 'dismissed') OR
          NEW.cause = 'unapproved' AND s.status = 'matched' AND v.status NOT IN ('approved', 'active', 'superseded'))) THEN
    RAISE EXCEPTION 'what this finding found is still so' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER discovery_finding_rules BEFORE INSERT OR UPDATE ON discovery_shadowfinding
  FOR EACH ROW EXECUTE FUNCTION discovery_finding_rules();
ALTER TABLE discovery_shadowfinding ENABLE ALWAYS TRIGGER discovery_finding_rules;
