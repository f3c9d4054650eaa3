"""An approval holds for the environments that were signed."""

from pathlib import Path

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("approval", "0004_inspected"), ("signoff", "0005_terms")]

    operations = [
        migrations.AddField(
            "approval",
            "environments",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=60), blank=True, default=list, size=None
            ),
        ),
        migrations.RunSQL(
            Path(__file__).with_name("environments.sql").read_text(),
            "DROP FUNCTION approval_asked_for CASCADE; DROP FUNCTION approval_environments CASCADE",
        ),
    ]
