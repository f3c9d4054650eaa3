"""Data sets scored as a whole, and the guards of their tables."""

import uuid
from pathlib import Path

import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from mrm.audit.operations import AppendOnly, Govern, States
from mrm.prediction.workflow import BATCH

_SQL = Path(__file__)
_UNDO = (
    "DROP FUNCTION prediction_batch_rules CASCADE; DROP FUNCTION prediction_part_rules CASCADE;"
    " DROP FUNCTION prediction_may_score"
)


class Migration(migrations.Migration):
    dependencies = [
        ("approval", "0005_environments"),
        ("deployment", "0002_guards"),
        ("inventory", "0004_scoring_endpoint"),
        ("prediction", "0002_guards"),
        ("signoff", "0004_queue"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL("CREATE SEQUENCE prediction_batch_number", "DROP SEQUENCE prediction_batch_number"),
        migrations.CreateModel(
            name="BatchRun",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "number",
                    models.BigIntegerField(
                        db_default=models.Func(models.Value("prediction_batch_number"), function="nextval"),
                        editable=False,
                        unique=True,
                    ),
                ),
                ("artifact_sha256", models.CharField(max_length=64)),
                ("dataset_sha256", models.CharField(max_length=64)),
                ("rows", models.BigIntegerField()),
                ("use", models.TextField()),
                ("part_rows", models.PositiveIntegerField()),
                ("parts_planned", models.PositiveIntegerField(default=0)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("output_sha256", models.CharField(blank=True, max_length=64)),
                ("output_size", models.BigIntegerField(default=0)),
                ("error", models.TextField(blank=True)),
                ("remedy", models.TextField(blank=True)),
                (
                    "approval",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="batch_runs", to="approval.approval"
                    ),
                ),
                (
                    "dataset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="batch_runs", to="inventory.dataset"
                    ),
                ),
                (
                    "environment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="batch_runs",
                        to="deployment.environment",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="batch_runs",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="batch_runs", to="inventory.version"
                    ),
                ),
            ],
            options={
                "ordering": ["-number"],
            },
        ),
        migrations.CreateModel(
            name="BatchPart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("index", models.PositiveIntegerField()),
                ("row_group", models.PositiveIntegerField()),
                ("first_row", models.BigIntegerField()),
                ("rows", models.PositiveIntegerField()),
                ("output_sha256", models.CharField(max_length=64)),
                ("output_size", models.BigIntegerField()),
                ("artifact_sha256", models.CharField(max_length=64)),
                ("scored_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("seconds", models.FloatField()),
                ("cpu_seconds", models.FloatField()),
                ("network", models.CharField(max_length=20)),
                (
                    "approval",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="batch_parts", to="approval.approval"
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="batch_parts", to="signoff.policy"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="batch_parts", to="inventory.version"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="parts", to="prediction.batchrun"
                    ),
                ),
            ],
            options={
                "ordering": ["index"],
            },
        ),
        migrations.AddConstraint(
            model_name="batchrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["queued", "running", "done", "failed", "cancelled"])),
                name="batch_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="batchrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("part_rows__gt", 0), ("rows__gt", 0), models.Q(("use", ""), _negated=True)),
                name="batch_has_rows",
            ),
        ),
        migrations.AddConstraint(
            model_name="batchrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "done"), models.Q(("output_sha256", ""), _negated=True)),
                    models.Q(models.Q(("status", "done"), _negated=True), ("output_sha256", ""), ("output_size", 0)),
                    _connector="OR",
                ),
                name="batch_done_has_output",
            ),
        ),
        migrations.AddConstraint(
            model_name="batchrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at", None), ("status__in", ("queued", "running"))),
                    models.Q(
                        models.Q(("status__in", ("queued", "running")), _negated=True), ("finished_at__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="batch_ended_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="batchrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "failed"), models.Q(("error", ""), _negated=True)),
                    models.Q(models.Q(("status", "failed"), _negated=True), ("error", "")),
                    _connector="OR",
                ),
                name="batch_failed_because",
            ),
        ),
        migrations.AddConstraint(
            model_name="batchpart",
            constraint=models.UniqueConstraint(fields=("run", "index"), name="batch_part_once"),
        ),
        migrations.AddConstraint(
            model_name="batchpart",
            constraint=models.UniqueConstraint(fields=("run", "first_row"), name="batch_part_rows_once"),
        ),
        migrations.AddConstraint(
            model_name="batchpart",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cpu_seconds__gte", 0),
                    ("rows__gt", 0),
                    ("seconds__gte", 0),
                    models.Q(("output_sha256", ""), _negated=True),
                ),
                name="batch_part_is_whole",
            ),
        ),
        Govern("prediction_batchrun"),
        Govern("prediction_batchpart"),
        AppendOnly("prediction_batchpart"),
        States("prediction_batchrun", "status", BATCH.edges()),
        migrations.RunSQL(_SQL.with_name("batch.sql").read_text(), _UNDO),
    ]
