"""The guards of this area's tables."""

from pathlib import Path

from django.db import migrations

from mrm.audit.operations import AppendOnly, Govern, States
from mrm.deployment.workflow import FLOW, INCIDENTS, OPERATIONS

_SQL = Path(__file__)


class Migration(migrations.Migration):
    dependencies = [("deployment", "0001_initial"), ("audit", "0002_guards"), ("signoff", "0003_proposal")]

    operations = [
        Govern("deployment_environment"),
        Govern("deployment_freeze"),
        Govern("deployment_deployer"),
        Govern("deployment_target"),
        Govern("deployment_deployment"),
        Govern("deployment_revision"),
        Govern("deployment_variant"),
        AppendOnly("deployment_variant"),
        Govern("deployment_experiment"),
        AppendOnly("deployment_experiment"),
        Govern("deployment_experimentarm"),
        AppendOnly("deployment_experimentarm"),
        Govern("deployment_reading"),
        AppendOnly("deployment_reading"),
        Govern("deployment_ending", key="experiment_id"),
        AppendOnly("deployment_ending"),
        Govern("deployment_operation"),
        Govern("deployment_incident"),
        Govern("deployment_failback"),
        AppendOnly("deployment_failback"),
        States("deployment_revision", "status", FLOW.edges()),
        States("deployment_operation", "status", OPERATIONS.edges()),
        States("deployment_incident", "status", INCIDENTS.edges()),
        migrations.RunSQL(_SQL.with_name("release.sql").read_text(), "DROP FUNCTION deployment_release_rules CASCADE"),
        migrations.RunSQL(
            _SQL.with_name("fail_back.sql").read_text(), "DROP FUNCTION deployment_fail_back_rules CASCADE"
        ),
        migrations.RunSQL(_SQL.with_name("moment.sql").read_text(), "DROP FUNCTION deployment_moment_rules CASCADE"),
        migrations.RunSQL(
            _SQL.with_name("traffic.sql").read_text(),
            "DROP FUNCTION deployment_revision_stays CASCADE; DROP FUNCTION deployment_variant_rules CASCADE;"
            " DROP FUNCTION deployment_traffic_rules CASCADE",
        ),
        migrations.RunSQL(
            _SQL.with_name("experiment.sql").read_text(),
            "DROP FUNCTION deployment_experiment_rules CASCADE; DROP FUNCTION deployment_arm_rules CASCADE;"
            " DROP FUNCTION deployment_reading_rules CASCADE",
        ),
    ]
