"""A deployment may wait for signatures."""

from pathlib import Path

from django.db import migrations, models

from mrm.audit.operations import States
from mrm.deployment.workflow import FLOW

STATES = [
    ("awaiting", "Waits for signatures"),
    ("pending", "Being applied"),
    ("applied", "Applied and verified"),
    ("failed", "Failed"),
    ("superseded", "Superseded"),
    ("refused", "Not released"),
]


class Migration(migrations.Migration):
    dependencies = [("deployment", "0003_guards"), ("signoff", "0003_proposal"), ("inventory", "0003_signed")]

    operations = [
        migrations.RemoveConstraint("revision", "revision_state"),
        migrations.AlterField("revision", "status", models.CharField(choices=STATES, default="pending", max_length=10)),
        migrations.AddConstraint(
            "revision",
            models.CheckConstraint(
                condition=models.Q(("status__in", [state for state, _ in STATES])), name="revision_state"
            ),
        ),
        States("deployment_revision", "status", FLOW.edges()),
        migrations.RunSQL(
            Path(__file__).with_name("release.sql").read_text(), "DROP FUNCTION deployment_release_rules CASCADE"
        ),
    ]
