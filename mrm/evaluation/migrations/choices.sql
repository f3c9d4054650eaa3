-- A search that has not ended holds nothing to choose from; and whoever has a part in the model decides on none of it,
-- nor anybody on his own proposal, whoever writes the row.
CREATE FUNCTION evaluation_choice_rules() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  chooser access_account;
  tested record;
BEGIN
  SELECT * INTO chooser FROM access_account WHERE id = NEW.made_by_id;
  SELECT r.status, r.kinds, ARRAY[v.developer_id, m.developer_id, m.owner_id] AS parts INTO tested
    FROM evaluation_run r JOIN inventory_version v ON v.id = r.version_id JOIN inventory_model m ON m.id = v.model_id
   WHERE r.id = NEW.run_id;
  IF tested.status <> 'done' OR NOT tested.kinds ? 'alternatives' THEN
    RAISE EXCEPTION 'only a search that has ended is chosen from' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.decided AND (chooser.kind = 'service' OR chooser.person_id = ANY(tested.parts)) THEN
    RAISE EXCEPTION 'a person without a part in the model decides on its alternatives' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.proposal_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM evaluation_alternativechoice p JOIN access_account a ON a.id = p.made_by_id
     WHERE p.id = NEW.proposal_id AND p.run_id = NEW.run_id AND NOT p.decided AND a.person_id <> chooser.person_id) THEN
    RAISE EXCEPTION 'a proposal on the same search is decided on by somebody else' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER evaluation_choice_rules BEFORE INSERT ON evaluation_alternativechoice
  FOR EACH ROW EXECUTE FUNCTION evaluation_choice_rules();
ALTER TABLE evaluation_alternativechoice ENABLE ALWAYS TRIGGER evaluation_choice_rules;
