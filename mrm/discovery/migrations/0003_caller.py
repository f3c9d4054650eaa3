"""Who may say that something changed at a place, and which calls were heard."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from mrm.audit.operations import Govern


class Migration(migrations.Migration):
    dependencies = [
        ("deployment", "0004_approved_for"),
        ("discovery", "0002_guards"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            "Caller",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("secret", models.CharField(blank=True, max_length=100)),
                ("set_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "set_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="callers",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "target",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="caller", to="deployment.target"
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            "Call",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.CharField(max_length=100)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "caller",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="calls", to="discovery.caller"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("caller", "number"), name="call_heard_once")],
            },
        ),
        Govern("discovery_caller"),
    ]
