"""What is approved was inspected."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("approval", "0003_exception"), ("evaluation", "0008_inspection")]

    operations = [
        migrations.RunSQL(
            Path(__file__).with_name("inspected.sql").read_text(), "DROP FUNCTION approval_inspected CASCADE"
        ),
    ]
