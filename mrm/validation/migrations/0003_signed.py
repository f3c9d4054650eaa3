"""Outcomes, closings, withdrawals and accepted risks take effect when they are signed for."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from mrm.audit.operations import Govern, SetOnce, SignedFor, States
from mrm.validation.workflow import FINDING

STATES = [
    ("open", "Open"),
    ("rebutted", "Rebutted"),
    ("accepted", "Accepted"),
    ("planned", "Plan agreed"),
    ("in_progress", "In progress"),
    ("evidence_submitted", "Evidence submitted"),
    ("closed", "Closed"),
    ("withdrawn", "Withdrawn"),
    ("risk_accepted", "Risk accepted"),
]


def passes(state: str) -> str:
    return f"NEW.status = '{state}' AND OLD.status <> '{state}'"


class Migration(migrations.Migration):
    dependencies = [
        ("validation", "0002_guards"),
        ("inventory", "0003_signed"),
        ("signoff", "0003_proposal"),
    ]

    operations = [
        migrations.RemoveConstraint("finding", "finding_state"),
        migrations.AlterField("finding", "status", models.CharField(choices=STATES, default="open", max_length=20)),
        migrations.AddConstraint(
            "finding",
            models.CheckConstraint(
                condition=models.Q(("status__in", [state for state, _ in STATES])), name="finding_state"
            ),
        ),
        migrations.CreateModel(
            name="RiskAcceptance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("clause", models.CharField(blank=True, max_length=40)),
                ("reason", models.TextField()),
                ("compensation", models.TextField()),
                ("until", models.DateField()),
                ("accepted_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "finding",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acceptances",
                        to="validation.finding",
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="acceptances", to="inventory.model"
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="acceptances", to="signoff.request"
                    ),
                ),
            ],
            options={
                "ordering": ["-accepted_at"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(finding__isnull=False, clause="")
                        | models.Q(finding=None) & ~models.Q(clause=""),
                        name="acceptance_of_one_thing",
                    ),
                    models.CheckConstraint(
                        condition=~models.Q(reason="") & ~models.Q(compensation=""), name="acceptance_explained"
                    ),
                    models.UniqueConstraint(
                        fields=["finding"],
                        condition=models.Q(ended_at=None, finding__isnull=False),
                        name="acceptance_one_of_finding",
                    ),
                ],
            },
        ),
        Govern("validation_riskacceptance"),
        SetOnce("validation_riskacceptance", "ended_at"),
        States("validation_finding", "status", FINDING.edges()),
        SignedFor("validation_validation", "validation_outcome", "id", "UPDATE", passes("concluded")),
        SignedFor("validation_finding", "finding_closure", "id", "UPDATE", passes("closed")),
        SignedFor("validation_finding", "finding_withdrawal", "id", "UPDATE", passes("withdrawn")),
        SignedFor("validation_finding", "risk_acceptance", "id", "UPDATE", passes("risk_accepted")),
        SignedFor("validation_riskacceptance", "risk_acceptance", "finding_id", "INSERT", "NEW.finding_id IS NOT NULL"),
    ]
