-- Runs as the owner, because the application role may not write to audit_change itself. What an update left alone is
-- found by one scan of the row, and taken out of both sides.
CREATE OR REPLACE FUNCTION audit_capture() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
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
      SELECT event, TG_TABLE_NAME, new_row ->> TG_ARGV[0], 'update', old_row - d.same, new_row - d.same
        FROM (SELECT ARRAY(SELECT key FROM jsonb_each(new_row) WHERE old_row -> key IS NOT DISTINCT FROM value) AS same OFFSET 0) AS d
       WHERE new_row - d.same <> '{}' OR to_jsonb(OLD) <> to_jsonb(NEW);
  ELSE
    INSERT INTO audit_change (event_id, "table", "row", op, before, after)
      VALUES (event, TG_TABLE_NAME, coalesce(new_row, old_row) ->> TG_ARGV[0], lower(TG_OP), old_row, new_row);
  END IF;
  RETURN NULL;
END $$;

-- The only way into the trail, and the end of an action. Each event comes in seven lines: id, kind and key of its object,
-- whether somebody reacts to it, and three pieces of JSON between which time, row changes and the place in the object's
-- chain are put. What is hashed is what is stored, and every column is read from it, so that no column can say
-- otherwise. Change lists too long for an entry of the log are held by their digest, and handed back to be kept
-- elsewhere; personal values that were committed to for the first time are handed back, without a digest, to be sealed.
-- When COMMIT follows in the same message, nothing may be handed back: then it is an error, and asked for once more.
CREATE OR REPLACE FUNCTION audit_append(events text, closing boolean DEFAULT false) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
  -- as most edits leave it: one member, whose text holds no quote; audit_canonical would give the same at more cost
  plain CONSTANT text := '^\{"[a-z_]+": ("[ !#-\[\]-~]*"|true|false|null)\}$';
  lines CONSTANT text[] := string_to_array(events, E'\n');
  now_told text;
  kept jsonb;
  changes text;
  total bigint;
  prev text;
  seq bigint;
  leaf bytea;
BEGIN
  IF array_length(lines, 1) = 7 THEN
    now_told := pg_advisory_xact_lock(hashtextextended(lines[2] || ' ' || lines[3], 0));
  ELSE
    PERFORM audit_lock(lines);
  END IF;
  now_told := to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
  FOR i IN 1 .. array_length(lines, 1) BY 7 LOOP
    SELECT concat('[', c.told, ']'), c.total, last.digest, coalesce(last.object_seq, 0) + 1 INTO changes, total, prev, seq
      FROM (SELECT count(*) AS total, string_agg(concat(
             '{"after":', CASE WHEN after::text ~ plain THEN replace(after::text, '": ', '":') ELSE coalesce(audit_canonical(after), 'null') END,
             ',"before":', CASE WHEN before::text ~ plain THEN replace(before::text, '": ', '":') ELSE coalesce(audit_canonical(before), 'null') END,
             ',"op":"', op, '","row":', to_json(CASE WHEN octet_length("row") = char_length("row") THEN "row" ELSE normalize("row") END),
             ',"table":"', "table", '"}'), ',' ORDER BY id
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
    INSERT INTO audit_event (id, at, verb, outcome, actor, actor_name, actor_roles, person, on_behalf_of, reason,
      request_id, subject_type, subject_id, subject_label, object_type, object_id, object_seq, object_prev, details,
      payload, digest)
    SELECT (e ->> 'id')::uuid, (e ->> 'at')::timestamptz, e ->> 'verb', e ->> 'outcome', who ->> 'key', who ->> 'name',
      who -> 'roles', who ->> 'person', who ->> 'on_behalf_of', e ->> 'reason', e ->> 'request_id', subject ->> 'type',
      subject ->> 'id', subject ->> 'label', object ->> 'type', object ->> 'id', (object ->> 'seq')::bigint,
      object ->> 'prev', e -> 'details', leaf, encode(sha256('\x00'::bytea || leaf), 'hex')
      FROM (SELECT e, e -> 'actor' AS who, e -> 'subject' AS subject, e -> 'object' AS object
              FROM (SELECT convert_from(leaf, 'UTF8')::jsonb AS e OFFSET 0) AS parsed OFFSET 0) AS parts
     WHERE who ->> 'key' <> '' AND e ->> 'outcome' IN ('done', 'refused');
    IF NOT FOUND THEN
      RAISE EXCEPTION 'an event has an actor, and is done or refused' USING ERRCODE = 'check_violation';
    END IF;
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
