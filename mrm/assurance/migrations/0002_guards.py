"""The guards of this area's tables."""

from django.db import migrations

from mrm.assurance.workflow import FLOW
from mrm.audit.operations import Govern, States


class Migration(migrations.Migration):
    dependencies = [("assurance", "0001_initial"), ("audit", "0002_guards")]

    operations = [
        Govern("assurance_export"),
        States("assurance_export", "status", FLOW.edges()),
    ]
