-- A proposal is written once, settled once, and carried out only when its request was approved.
CREATE FUNCTION signoff_proposal_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR OLD.settled_at IS NOT NULL OR NEW.settled_at IS NULL
     OR to_jsonb(NEW) - ARRAY['settled_at', 'carried_out'] IS DISTINCT FROM
        to_jsonb(OLD) - ARRAY['settled_at', 'carried_out'] THEN
    RAISE EXCEPTION 'a proposal is settled once and otherwise stays' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.carried_out AND NOT EXISTS (SELECT FROM signoff_request AS r
       WHERE r.subject_kind = NEW.kind AND r.subject_key = NEW.id::text AND r.status = 'approved') THEN
    RAISE EXCEPTION 'a proposal is carried out when it is signed for' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER signoff_proposal_rules BEFORE UPDATE OR DELETE ON signoff_proposal
  FOR EACH ROW EXECUTE FUNCTION signoff_proposal_rules();
ALTER TABLE signoff_proposal ENABLE ALWAYS TRIGGER signoff_proposal_rules;

-- Whether an approved proposal of the kind is being carried out on the record with this key. Between the decision and the
-- settling, which are one transaction, exactly that change passes.
CREATE FUNCTION signoff_signed_for(wanted text, record text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM signoff_proposal AS p
    JOIN signoff_request AS r ON r.subject_kind = p.kind AND r.subject_key = p.id::text
    WHERE p.kind = wanted AND p.target = record AND r.status = 'approved' AND p.settled_at IS NULL)
$$;

-- Refuses a row that no such proposal stands behind: given are its kind, and the column that holds the record's key.
CREATE FUNCTION signoff_must_be_signed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT signoff_signed_for(TG_ARGV[0], to_jsonb(NEW) ->> TG_ARGV[1]) THEN
    RAISE EXCEPTION 'this change of % takes effect when it is signed for', TG_TABLE_NAME USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

-- The first policy for an action is loaded when the institution is founded; every other version is signed for. What a
-- version says never changes.
CREATE FUNCTION signoff_policy_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF to_jsonb(NEW) - 'current' IS DISTINCT FROM to_jsonb(OLD) - 'current' OR NEW.current AND NOT OLD.current THEN
      RAISE EXCEPTION 'a version of a policy stays as it is' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT signoff_signed_for('policy_change', OLD.key) THEN
      RAISE EXCEPTION 'a policy is replaced when its change is signed for' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF EXISTS (SELECT FROM signoff_policy AS o WHERE o.key = NEW.key
        OR o.content -> 'applies' ->> 'action' = NEW.content -> 'applies' ->> 'action'
       AND (o.content -> 'applies' -> 'tier' IS NULL OR NEW.content -> 'applies' -> 'tier' IS NULL
            OR EXISTS (SELECT FROM jsonb_array_elements_text(NEW.content -> 'applies' -> 'tier') AS t(tier)
                       WHERE o.content -> 'applies' -> 'tier' ? t.tier)))
     AND NOT (signoff_signed_for('policy_change', NEW.key) AND EXISTS (SELECT FROM signoff_proposal AS p
       WHERE p.kind = 'policy_change' AND p.target = NEW.key AND p.settled_at IS NULL
         AND p.content -> 'content' = NEW.content)) THEN
    RAISE EXCEPTION 'a policy is changed when its change is signed for' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER signoff_policy_rules BEFORE INSERT OR UPDATE ON signoff_policy
  FOR EACH ROW EXECUTE FUNCTION signoff_policy_rules();
ALTER TABLE signoff_policy ENABLE ALWAYS TRIGGER signoff_policy_rules;
