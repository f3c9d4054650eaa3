"""The guards of this area's tables."""

from pathlib import Path

from django.db import migrations

from mrm.audit.operations import AppendOnly, Govern, States
from mrm.signoff.workflow import FLOW

COURSE = ("recusal", "question", "escalation", "edit")


class Rules(migrations.RunSQL):
    """A function that looks at each row before it is written, whatever the session's settings."""

    def __init__(self, table: str, function: str, when: str) -> None:
        super().__init__(
            f"CREATE TRIGGER {function} BEFORE {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}();"
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {function};",
            f"DROP TRIGGER {function} ON {table}",
        )


class Migration(migrations.Migration):
    dependencies = [("signoff", "0001_initial"), ("audit", "0002_guards")]

    operations = [
        Govern("signoff_policy"),
        Govern("signoff_request"),
        Govern("signoff_exclusion"),
        Govern("signoff_comment"),
        Govern("signoff_vote"),
        Govern("signoff_delegation"),
        Govern("signoff_recusal"),
        Govern("signoff_question"),
        Govern("signoff_escalation"),
        Govern("signoff_edit"),
        AppendOnly("signoff_vote"),
        AppendOnly("signoff_comment"),
        AppendOnly("signoff_exclusion"),
        AppendOnly("signoff_recusal"),
        AppendOnly("signoff_escalation"),
        AppendOnly("signoff_edit"),
        States("signoff_request", "status", FLOW.edges()),
        migrations.RunSQL(
            Path(__file__).with_name("guards.sql").read_text(),
            "DROP FUNCTION signoff_vote_rules, signoff_course_rules, signoff_question_rules, signoff_delegation_rules"
            " CASCADE",
        ),
        *(Rules(f"signoff_{name}", "signoff_course_rules", "INSERT") for name in COURSE),
        Rules("signoff_question", "signoff_question_rules", "UPDATE"),
        Rules("signoff_delegation", "signoff_delegation_rules", "UPDATE"),
    ]
