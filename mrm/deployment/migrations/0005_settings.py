"""The settings of a place are changed one change after the other, and not under what is being brought there."""

from pathlib import Path

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deployment", "0004_approved_for")]

    operations = [
        migrations.AddField("target", "revision", models.PositiveIntegerField(default=1)),
        migrations.RunSQL(
            Path(__file__).with_name("settings.sql").read_text(), "DROP FUNCTION deployment_settings_rules CASCADE"
        ),
    ]
