"""The guards of this area's tables."""

from django.db import migrations

from mrm.audit.operations import Govern


class Migration(migrations.Migration):
    dependencies = [("access", "0002_cache"), ("audit", "0008_personal")]

    operations = [
        Govern("access_businessunit"),
        Govern("access_person", personal={"name": "id", "email": "id"}),
        Govern("access_account", "id", ("password",), {"username": "person_id"}),
        Govern("access_rolegrant"),
        Govern("access_token", "id", ("digest",)),
    ]
