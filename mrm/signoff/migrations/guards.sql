-- The last line of defence, whatever the caller: a party, one who stepped aside, the delegate of either, or a machine
-- gives no vote; a delegate signs while a delegation runs; a decided request takes nothing more.
CREATE FUNCTION signoff_vote_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM signoff_exclusion WHERE request_id = NEW.request_id AND person_id = NEW.person_id) THEN
    RAISE EXCEPTION 'a party to the request does not vote on it' USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (SELECT FROM signoff_exclusion WHERE request_id = NEW.request_id AND person_id = NEW.principal_id) THEN
    RAISE EXCEPTION 'nobody votes in the place of a party to the request' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.decision <> 'withdraw_vote' AND EXISTS (SELECT FROM signoff_recusal WHERE request_id = NEW.request_id
       AND person_id IN (NEW.person_id, NEW.principal_id)) THEN
    RAISE EXCEPTION 'who stepped aside does not vote, nor does another in his place' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.principal_id IS NOT NULL AND NOT EXISTS (SELECT FROM signoff_delegation
       WHERE principal_id = NEW.principal_id AND delegate_id = NEW.person_id AND ended_at IS NULL
         AND since <= NEW.signed_at AND NEW.signed_at < until AND until > now()) THEN
    RAISE EXCEPTION 'a delegate votes while a delegation runs' USING ERRCODE = 'check_violation';
  END IF;
  IF NOT EXISTS (SELECT FROM access_account WHERE id = NEW.account_id AND person_id = NEW.person_id
                    AND kind = 'personal' AND is_active) THEN
    RAISE EXCEPTION 'a vote is given by a person through his own account' USING ERRCODE = 'check_violation';
  END IF;
  IF NOT EXISTS (SELECT FROM signoff_request AS r WHERE r.id = NEW.request_id AND r.status = 'open'
       AND NEW.subject_digest = coalesce((SELECT e.digest FROM signoff_edit AS e WHERE e.request_id = r.id
                                           ORDER BY e.id DESC LIMIT 1), r.subject_digest)) THEN
    RAISE EXCEPTION 'a vote is given on an open request and on its subject' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER signoff_vote_rules BEFORE INSERT ON signoff_vote FOR EACH ROW EXECUTE FUNCTION signoff_vote_rules();
ALTER TABLE signoff_vote ENABLE ALWAYS TRIGGER signoff_vote_rules;

-- Beside the votes too: what belongs to a decided request is not added to, and a question is answered once.
CREATE FUNCTION signoff_course_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM signoff_request WHERE id = NEW.request_id AND status = 'open') THEN
    RAISE EXCEPTION 'a decided request takes nothing more' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE FUNCTION signoff_question_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.answered_at IS NOT NULL
     OR to_jsonb(NEW) - ARRAY['answer', 'answered_by_id', 'answered_at'] IS DISTINCT FROM
        to_jsonb(OLD) - ARRAY['answer', 'answered_by_id', 'answered_at'] THEN
    RAISE EXCEPTION 'a question is answered once and otherwise stays' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
-- A delegation is never lengthened or given to another: it is ended, once, and a new one is made.
CREATE FUNCTION signoff_delegation_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL OR NEW.ended_at < now() - interval '1 minute'
     OR to_jsonb(NEW) - 'ended_at' IS DISTINCT FROM to_jsonb(OLD) - 'ended_at' THEN
    RAISE EXCEPTION 'a delegation is ended once and otherwise stays' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
