CREATE TRIGGER audit_kept BEFORE DELETE ON audit_integrityfinding FOR EACH ROW EXECUTE FUNCTION audit_refuse();
ALTER TABLE audit_integrityfinding ENABLE ALWAYS TRIGGER audit_kept;

-- Written by the event trigger of mrm/project/roles.sql, which belongs to a superuser.
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit_ddl FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_ddl FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE audit_ddl ENABLE ALWAYS TRIGGER audit_append_only;
ALTER TABLE audit_ddl ENABLE ALWAYS TRIGGER audit_no_truncate;

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'mrm_app') THEN
    REVOKE ALL ON audit_replay, audit_integrityfinding, audit_ground, audit_ddl FROM mrm_app;
    GRANT SELECT, INSERT ON audit_replay, audit_integrityfinding, audit_ground TO mrm_app;
    GRANT UPDATE (status, explanation, explained_by, explained_person, explained_at, gone_at) ON audit_integrityfinding TO mrm_app;
    GRANT SELECT ON audit_ddl TO mrm_app;
  END IF;
END $$;
