"""The guards of this area's tables."""

from django.db import migrations

from mrm.approval.workflow import FLOW
from mrm.audit.operations import Govern, States


class Migration(migrations.Migration):
    dependencies = [("approval", "0001_initial"), ("audit", "0002_guards")]

    operations = [
        Govern("approval_approval"),
        Govern("approval_condition"),
        States("approval_approval", "status", FLOW.edges()),
    ]
