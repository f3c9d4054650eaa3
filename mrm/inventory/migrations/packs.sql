-- The first version of a pack is loaded when the institution is founded; every other is signed for, and so is a rival of
-- a pack of which one is in force. What a version says never changes.
CREATE FUNCTION inventory_pack_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND (to_jsonb(NEW) - 'current' IS DISTINCT FROM to_jsonb(OLD) - 'current' OR NEW.current) THEN
    RAISE EXCEPTION 'a version of a pack stays as it is' USING ERRCODE = 'check_violation';
  END IF;
  IF NOT signoff_signed_for('pack_change', NEW.kind || '/' || NEW.key) AND (TG_OP = 'UPDATE' OR EXISTS (SELECT FROM inventory_pack AS o
       WHERE o.kind = NEW.kind AND (o.key = NEW.key OR o.kind IN ('tiering_method', 'findings_policy')))) THEN
    RAISE EXCEPTION 'a pack is changed when its change is signed for' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER inventory_pack_rules BEFORE INSERT OR UPDATE ON inventory_pack
  FOR EACH ROW EXECUTE FUNCTION inventory_pack_rules();
ALTER TABLE inventory_pack ENABLE ALWAYS TRIGGER inventory_pack_rules;
