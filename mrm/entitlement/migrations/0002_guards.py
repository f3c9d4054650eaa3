"""The guards of this area's tables, and of the grants that it alone may bring about."""

from pathlib import Path

from django.db import migrations

from mrm.audit.operations import Govern, States
from mrm.entitlement.workflow import ITEM, REVIEW

GUARDS = Path(__file__).with_name("guards.sql").read_text()


class Migration(migrations.Migration):
    dependencies = [("entitlement", "0001_initial"), ("audit", "0008_personal"), ("signoff", "0002_guards")]

    operations = [
        Govern("entitlement_proposal"),
        Govern("entitlement_review"),
        Govern("entitlement_item"),
        States("entitlement_review", "status", REVIEW.edges()),
        States("entitlement_item", "outcome", ITEM.edges()),
        migrations.RunSQL(
            GUARDS,
            "DROP FUNCTION entitlement_signed, entitlement_proposal_stays, entitlement_review_rules, entitlement_item_rules CASCADE",
        ),
    ]
