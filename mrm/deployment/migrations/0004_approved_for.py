"""A version comes only to an environment that it was approved for."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("deployment", "0003_interrupted"), ("approval", "0005_environments")]

    operations = [
        migrations.RunSQL(
            Path(__file__).with_name("approved_for.sql").read_text(),
            "DROP FUNCTION deployment_approved_for CASCADE; DROP FUNCTION deployment_environment_stays CASCADE",
        ),
    ]
