"""Where a version answers that is not run here; fixed, also in the database, once the version leaves the draft."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("inventory", "0003_signed")]

    operations = [
        migrations.AddField(
            model_name="version",
            name="scoring_endpoint",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.RunSQL(
            "CREATE FUNCTION inventory_endpoint_rules() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RAISE EXCEPTION 'the scoring endpoint of a version that is no draft is fixed'"
            " USING ERRCODE = 'check_violation'; END $$;"
            "CREATE TRIGGER inventory_endpoint_rules BEFORE UPDATE ON inventory_version FOR EACH ROW"
            " WHEN (OLD.status <> 'draft' AND OLD.scoring_endpoint IS DISTINCT FROM NEW.scoring_endpoint)"
            " EXECUTE FUNCTION inventory_endpoint_rules();"
            "ALTER TABLE inventory_version ENABLE ALWAYS TRIGGER inventory_endpoint_rules",
            "DROP FUNCTION inventory_endpoint_rules CASCADE",
        ),
    ]
