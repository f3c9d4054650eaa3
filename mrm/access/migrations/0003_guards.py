"""The guards of this area's tables."""

from pathlib import Path

from django.db import migrations

from mrm.audit.operations import Govern

GUARDS = Path(__file__).with_name("guards.sql").read_text()


class Migration(migrations.Migration):
    dependencies = [("access", "0002_cache"), ("audit", "0008_personal")]

    operations = [
        Govern("access_businessunit"),
        Govern("access_person", personal={"name": "id", "email": "id"}),
        Govern("access_account", "id", ("password",), {"username": "person_id"}),
        Govern("access_rolegrant"),
        Govern("access_token", "id", ("digest",)),
        migrations.RunSQL(
            GUARDS,
            "DROP FUNCTION access_stays, access_grant_ends_once, access_being_founded, access_exception_rules CASCADE; DROP TABLE access_founding",
        ),
    ]
