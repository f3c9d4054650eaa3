"""The guards of this area's tables."""

from pathlib import Path

from django.db import migrations

from mrm.audit.operations import AppendOnly, Govern, States
from mrm.signoff.workflow import FLOW


class Migration(migrations.Migration):
    dependencies = [("signoff", "0001_initial"), ("audit", "0002_guards")]

    operations = [
        Govern("signoff_policy"),
        Govern("signoff_request"),
        Govern("signoff_exclusion"),
        Govern("signoff_comment"),
        Govern("signoff_vote"),
        AppendOnly("signoff_vote"),
        AppendOnly("signoff_comment"),
        AppendOnly("signoff_exclusion"),
        States("signoff_request", "status", FLOW.edges()),
        migrations.RunSQL(
            Path(__file__).with_name("guards.sql").read_text(), "DROP FUNCTION signoff_vote_rules CASCADE"
        ),
    ]
