"""The guards of this area's tables."""

from django.db import migrations

from mrm.audit.operations import Govern, States
from mrm.reporting.workflow import FLOW


class Migration(migrations.Migration):
    dependencies = [("reporting", "0001_initial"), ("audit", "0002_guards")]

    operations = [
        Govern("reporting_document"),
        States("reporting_document", "status", FLOW.edges()),
    ]
