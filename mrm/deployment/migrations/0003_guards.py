"""The guards of this area's tables."""

from django.db import migrations

from mrm.audit.operations import Govern, States
from mrm.deployment.workflow import FLOW


class Migration(migrations.Migration):
    dependencies = [("deployment", "0002_initial"), ("audit", "0002_guards")]

    operations = [
        Govern("deployment_target"),
        Govern("deployment_deployment"),
        Govern("deployment_revision"),
        States("deployment_revision", "status", FLOW.edges()),
    ]
