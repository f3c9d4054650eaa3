"""The guards of this area's table, and of the keys that it may end."""

from pathlib import Path

from django.db import migrations

from mrm.audit.operations import Govern

GUARDS = Path(__file__).with_name("guards.sql").read_text()


class Migration(migrations.Migration):
    dependencies = [("privacy", "0001_initial"), ("audit", "0008_personal"), ("signoff", "0002_guards")]

    operations = [
        Govern("privacy_erasure"),
        migrations.RunSQL(GUARDS, migrations.RunSQL.noop),
    ]
