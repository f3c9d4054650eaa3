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
