-- Whoever asks, through whatever: the key of a person ends only where the signers have said so.
CREATE FUNCTION privacy_signed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM privacy_erasure AS e JOIN signoff_request AS r ON r.subject_key = e.id::text
                  WHERE e.person_id::text = OLD.person AND r.subject_kind = 'erasure'
                    AND r.action = 'erase_personal_data' AND r.status = 'approved') THEN
    RAISE EXCEPTION 'the erasure of personal data is not signed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER privacy_signed BEFORE UPDATE ON audit_personalkey FOR EACH ROW EXECUTE FUNCTION privacy_signed();
ALTER TABLE audit_personalkey ENABLE ALWAYS TRIGGER privacy_signed;
