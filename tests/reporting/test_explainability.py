"""A run that explains, its page, and the explainability report of it: one walk, read at every stop."""

import io
import json
import subprocess
from pathlib import Path

import pikepdf
from django.test import Client
from django.urls import reverse

from mrm.audit.queries import of_subject
from mrm.core import blobs
from mrm.evaluation import queries as evaluation
from mrm.evaluation.models import Run
from tests.factories import journey
from tests.factories.access import Cast, fresh

SECTIONS = (
    "Conclusion", "Model form, and why this explainer", "Validity of the explanation", "What the score depends on",
    "Direction and shape", "Interactions", "Differences between groups", "Single decisions", "Reason codes",
    "Drift of the contributions", "Sensitivity of the explanation", "Limitations and prohibited readings",
    "Appendix: every number drawn",
)  # fmt: skip


def test_a_run_explains_gives_reasons_and_is_reported(cast: Cast, client: Client, tmp_path: Path) -> None:
    run = journey.evaluated(cast, journey.version(cast))
    assert (run.status, run.error) == ("done", "")
    _reasons(run)
    client.force_login(cast.owner, backend="mrm.project.signin.AccountBackend")
    page = client.get(run.get_absolute_url()).content.decode()
    for words in ("may it be believed?", "Direction: expected and found", "Prescribed cases", "RC03", "Existing debt"):
        assert words in page
    asked = client.post(reverse("reporting:ask_about", args=[run.pk, "explainability"]))
    assert asked.status_code == 302
    journey.drain()
    document = run.documents.get()
    assert (document.status, document.error) == ("issued", "")
    assert [event.verb for event in of_subject(document)] == ["reporting.issue", "reporting.request"]
    _printed(document, run, tmp_path)


def _reasons(run: Run) -> None:
    told = {each["measure"]: each for each in run.results}
    assert run.reasons is not None
    assert run.pins["reasons"] == "retail-credit 1.0"
    assert told["reason_coverage"]["value"] == 1
    # noise made a feature that has no effect count the wrong way, and a reason that names it does not hold
    assert told["reason_fidelity"]["status"] == "fail"
    assert told["explanation_repetition"]["status"] == "pass"
    assert told["deletion_leading"]["lower"] > told["deletion_chance"]["value"]
    assert told["attribution_drift"]["value"] > 0.9
    gap = next(each for each in run.results if each["measure"] == "attribution_gap" and each["detail"]["group"] == "F")
    assert gap["detail"]["parts"][0][0] == "bureau_score"
    assert abs(sum(part[1] for part in gap["detail"]["parts"]) - gap["value"]) < 1e-9
    laid = evaluation.explained(run)
    assert laid["shape"][0]["feature"] == "bureau_score"
    assert (laid["shape"][0]["expected"], laid["shape"][0]["found"]) == ("falls", "falls")
    assert "watch" in {row["status"] for row in laid["shape"]}
    declined = next(case for case in laid["cases"] if case["title"] == "Clear decline")
    assert declined["reasons"]
    assert declined["recourse"]
    assert len(declined["row"]) == 12


def _printed(document: object, run: Run, folder: Path) -> None:
    pdf = blobs.read(document.sha256)
    (folder / "report.pdf").write_bytes(pdf)
    text = subprocess.run(
        ["pdftotext", "-layout", str(folder / "report.pdf"), "-"], capture_output=True, check=True, text=True
    ).stdout
    said = " ".join(text.split())
    for words in (*SECTIONS, "Reasons for refusing unsecured retail credit 1.0", "It causes the outcome", run.digest):
        assert words in said, words
    with pikepdf.open(io.BytesIO(pdf)) as found:
        attached = {name: found.attachments[name].get_file().read_bytes() for name in found.attachments}
    content = json.loads(attached["content.json"])
    assert content["dictionary"]["digest"] == run.reasons.digest
    for figure in content["evaluation"]["figures"]:
        table = attached[f"{run.ref}-{figure['name']}.csv"].decode().splitlines()
        assert len(table) == 1 + len(figure["rows"])
        assert f"{run.ref}-{figure['name']}.svg" in attached


def test_a_run_without_explanation_has_no_such_report(cast: Cast) -> None:
    run = journey.evaluated(cast, journey.version(cast), ["performance"])
    client = Client()
    client.force_login(fresh(cast.owner), backend="mrm.project.signin.AccountBackend")
    page = client.get(run.get_absolute_url()).content.decode()
    assert f"{run.ref} holds no explainability tests; start a run with them." in page
