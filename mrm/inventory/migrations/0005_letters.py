"""What the list of models is looked through and counted by."""

from pathlib import Path

from django.contrib.postgres.indexes import GinIndex
from django.db import migrations, models

import mrm.inventory.models.letters


class Migration(migrations.Migration):
    dependencies = [("inventory", "0004_scoring_endpoint")]

    operations = [
        migrations.RunSQL(
            Path(__file__).with_name("letters.sql").read_text(),
            "DROP FUNCTION inventory_letters(text); DROP FUNCTION inventory_letters_asked(text)",
        ),
        migrations.AddIndex(
            model_name="model",
            index=models.Index(fields=["tier"], name="model_tier"),
        ),
        migrations.AddIndex(
            model_name="model",
            index=models.Index(
                condition=models.Q(("lifecycle", "decommissioned"), _negated=True),
                fields=["next_validation_date"],
                name="model_review_due",
            ),
        ),
        migrations.AddIndex(
            model_name="model",
            index=GinIndex(
                mrm.inventory.models.letters.LettersOf("name", "use_summary"),
                gin_pending_list_limit=256,
                name="model_letters",
            ),
        ),
    ]
