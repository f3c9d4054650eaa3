"""A tier against the method, the end of a model and a change of a pack take effect when they are signed for."""

from pathlib import Path

from django.db import migrations

from mrm.audit.operations import SignedFor


class Migration(migrations.Migration):
    dependencies = [("inventory", "0002_guards"), ("signoff", "0003_proposal")]

    operations = [
        SignedFor("inventory_rating", "tier_override", "model_id", "INSERT", "NEW.tier <> NEW.computed_tier"),
        SignedFor(
            "inventory_model",
            "decommissioning",
            "id",
            "UPDATE",
            "NEW.lifecycle = 'decommissioned' AND OLD.lifecycle <> 'decommissioned'",
        ),
        migrations.RunSQL(
            Path(__file__).with_name("packs.sql").read_text(),
            "DROP FUNCTION inventory_pack_rules CASCADE",
        ),
    ]
