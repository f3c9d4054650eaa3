CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: rows there are never taken back', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$;

-- Rows stay as they were written, but for the columns named, each of which is set once.
CREATE FUNCTION audit_set_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  later CONSTANT text[] := TG_ARGV;
  was CONSTANT jsonb := to_jsonb(OLD);
  now_is CONSTANT jsonb := CASE TG_OP WHEN 'UPDATE' THEN to_jsonb(NEW) END;
  name text;
BEGIN
  IF TG_OP = 'DELETE' OR was - later IS DISTINCT FROM now_is - later THEN
    RAISE EXCEPTION '% of % is refused: of its rows only % is added', TG_OP, TG_TABLE_NAME, array_to_string(later, ', ')
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  FOREACH name IN ARRAY later LOOP
    IF was -> name <> 'null' AND was -> name IS DISTINCT FROM now_is -> name THEN
      RAISE EXCEPTION '%.% is set once and stays', TG_TABLE_NAME, name USING ERRCODE = 'insufficient_privilege';
    END IF;
  END LOOP;
  RETURN NEW;
END $$;

-- Runs as the owner, because the application role may not write to audit_change itself.
CREATE FUNCTION audit_capture() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  event uuid := nullif(current_setting('mrm.audit_event', true), '')::uuid;
  secret text[];
  personal text[];
  old_row jsonb;
  new_row jsonb;
BEGIN
  IF event IS NULL THEN
    RAISE EXCEPTION 'write to % outside an audited action', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF TG_OP <> 'INSERT' THEN old_row := to_jsonb(OLD); END IF;
  IF TG_OP <> 'DELETE' THEN new_row := to_jsonb(NEW); END IF;
  IF TG_NARGS > 1 THEN
    secret := ARRAY(SELECT told FROM unnest(TG_ARGV[1:]) AS told WHERE told NOT LIKE '%@%');
    personal := ARRAY(SELECT told FROM unnest(TG_ARGV[1:]) AS told WHERE told LIKE '%@%');
    old_row := audit_veil(old_row - secret, personal, true);
    new_row := audit_veil(new_row - secret, personal, true);
  END IF;
  IF TG_OP = 'UPDATE' THEN
    INSERT INTO audit_change (event_id, "table", "row", op, before, after)
      SELECT event, TG_TABLE_NAME, new_row ->> TG_ARGV[0], 'update', coalesce(d.before, '{}'), coalesce(d.after, '{}')
        FROM (SELECT jsonb_object_agg(key, old_row -> key) AS before, jsonb_object_agg(key, value) AS after
                FROM jsonb_each(new_row) WHERE old_row -> key IS DISTINCT FROM value) AS d
       WHERE d.after IS NOT NULL OR to_jsonb(OLD) <> to_jsonb(NEW);
  ELSE
    INSERT INTO audit_change (event_id, "table", "row", op, before, after)
      VALUES (event, TG_TABLE_NAME, coalesce(new_row, old_row) ->> TG_ARGV[0], lower(TG_OP), old_row, new_row);
  END IF;
  RETURN NULL;
END $$;

