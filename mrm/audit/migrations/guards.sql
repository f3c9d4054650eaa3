CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: rows there are never taken back', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$;

-- Runs as the owner, because the application role may not write to audit_change itself.
CREATE FUNCTION audit_capture() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  event uuid := nullif(current_setting('mrm.audit_event', true), '')::uuid;
  secret text[] := TG_ARGV[1:];
  old_row jsonb;
  new_row jsonb;
  old_diff jsonb;
  new_diff jsonb;
BEGIN
  IF event IS NULL THEN
    RAISE EXCEPTION 'write to % outside an audited action', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF TG_OP <> 'INSERT' THEN old_row := to_jsonb(OLD) - secret; END IF;
  IF TG_OP <> 'DELETE' THEN new_row := to_jsonb(NEW) - secret; END IF;
  IF TG_OP = 'UPDATE' THEN
    SELECT jsonb_object_agg(key, old_row -> key), jsonb_object_agg(key, new_row -> key) INTO old_diff, new_diff
      FROM jsonb_object_keys(new_row) AS key WHERE old_row -> key IS DISTINCT FROM new_row -> key;
    IF old_diff IS NULL AND to_jsonb(OLD) = to_jsonb(NEW) THEN RETURN NULL; END IF;
    old_diff := coalesce(old_diff, '{}'); new_diff := coalesce(new_diff, '{}');
  ELSE
    old_diff := old_row; new_diff := new_row;
  END IF;
  INSERT INTO audit_change (event_id, "table", "row", op, before, after)
    VALUES (event, TG_TABLE_NAME, coalesce(new_row, old_row) ->> TG_ARGV[0], lower(TG_OP), old_diff, new_diff);
  RETURN NULL;
END $$;

-- One round trip at the end of an action: lock the chains, read their heads, collect the row changes.
CREATE FUNCTION audit_close(events uuid[], kinds text[], keys text[]) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  chain text;
  heads jsonb;
  rows jsonb;
BEGIN
  -- an object born in this transaction is seen by nobody else, so an import of thousands holds no lock for it
  FOR chain IN
    SELECT o.kind || ' ' || o.key FROM unnest(kinds, keys) AS o(kind, key)
     WHERE EXISTS (SELECT FROM audit_event WHERE object_type = o.kind AND object_id = o.key)
        OR NOT EXISTS (SELECT FROM audit_change WHERE "table" = replace(o.kind, '.', '_') AND "row" = o.key
                        AND op = 'insert' AND event_id = ANY(events))
  LOOP
    PERFORM pg_advisory_xact_lock(hashtextextended(chain, 0));
  END LOOP;
  SELECT jsonb_agg(jsonb_build_array(o.kind, o.key, h.object_seq, h.digest)) INTO heads
    FROM unnest(kinds, keys) AS o(kind, key) CROSS JOIN LATERAL (
      SELECT object_seq, digest FROM audit_event
       WHERE object_type = o.kind AND object_id = o.key ORDER BY object_seq DESC LIMIT 1) AS h;
  SELECT jsonb_agg(jsonb_build_object('event', event_id, 'table', "table", 'row', "row", 'op', op,
                                      'before', before, 'after', after) ORDER BY id) INTO rows
    FROM audit_change WHERE event_id = ANY(events);
  RETURN jsonb_build_object('at', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'heads', coalesce(heads, '[]'), 'changes', coalesce(rows, '[]'));
END $$;

-- The only way into the trail. What is hashed is what is stored, and every column is read from it, so that
-- no column can say otherwise. `owed` are the events that somebody reacts to. Ends the action.
CREATE FUNCTION audit_append(payloads text[], owed uuid[]) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
  INSERT INTO audit_event (id, at, verb, outcome, actor, actor_name, actor_roles, person, on_behalf_of, reason,
    request_id, subject_type, subject_id, subject_label, object_type, object_id, object_seq, object_prev, details,
    payload, digest)
  SELECT (e ->> 'id')::uuid, (e ->> 'at')::timestamptz, e ->> 'verb', e ->> 'outcome', e #>> '{actor,key}',
    e #>> '{actor,name}', e #> '{actor,roles}', e #>> '{actor,person}', e #>> '{actor,on_behalf_of}', e ->> 'reason',
    e ->> 'request_id', e #>> '{subject,type}', e #>> '{subject,id}', e #>> '{subject,label}', e #>> '{object,type}',
    e #>> '{object,id}', (e #>> '{object,seq}')::bigint, e #>> '{object,prev}', e -> 'details',
    convert_to(t.payload, 'UTF8'), encode(sha256('\x00'::bytea || convert_to(t.payload, 'UTF8')), 'hex')
  FROM unnest(payloads) WITH ORDINALITY AS t(payload, place), LATERAL (SELECT t.payload::jsonb AS e) AS parsed
  ORDER BY t.place;
  INSERT INTO audit_undispatched (event_id, attempts) SELECT event, 0 FROM unnest(owed) AS event;
  SELECT set_config('mrm.audit_event', '', true);
$$;

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

-- A forged event id is found at COMMIT: no change without its event.
ALTER TABLE audit_change ADD CONSTRAINT audit_change_event FOREIGN KEY (event_id)
  REFERENCES audit_event (id) DEFERRABLE INITIALLY DEFERRED;
