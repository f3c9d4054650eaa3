"""Changes that take effect when they are signed for, and what holds them to it."""

import uuid
from pathlib import Path

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from mrm.audit.operations import Govern


class Migration(migrations.Migration):
    dependencies = [("signoff", "0002_guards")]

    operations = [
        migrations.CreateModel(
            name="Proposal",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=60)),
                ("target", models.CharField(max_length=80)),
                ("label", models.CharField(max_length=200)),
                ("content", models.JSONField()),
                ("reason", models.TextField()),
                ("tier", models.CharField(blank=True, max_length=1)),
                ("proposed_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                ("carried_out", models.BooleanField(default=False)),
                (
                    "proposed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposals",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "unit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposals",
                        to="access.businessunit",
                    ),
                ),
            ],
            options={
                "ordering": ["-proposed_at"],
                "indexes": [models.Index(fields=["kind", "target"], name="proposal_target")],
                "constraints": [
                    models.CheckConstraint(condition=~models.Q(reason=""), name="proposal_reason"),
                    models.CheckConstraint(
                        condition=models.Q(carried_out=False) | models.Q(settled_at__isnull=False), name="proposal_done"
                    ),
                    models.UniqueConstraint(
                        fields=["kind", "target"], condition=models.Q(settled_at__isnull=True), name="proposal_one_open"
                    ),
                ],
            },
        ),
        Govern("signoff_proposal"),
        migrations.RunSQL(
            Path(__file__).with_name("proposals.sql").read_text(),
            "DROP FUNCTION signoff_proposal_rules, signoff_must_be_signed, signoff_signed_for, signoff_policy_rules CASCADE",
        ),
    ]
