"""The guards of this area's tables."""

from django.db import migrations

from mrm.audit.operations import Govern, States
from mrm.evaluation.workflow import FLOW


class Migration(migrations.Migration):
    dependencies = [("evaluation", "0002_initial"), ("audit", "0002_guards")]

    operations = [
        Govern("evaluation_run"),
        States("evaluation_run", "status", FLOW.edges()),
    ]
