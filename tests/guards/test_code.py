"""The code base keeps its own promises."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

from mrm.audit.governed import UNGOVERNED, forgotten, own_models
from mrm.audit.trail import SENTENCES

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = [path for path in (ROOT / "mrm").rglob("*.py") if "migrations" not in path.parts]


def test_every_table_is_governed_or_excused_with_a_reason() -> None:
    assert forgotten() == []
    labels = {model._meta.label for model in own_models()}
    assert set(UNGOVERNED) <= labels
    assert all(len(reason.split()) > 4 for reason in UNGOVERNED.values())


@pytest.mark.django_db
def test_every_governed_table_has_its_guards() -> None:
    from mrm.audit.checks import missing_triggers

    assert missing_triggers("default") == []


@pytest.mark.django_db
def test_the_database_knows_the_edges_of_every_workflow() -> None:
    from django.db import connection

    from mrm.approval.workflow import FLOW as APPROVAL
    from mrm.assurance.workflow import FLOW as ASSURANCE
    from mrm.audit.workflow import FLOW as INTEGRITY
    from mrm.deployment.workflow import FLOW as DEPLOYMENT
    from mrm.deployment.workflow import INCIDENTS, OPERATIONS
    from mrm.discovery.workflow import FINDINGS as SHADOWS
    from mrm.discovery.workflow import SIGHTINGS
    from mrm.entitlement.workflow import ITEM, REVIEW
    from mrm.evaluation.workflow import COMPARISON, CONVERSION, PERMISSION
    from mrm.evaluation.workflow import FLOW as EVALUATION
    from mrm.inventory.workflow import LIFE, VERSION
    from mrm.prediction.workflow import ALERTS, BATCH, EXTRACTS
    from mrm.reporting.workflow import FLOW as REPORTING
    from mrm.signoff.workflow import FLOW as SIGNOFF
    from mrm.validation.workflow import FINDING, VALIDATION

    flows = {
        "inventory_version": VERSION,
        "inventory_model": LIFE,
        "evaluation_run": EVALUATION,
        "evaluation_executionpermission": PERMISSION,
        "evaluation_comparison": COMPARISON,
        "evaluation_conversion": CONVERSION,
        "validation_validation": VALIDATION,
        "validation_finding": FINDING,
        "signoff_request": SIGNOFF,
        "approval_approval": APPROVAL,
        "deployment_revision": DEPLOYMENT,
        "deployment_operation": OPERATIONS,
        "deployment_incident": INCIDENTS,
        "discovery_sighting": SIGHTINGS,
        "discovery_shadowfinding": SHADOWS,
        "prediction_alert": ALERTS,
        "prediction_extract": EXTRACTS,
        "prediction_batchrun": BATCH,
        "reporting_document": REPORTING,
        "assurance_export": ASSURANCE,
        "audit_integrityfinding": INTEGRITY,
        "entitlement_review": REVIEW,
        "entitlement_item": ITEM,
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, encode(t.tgargs, 'escape') FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE t.tgname = 'audit_states'"
        )
        known = {table: [part for part in arguments.split("\\000") if part] for table, arguments in cursor.fetchall()}
    assert known == {
        table: [flow.field, *(f"{source}>{target}" for source, target in flow.edges())] for table, flow in flows.items()
    }


@pytest.mark.django_db
def test_the_migrations_say_what_the_models_say() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_every_verb_has_a_sentence_that_reads_after_a_name() -> None:
    for verb, sentence in SENTENCES.items():
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", verb), verb
        assert sentence[0].islower(), (verb, sentence)
        assert not sentence.endswith("."), (verb, sentence)


def test_every_permission_of_a_role_is_used_by_code() -> None:
    from mrm.access.roles import DESCRIPTIONS

    text = "\n".join(path.read_text() for path in SOURCES if path.name != "roles.py")
    verbs = set(SENTENCES)
    for description in DESCRIPTIONS.values():
        for permission in description.permissions:
            assert permission in verbs or f'"{permission}"' in text, permission


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            yield node


def test_files_stay_small() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in long.items() if lines > 400} == {}


def test_functions_stay_short() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{function.name}"
        for path in SOURCES
        for function in functions(path)
        if (function.end_lineno or 0) - function.lineno > 60
    ]
    assert long == []


def test_there_are_no_drawers() -> None:
    assert [path for path in SOURCES if path.name in {"utils.py", "helpers.py", "common.py", "misc.py"}] == []


def test_every_policy_is_used() -> None:
    uses = Counter(word for path in SOURCES for word in re.findall(r"\w+", path.read_text()))
    for path in SOURCES:
        if "policies" not in str(path) or path.name == "__init__.py":
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                assert uses[node.name] > 1, f"{path.relative_to(ROOT)}: {node.name} is used nowhere"


def test_every_template_is_used() -> None:
    templates = ROOT / "templates"
    text = "\n".join(path.read_text() for path in [*SOURCES, *templates.rglob("*.html"), *templates.rglob("*.css")])
    by_name = {"400.html", "403.html", "404.html", "429.html", "500.html", "403_csrf.html", "gallery.html"}
    for path in templates.rglob("*.html"):
        name = str(path.relative_to(templates))
        if name in by_name or name.startswith(("cotton/", "account/", "admin/", "mfa/")):
            continue
        assert name in text, f"{name} is rendered by nobody"


def test_no_page_holds_inline_style_or_script() -> None:
    pattern = re.compile(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=", re.IGNORECASE)
    for path in (ROOT / "templates").rglob("*.html"):
        text = re.sub(r"{#.*?#}|{% comment %}.*?{% endcomment %}", "", path.read_text(), flags=re.DOTALL)
        assert not pattern.search(text), path
