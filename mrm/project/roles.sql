-- Three roles: mrm_owner owns the tables and migrates, mrm_app runs the application and owns nothing, mrm_log is the
-- sequencer, which alone writes the log.
ALTER SCHEMA public OWNER TO mrm_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO mrm_app, mrm_log;
ALTER DEFAULT PRIVILEGES FOR ROLE mrm_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO mrm_app;
ALTER DEFAULT PRIVILEGES FOR ROLE mrm_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO mrm_app;

-- The days of the prediction log stand apart: they come and go, and nobody but the owner has a right on them.
CREATE SCHEMA IF NOT EXISTS mrm_days AUTHORIZATION mrm_owner;

-- Whoever changes a table, a trigger, a function or a grant is written down, in a table that the migrations make. An
-- event trigger belongs to a superuser; its function stands in a schema of its own, because the owner of a schema may
-- drop what is in it.
CREATE SCHEMA IF NOT EXISTS mrm_ground;
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'mrm_ground_command') THEN
    CREATE FUNCTION mrm_ground.note_command() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $note$
    BEGIN
      IF to_regclass('public.audit_ddl') IS NULL THEN RETURN; END IF;
      INSERT INTO public.audit_ddl (at, who, command, kind, target)
        SELECT clock_timestamp(), session_user, left(c.command_tag, 80), left(c.object_type, 80), left(coalesce(c.object_identity, ''), 300)
          FROM pg_event_trigger_ddl_commands() AS c
         WHERE (c.schema_name IN ('public', 'mrm_ground') OR c.schema_name IS NULL) AND c.object_type NOT IN ('sequence', 'index');
    END $note$;
    CREATE FUNCTION mrm_ground.note_drop() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $note$
    BEGIN
      IF to_regclass('public.audit_ddl') IS NULL THEN RETURN; END IF;
      INSERT INTO public.audit_ddl (at, who, command, kind, target)
        SELECT clock_timestamp(), session_user, left(tg_tag, 80), left(d.object_type, 80), left(d.object_identity, 300)
          FROM pg_event_trigger_dropped_objects() AS d
         WHERE d.original AND NOT d.is_temporary AND coalesce(d.schema_name, 'public') IN ('public', 'mrm_ground');
    END $note$;
    CREATE EVENT TRIGGER mrm_ground_command ON ddl_command_end EXECUTE FUNCTION mrm_ground.note_command();
    CREATE EVENT TRIGGER mrm_ground_drop ON sql_drop EXECUTE FUNCTION mrm_ground.note_drop();
    ALTER EVENT TRIGGER mrm_ground_command ENABLE ALWAYS;
    ALTER EVENT TRIGGER mrm_ground_drop ENABLE ALWAYS;
  END IF;
END $$;
