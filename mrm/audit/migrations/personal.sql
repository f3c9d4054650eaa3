-- Personal values never enter the trail in clear: a salted commitment stands there, and the value, sealed under a key of
-- the person, beside it. When the key is gone nobody can tell the value, or test a guess, and every proof still holds.
-- salt = SHA-256(key || SHA-256(value)), commitment = SHA-256(salt || value); equal values of one person are equal.
CREATE FUNCTION audit_committed(whose text, value text) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
  secret bytea;
  told bytea := convert_to(normalize(value), 'UTF8');
BEGIN
  IF value = '' OR value LIKE 'erased-' || left(whose, 8) || '%' THEN RETURN value; END IF;
  SELECT k.key INTO secret FROM audit_personalkey AS k WHERE k.person = whose;
  IF NOT FOUND THEN RETURN value; END IF;
  -- what still comes of a person whose data are erased is not told again
  IF secret IS NULL THEN RETURN 'erased-' || left(whose, 8); END IF;
  RETURN 'personal:' || encode(sha256(sha256(secret || sha256(told)) || told), 'hex');
END $$;

-- The same for what is being written: gives the person a key at his first value, and tells the end of the action what
-- is to be sealed. Between the two the value stands in no table but its own.
CREATE FUNCTION audit_commit(whose text, value text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
  found text;
BEGIN
  IF coalesce(whose, '') = '' OR value = '' THEN RETURN value; END IF;
  IF NOT EXISTS (SELECT FROM audit_personalkey WHERE person = whose) THEN
    INSERT INTO audit_personalkey (person, key, made_at) VALUES (whose,
      sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), now())
      ON CONFLICT DO NOTHING;
  END IF;
  found := audit_committed(whose, value);
  IF found <> value AND NOT EXISTS (SELECT FROM audit_disclosure WHERE commitment = found) THEN
    PERFORM set_config('mrm.unsealed', coalesce(current_setting('mrm.unsealed', true), '') || jsonb_build_object(
      'commitment', found, 'person', whose, 'value', normalize(value))::text || chr(10), true);
  END IF;
  RETURN found;
END $$;

-- A row with its personal columns as commitments; each is told as column@column-with-the-person.
CREATE FUNCTION audit_veil(content jsonb, personal text[], writing boolean) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  told text;
  name text;
  whose text;
BEGIN
  FOREACH told IN ARRAY personal LOOP
    name := split_part(told, '@', 1);
    whose := content ->> split_part(told, '@', 2);
    CONTINUE WHEN whose IS NULL OR jsonb_typeof(content -> name) IS DISTINCT FROM 'string';
    content := jsonb_set(content, ARRAY[name], to_jsonb(
      CASE WHEN writing THEN audit_commit(whose, content ->> name) ELSE audit_committed(whose, content ->> name) END));
  END LOOP;
  RETURN content;
END $$;

-- A key is made once, and ends once.
CREATE FUNCTION audit_key_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.key IS NULL OR NEW.key IS NOT NULL OR NEW.erased_at IS NULL OR (NEW.person, NEW.made_at) <> (OLD.person, OLD.made_at) THEN
    RAISE EXCEPTION 'the key of a person only ends, and only once' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER audit_key_ends BEFORE UPDATE ON audit_personalkey FOR EACH ROW EXECUTE FUNCTION audit_key_ends();
CREATE TRIGGER audit_key_stays BEFORE DELETE ON audit_personalkey FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_disclosure FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE audit_disclosure ENABLE ALWAYS TRIGGER audit_no_truncate;
ALTER TABLE audit_personalkey ENABLE ALWAYS TRIGGER audit_key_ends;
ALTER TABLE audit_personalkey ENABLE ALWAYS TRIGGER audit_key_stays;

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'mrm_app') THEN
    REVOKE ALL ON audit_personalkey, audit_disclosure FROM mrm_app;
    GRANT SELECT, UPDATE (key, erased_at) ON audit_personalkey TO mrm_app;
    GRANT SELECT, INSERT ON audit_disclosure TO mrm_app;
  END IF;
END $$;
