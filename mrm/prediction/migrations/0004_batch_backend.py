"""Which way a data set is scored: by a worker, or as a job of the place that serves the version; and the guards of that."""

from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_SQL = Path(__file__)
_UNDO = (
    "DROP FUNCTION prediction_batch_rules CASCADE; DROP FUNCTION prediction_part_rules CASCADE;"
    " DROP FUNCTION prediction_may_score; DROP FUNCTION prediction_serves;"
) + _SQL.with_name("batch.sql").read_text()


class Migration(migrations.Migration):
    dependencies = [
        ("approval", "0005_environments"),
        ("deployment", "0004_approved_for"),
        ("inventory", "0004_scoring_endpoint"),
        ("prediction", "0003_batch"),
        ("signoff", "0005_terms"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="batchpart",
            name="batch_part_is_whole",
        ),
        migrations.AddField(
            model_name="batchpart",
            name="answer_sha256",
            field=models.CharField(blank=True, db_default="", max_length=64),
        ),
        migrations.AddField(
            model_name="batchpart",
            name="backend_job",
            field=models.CharField(blank=True, db_default="", max_length=200),
        ),
        migrations.AddField(
            model_name="batchpart",
            name="revision",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="batch_parts",
                to="deployment.revision",
            ),
        ),
        migrations.AddField(
            model_name="batchpart",
            name="sent_sha256",
            field=models.CharField(blank=True, db_default="", max_length=64),
        ),
        migrations.AddField(
            model_name="batchrun",
            name="backend_handle",
            field=models.TextField(blank=True, db_default=""),
        ),
        migrations.AddField(
            model_name="batchrun",
            name="backend_job",
            field=models.CharField(blank=True, db_default="", max_length=200),
        ),
        migrations.AddField(
            model_name="batchrun",
            name="revision",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="batch_runs",
                to="deployment.revision",
            ),
        ),
        migrations.AddField(
            model_name="batchrun",
            name="sent_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="batchrun",
            name="way",
            field=models.CharField(
                choices=[("worker", "A worker"), ("backend", "The place that serves it")],
                db_default="worker",
                default="worker",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="batchrun",
            name="way_because",
            field=models.TextField(blank=True, db_default=""),
        ),
        migrations.AlterField(
            model_name="batchpart",
            name="cpu_seconds",
            field=models.FloatField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="batchpart",
            name="seconds",
            field=models.FloatField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="batchpart",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("rows__gt", 0),
                    models.Q(("output_sha256", ""), _negated=True),
                    models.Q(
                        models.Q(
                            ("cpu_seconds__gte", 0),
                            ("cpu_seconds__isnull", False),
                            ("seconds__gte", 0),
                            ("seconds__isnull", False),
                            ("answer_sha256", ""),
                            ("backend_job", ""),
                            ("revision", None),
                            ("sent_sha256", ""),
                        ),
                        models.Q(
                            ("cpu_seconds", None),
                            ("revision__isnull", False),
                            ("seconds", None),
                            models.Q(("backend_job", ""), _negated=True),
                            models.Q(("sent_sha256", ""), _negated=True),
                            models.Q(("answer_sha256", ""), _negated=True),
                        ),
                        _connector="OR",
                    ),
                ),
                name="batch_part_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="batchrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("backend_handle", ""),
                        ("backend_job", ""),
                        ("revision", None),
                        ("sent_at", None),
                        ("way", "worker"),
                    ),
                    models.Q(("revision__isnull", False), ("way", "backend")),
                    _connector="OR",
                ),
                name="batch_goes_one_way",
            ),
        ),
        migrations.AddConstraint(
            model_name="batchrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("backend_handle", ""), ("backend_job", "")),
                    models.Q(
                        ("sent_at__isnull", False),
                        models.Q(("backend_job", ""), _negated=True),
                        models.Q(("backend_handle", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="batch_job_was_sent",
            ),
        ),
        migrations.RunSQL(_SQL.with_name("batch_backend.sql").read_text(), _UNDO),
    ]
