"""The guards of this area's tables."""

from pathlib import Path

from django.db import migrations

from mrm.audit.operations import Govern, States
from mrm.discovery.workflow import FINDINGS, SIGHTINGS

_SQL = Path(__file__)


class Migration(migrations.Migration):
    dependencies = [("discovery", "0001_initial"), ("audit", "0002_guards")]

    operations = [
        Govern("discovery_sighting"),
        Govern("discovery_shadowfinding"),
        States("discovery_sighting", "status", SIGHTINGS.edges()),
        States("discovery_shadowfinding", "status", FINDINGS.edges()),
        migrations.RunSQL(
            _SQL.with_name("settle.sql").read_text(),
            "DROP FUNCTION discovery_settle_rules CASCADE; DROP FUNCTION discovery_finding_rules CASCADE",
        ),
    ]
