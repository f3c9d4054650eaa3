"""The functions behind every guard, the guards of the trail itself, and who may touch it."""

from pathlib import Path

from django.db import migrations

FUNCTIONS = Path(__file__).with_name("guards.sql").read_text()
GRANTS = """
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'mrm_app') THEN
    REVOKE ALL ON audit_event, audit_change FROM mrm_app;
    GRANT SELECT ON audit_event, audit_change TO mrm_app;
    REVOKE ALL ON FUNCTION audit_append(text, boolean) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION audit_append(text, boolean) TO mrm_app;
  END IF;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTIONS, migrations.RunSQL.noop),
        migrations.RunSQL(GRANTS, migrations.RunSQL.noop),
    ]
