import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from mrm.audit.operations import AppendOnly, Govern


class Migration(migrations.Migration):
    dependencies = [("evaluation", "0007_alternative_choice"), ("inventory", "0004_scoring_endpoint")]

    operations = [
        migrations.CreateModel(
            name="Inspection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("declared", models.CharField(max_length=12)),
                ("found", models.CharField(max_length=40)),
                (
                    "outcome",
                    models.CharField(
                        choices=[("clean", "Clean"), ("flagged", "Flagged"), ("unscannable", "Unscannable")],
                        max_length=12,
                    ),
                ),
                ("tools", models.JSONField()),
                ("findings", models.JSONField(default=list)),
                ("facts", models.JSONField(default=dict)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "artifact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="inspections",
                        to="inventory.artifact",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="inspections",
                        to="inventory.version",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("outcome__in", ["clean", "flagged", "unscannable"])),
                        name="inspection_outcome",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("findings", []), ("outcome", "clean")),
                            models.Q(
                                models.Q(("outcome", "clean"), _negated=True), models.Q(("findings", []), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="inspection_says_why",
                    ),
                ],
            },
        ),
        Govern("evaluation_inspection"),
        AppendOnly("evaluation_inspection"),
    ]
