import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from mrm.audit.operations import Govern, States
from mrm.evaluation.workflow import CONVERSION


class Migration(migrations.Migration):
    dependencies = [
        ("evaluation", "0008_inspection"),
        ("inventory", "0004_scoring_endpoint"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Conversion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source_sha256", models.CharField(max_length=64)),
                ("label", models.CharField(max_length=40)),
                ("tolerance", models.DecimalField(decimal_places=9, max_digits=12)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("converter", models.CharField(blank=True, max_length=60)),
                ("parity", models.JSONField(default=dict)),
                ("made_sha256", models.CharField(blank=True, max_length=64)),
                ("error", models.TextField(blank=True)),
                (
                    "dataset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="conversions", to="inventory.dataset"
                    ),
                ),
                (
                    "made",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="converted_by",
                        to="inventory.version",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="conversions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="conversions", to="inventory.version"
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["queued", "done", "failed"])), name="conversion_state"
                    ),
                    models.CheckConstraint(condition=models.Q(("tolerance__gt", 0)), name="conversion_tolerance"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("made__isnull", False),
                                ("status", "done"),
                                models.Q(("made_sha256", ""), _negated=True),
                            ),
                            models.Q(
                                models.Q(("status", "done"), _negated=True), ("made__isnull", True), ("made_sha256", "")
                            ),
                            _connector="OR",
                        ),
                        name="conversion_done_has_version",
                    ),
                ],
            },
        ),
        Govern("evaluation_conversion"),
        States("evaluation_conversion", "status", CONVERSION.edges()),
    ]
