"""The guards of this area's tables."""

from django.db import migrations

from mrm.audit.operations import AppendOnly, Govern, States
from mrm.validation.workflow import FINDING, VALIDATION


class Migration(migrations.Migration):
    dependencies = [("validation", "0001_initial"), ("audit", "0002_guards")]

    operations = [
        Govern("validation_validation"),
        Govern("validation_evidence"),
        Govern("validation_finding"),
        AppendOnly("validation_evidence"),
        States("validation_validation", "status", VALIDATION.edges()),
        States("validation_finding", "status", FINDING.edges()),
    ]
