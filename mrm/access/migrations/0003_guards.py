"""The guards of this area's tables."""

from django.db import migrations

from mrm.audit.operations import Govern


class Migration(migrations.Migration):
    dependencies = [("access", "0002_cache"), ("audit", "0002_guards")]

    operations = [
        Govern("access_businessunit"),
        Govern("access_person"),
        Govern("access_account", "id", ("password",)),
        Govern("access_rolegrant"),
        Govern("access_token", "id", ("digest",)),
    ]
