-- The last line of defence: whatever the caller, a party, the submitter or a machine gives no vote.
CREATE FUNCTION signoff_vote_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM signoff_exclusion WHERE request_id = NEW.request_id AND person_id = NEW.person_id) THEN
    RAISE EXCEPTION 'a party to the request does not vote on it' USING ERRCODE = 'check_violation';
  END IF;
  IF NOT EXISTS (SELECT FROM access_account WHERE id = NEW.account_id AND person_id = NEW.person_id
                    AND kind = 'personal' AND is_active) THEN
    RAISE EXCEPTION 'a vote is given by a person through his own account' USING ERRCODE = 'check_violation';
  END IF;
  IF NOT EXISTS (SELECT FROM signoff_request WHERE id = NEW.request_id AND status = 'open'
                    AND subject_digest = NEW.subject_digest) THEN
    RAISE EXCEPTION 'a vote is given on an open request and on its subject' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER signoff_vote_rules BEFORE INSERT ON signoff_vote FOR EACH ROW EXECUTE FUNCTION signoff_vote_rules();
ALTER TABLE signoff_vote ENABLE ALWAYS TRIGGER signoff_vote_rules;
