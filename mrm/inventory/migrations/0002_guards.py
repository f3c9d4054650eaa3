"""The guards of this area's tables."""

from django.db import migrations

from mrm.access.policies import LONGEST_EXCEPTION
from mrm.audit.operations import AppendOnly, Govern, States
from mrm.inventory.workflow import LIFE, VERSION


class Migration(migrations.Migration):
    dependencies = [("inventory", "0001_initial"), ("audit", "0002_guards"), ("access", "0003_guards")]

    operations = [
        Govern("inventory_pack"),
        Govern("inventory_model"),
        Govern("inventory_modelexception"),
        Govern("inventory_dependency"),
        Govern("inventory_version"),
        Govern("inventory_dataset"),
        Govern("inventory_versiondataset"),
        Govern("inventory_rating"),
        Govern("inventory_artifact", "sha256"),
        AppendOnly("inventory_artifact"),
        AppendOnly("inventory_rating"),
        migrations.RunSQL(
            "CREATE TRIGGER access_exception_rules BEFORE INSERT OR UPDATE OR DELETE ON inventory_modelexception"
            f" FOR EACH ROW EXECUTE FUNCTION access_exception_rules('{LONGEST_EXCEPTION}');"
            "ALTER TABLE inventory_modelexception ENABLE ALWAYS TRIGGER access_exception_rules;"
            "CREATE TRIGGER access_stays BEFORE UPDATE ON inventory_modelexception"
            " FOR EACH ROW EXECUTE FUNCTION access_stays('user_id', 'permission_id', 'content_object_id');"
            "ALTER TABLE inventory_modelexception ENABLE ALWAYS TRIGGER access_stays",
            "DROP TRIGGER access_exception_rules ON inventory_modelexception;"
            "DROP TRIGGER access_stays ON inventory_modelexception",
        ),
        States("inventory_version", "status", VERSION.edges()),
        States("inventory_model", "lifecycle", LIFE.edges()),
    ]