-- A value in the canonical form of mrm/core/canonical.py, byte for byte: numbers with a fraction, and integers that
-- others cannot hold exactly, are strings; text is in NFC; keys are ASCII and sorted.
CREATE FUNCTION audit_canonical(value jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  told text := value::text;
  strange boolean;
BEGIN
  -- as most edits leave it: one member, whose text holds no quote
  IF told ~ '^\{"[a-z_]+": ("[ !#-\[\]-~]*"|true|false|null)\}$' THEN RETURN replace(told, '": ', '":'); END IF;
  CASE jsonb_typeof(value)
  WHEN 'object' THEN
    SELECT '{' || coalesce(string_agg(to_json(e.key)::text || ':' || CASE
             WHEN jsonb_typeof(e.value) IN ('object', 'array', 'number') OR octet_length(e.value::text) <> char_length(e.value::text)
             THEN audit_canonical(e.value) ELSE e.value::text END, ',' ORDER BY e.key COLLATE "C"), '') || '}',
           bool_or(octet_length(e.key) <> char_length(e.key))
      INTO told, strange FROM jsonb_each(value) AS e;
    IF strange THEN RAISE EXCEPTION 'canonical JSON takes ASCII keys; % has others', value; END IF;
  WHEN 'array' THEN
    SELECT '[' || coalesce(string_agg(audit_canonical(e.value), ',' ORDER BY e.place), '') || ']' INTO told
      FROM jsonb_array_elements(value) WITH ORDINALITY AS e(value, place);
  WHEN 'number' THEN
    IF told ~ '\.' OR length(told) > 15 AND abs(told::numeric) >= 9007199254740992 THEN told := '"' || told || '"'; END IF;
  WHEN 'string' THEN
    IF octet_length(told) <> char_length(told) THEN told := to_json(normalize(value #>> '{}'))::text; END IF;
  ELSE NULL;
  END CASE;
  RETURN told;
END $$;

-- Chains are locked in one order. An object born in this transaction is seen by nobody else, so an import of thousands
-- holds no lock for it.
CREATE FUNCTION audit_lock(lines text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  chain text;
BEGIN
  FOR chain IN
    SELECT DISTINCT o.kind || ' ' || o.key FROM (
      SELECT lines[i]::uuid AS event, lines[i + 1] AS kind, lines[i + 2] AS key FROM generate_series(1, array_length(lines, 1), 7) AS i) AS o
     WHERE EXISTS (SELECT FROM audit_event WHERE object_type = o.kind AND object_id = o.key)
        OR NOT EXISTS (SELECT FROM audit_change WHERE "table" = replace(o.kind, '.', '_') AND "row" = o.key
                        AND op = 'insert' AND event_id = o.event)
     ORDER BY 1
  LOOP
    PERFORM pg_advisory_xact_lock(hashtextextended(chain, 0));
  END LOOP;
END $$;

-- The only way into the trail, and the end of an action. Each event comes in seven lines: id, kind and key of its object,
-- whether somebody reacts to it, and three pieces of JSON between which time, row changes and the place in the object's
-- chain are put. What is hashed is what is stored, and every column is read from it, so that no column can say
-- otherwise. Change lists too long for an entry of the log are held by their digest, and handed back to be kept
-- elsewhere; personal values that were committed to for the first time are handed back, without a digest, to be sealed.
-- When COMMIT follows in the same message, nothing may be handed back: then it is an error, and asked for once more.
CREATE FUNCTION audit_append(events text, closing boolean DEFAULT false) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
  lines text[] := string_to_array(events, E'\n');
  now_told text;
  kept jsonb;
  changes text;
  total bigint;
  prev text;
  seq bigint;
  leaf bytea;
  e jsonb;
BEGIN
  IF array_length(lines, 1) = 7 THEN
    now_told := pg_advisory_xact_lock(hashtextextended(lines[2] || ' ' || lines[3], 0));
  ELSE
    PERFORM audit_lock(lines);
  END IF;
  now_told := to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
  FOR i IN 1 .. array_length(lines, 1) BY 7 LOOP
    SELECT concat('[', c.told, ']'), c.total, last.digest, coalesce(last.object_seq, 0) + 1 INTO changes, total, prev, seq
      FROM (SELECT count(*) AS total, string_agg(
             '{"after":' || coalesce(audit_canonical(after), 'null') || ',"before":' || coalesce(audit_canonical(before), 'null')
             || ',"op":"' || op || '","row":' || to_json(normalize("row")) || ',"table":"' || "table" || '"}', ',' ORDER BY id
             ) AS told FROM audit_change WHERE event_id = lines[i]::uuid) AS c
      LEFT JOIN LATERAL (SELECT digest, object_seq FROM audit_event
       WHERE object_type = lines[i + 1] AND object_id = lines[i + 2] ORDER BY object_seq DESC LIMIT 1) AS last ON true;
    leaf := convert_to(concat(lines[i + 4], now_told, '","changes":', changes, lines[i + 5], prev, '","seq":', seq, lines[i + 6]), 'UTF8');
    IF octet_length(leaf) > 65535 THEN
      kept := coalesce(kept, '[]') || jsonb_build_object('content', changes, 'sha256', encode(sha256(convert_to(changes, 'UTF8')), 'hex'));
      changes := concat('{"count":', total, ',"sha256":"', kept -> -1 ->> 'sha256', '"}');
      leaf := convert_to(concat(lines[i + 4], now_told, '","changes":', changes, lines[i + 5], prev, '","seq":', seq, lines[i + 6]), 'UTF8');
      IF octet_length(leaf) > 65535 THEN RAISE EXCEPTION 'the event is too long' USING ERRCODE = 'MRM01'; END IF;
    END IF;
    e := convert_from(leaf, 'UTF8')::jsonb;
    IF e #>> '{actor,key}' = '' OR e ->> 'outcome' NOT IN ('done', 'refused') THEN
      RAISE EXCEPTION 'an event has an actor, and is done or refused' USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO audit_event (id, at, verb, outcome, actor, actor_name, actor_roles, person, on_behalf_of, reason,
      request_id, subject_type, subject_id, subject_label, object_type, object_id, object_seq, object_prev, details,
      payload, digest)
    VALUES ((e ->> 'id')::uuid, (e ->> 'at')::timestamptz, e ->> 'verb', e ->> 'outcome', e #>> '{actor,key}',
      e #>> '{actor,name}', e #> '{actor,roles}', e #>> '{actor,person}', e #>> '{actor,on_behalf_of}', e ->> 'reason',
      e ->> 'request_id', e #>> '{subject,type}', e #>> '{subject,id}', e #>> '{subject,label}', e #>> '{object,type}',
      e #>> '{object,id}', (e #>> '{object,seq}')::bigint, e #>> '{object,prev}', e -> 'details', leaf,
      encode(sha256('\x00'::bytea || leaf), 'hex'));
    IF lines[i + 3] <> '' THEN
      INSERT INTO audit_undispatched (event_id, attempts) VALUES (lines[i]::uuid, 0);
    END IF;
  END LOOP;
  IF current_setting('mrm.unsealed', true) <> '' THEN
    kept := coalesce(kept, '[]') || jsonb_build_object('content', current_setting('mrm.unsealed'));
    now_told := set_config('mrm.unsealed', '', true);
  END IF;
  IF closing AND kept IS NOT NULL THEN RAISE EXCEPTION 'something is to be kept before COMMIT' USING ERRCODE = 'MRM02'; END IF;
  now_told := set_config('mrm.audit_event', '', true);
  RETURN kept;
END $$;

CREATE FUNCTION audit_states() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  before text := to_jsonb(OLD) ->> TG_ARGV[0];
  after text := to_jsonb(NEW) ->> TG_ARGV[0];
BEGIN
  IF before IS DISTINCT FROM after AND NOT (before || '>' || after) = ANY(TG_ARGV[1:]) THEN
    RAISE EXCEPTION '% cannot pass from % to %', TG_TABLE_NAME, before, after USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit_change FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_event FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_change FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_append_only;
ALTER TABLE audit_change ENABLE ALWAYS TRIGGER audit_append_only;
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_no_truncate;
ALTER TABLE audit_change ENABLE ALWAYS TRIGGER audit_no_truncate;

-- The changes of an event lie together; their numbers tell their order.
ALTER TABLE audit_change DROP CONSTRAINT audit_change_pkey, ADD CONSTRAINT audit_change_pkey PRIMARY KEY (event_id, id);

-- A forged event id is found at COMMIT: no change without its event.
ALTER TABLE audit_change ADD CONSTRAINT audit_change_event FOREIGN KEY (event_id)
  REFERENCES audit_event (id) DEFERRABLE INITIALLY DEFERRED;
