-- Whoever writes, through whatever: a grant of a role that signs needs a proposal with its key, the same account, role,
-- unit and end, an approved request on it, as many signatures of people who are neither concerned nor asked for it as
-- its policy wants, and its time to object behind it. Only the founding, in its one transaction, is without.
CREATE FUNCTION entitlement_signed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT NEW.role = ANY (TG_ARGV) THEN
    RETURN NEW;
  END IF;
  IF NEW.granted_by_id IS NULL AND access_being_founded() THEN
    INSERT INTO access_founding DEFAULT VALUES ON CONFLICT DO NOTHING;
    RETURN NEW;
  END IF;
  IF NOT EXISTS (
    SELECT FROM entitlement_proposal AS p
      JOIN access_account AS concerned ON concerned.id = p.account_id
      JOIN access_account AS proposer ON proposer.id = p.proposed_by_id
      JOIN signoff_request AS r ON r.subject_kind = 'role_grant' AND r.subject_key = p.id::text
                               AND r.action = 'grant_approver_role' AND r.status = 'approved'
      JOIN signoff_policy AS o ON o.id = r.policy_id
     WHERE p.id = NEW.id AND p.account_id = NEW.account_id AND p.role = NEW.role AND p.unit_id = NEW.unit_id
       AND p.until IS NOT DISTINCT FROM NEW.until AND p.proposed_by_id = NEW.granted_by_id
       AND concerned.person_id <> proposer.person_id AND concerned.kind = 'personal'
       AND (SELECT count(*) FROM (
              SELECT DISTINCT ON (v.person_id) v.person_id, v.decision, v.signed_at FROM signoff_vote AS v
               WHERE v.request_id = r.id ORDER BY v.person_id, v.id DESC) AS last
             WHERE last.decision IN ('approve', 'approve_with_conditions')
               AND last.person_id NOT IN (concerned.person_id, proposer.person_id)
               AND last.signed_at + make_interval(hours => coalesce((o.content ->> 'cool_down_hours')::int, 0)) <= NEW.since)
           >= (SELECT greatest(1, sum((need ->> 'quorum')::int))
                 FROM jsonb_path_query(o.content, '$.stages[*].requirements[*]') AS need)) THEN
    RAISE EXCEPTION 'the grant of a role that signs is not signed for' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER entitlement_signed BEFORE INSERT ON access_rolegrant FOR EACH ROW
  EXECUTE FUNCTION entitlement_signed('validator', 'risk_officer', 'bu_lead');
ALTER TABLE access_rolegrant ENABLE ALWAYS TRIGGER entitlement_signed;

-- What was proposed stands as it was; only that it lapsed is added, once.
CREATE FUNCTION entitlement_proposal_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR OLD.lapsed <> '' OR to_jsonb(NEW) - 'lapsed' IS DISTINCT FROM to_jsonb(OLD) - 'lapsed' THEN
    RAISE EXCEPTION 'a proposal stays as it was made' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER entitlement_proposal_stays BEFORE UPDATE OR DELETE ON entitlement_proposal FOR EACH ROW
  EXECUTE FUNCTION entitlement_proposal_stays();
ALTER TABLE entitlement_proposal ENABLE ALWAYS TRIGGER entitlement_proposal_stays;

-- Of a review only its completion is added, when nothing in it waits, and who stands in while it is open; of an item only its decision, once, while the
-- review is open, and never by the person concerned.
CREATE FUNCTION entitlement_review_rules() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE done CONSTANT text[] :=
  ARRAY['substitute_id', 'status', 'completed_at', 'completed_by_id', 'printed_name', 'statement', 'statement_digest',
        'method', 'evidence'];
BEGIN
  IF TG_OP = 'DELETE' OR OLD.status <> 'open' OR to_jsonb(NEW) - done IS DISTINCT FROM to_jsonb(OLD) - done THEN
    RAISE EXCEPTION 'a review is completed once and otherwise stays' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.status <> 'open' AND EXISTS (SELECT FROM entitlement_item WHERE review_id = NEW.id AND outcome = 'pending') THEN
    RAISE EXCEPTION 'a review is completed when nothing in it waits' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER entitlement_review_rules BEFORE UPDATE OR DELETE ON entitlement_review FOR EACH ROW
  EXECUTE FUNCTION entitlement_review_rules();
ALTER TABLE entitlement_review ENABLE ALWAYS TRIGGER entitlement_review_rules;

CREATE FUNCTION entitlement_item_rules() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  decided CONSTANT text[] := ARRAY['outcome', 'reason', 'decided_at', 'decided_by_id'];
  review entitlement_review;
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'what was under review stays in the record' USING ERRCODE = 'check_violation';
  END IF;
  SELECT * INTO review FROM entitlement_review WHERE id = NEW.review_id;
  IF review.status <> 'open' THEN
    RAISE EXCEPTION 'a completed review takes nothing more' USING ERRCODE = 'check_violation';
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NEW.outcome <> 'pending' THEN
      RAISE EXCEPTION 'what is under review begins undecided' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.outcome <> 'pending' OR to_jsonb(NEW) - decided IS DISTINCT FROM to_jsonb(OLD) - decided THEN
    RAISE EXCEPTION 'an item is decided once and otherwise stays' USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (SELECT FROM access_account AS a JOIN access_account AS b ON a.person_id = b.person_id
              WHERE a.id = NEW.account_id AND b.id = NEW.decided_by_id) THEN
    RAISE EXCEPTION 'nobody reviews his own access' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.outcome = 'revoked' AND NEW.decided_by_id IS NULL AND NOT review.revoke_overdue THEN
    RAISE EXCEPTION 'this review revokes nothing by itself' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.outcome = 'revoked' AND NEW.grant_id IS NOT NULL
     AND EXISTS (SELECT FROM access_rolegrant WHERE id = NEW.grant_id AND revoked_at IS NULL) THEN
    RAISE EXCEPTION 'what is revoked in a review is revoked' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER entitlement_item_rules BEFORE INSERT OR UPDATE OR DELETE ON entitlement_item FOR EACH ROW
  EXECUTE FUNCTION entitlement_item_rules();
ALTER TABLE entitlement_item ENABLE ALWAYS TRIGGER entitlement_item_rules;
