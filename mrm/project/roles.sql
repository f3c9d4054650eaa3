-- Three roles: mrm_owner owns the tables and migrates, mrm_app runs the application and owns nothing, mrm_log is the
-- sequencer, which alone writes the log.
ALTER SCHEMA public OWNER TO mrm_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO mrm_app, mrm_log;
ALTER DEFAULT PRIVILEGES FOR ROLE mrm_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO mrm_app;
ALTER DEFAULT PRIVILEGES FOR ROLE mrm_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO mrm_app;
