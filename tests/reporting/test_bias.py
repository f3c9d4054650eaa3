"""The bias report of a run and the public summary of an audit, from the request to the checked file."""

import hashlib
import io
import json
import subprocess
from pathlib import Path

import pikepdf
import pytest
from django.test import Client
from django.urls import reverse

from mrm.core import blobs
from mrm.core.canonical import digest
from mrm.core.refusal import Invalid
from mrm.inventory import services as inventory
from mrm.inventory.models import Pack
from mrm.reporting import queries, services
from tests.factories import journey
from tests.factories.access import Cast, fresh

SECTIONS = (
    "Conclusion on one page", "Decision and scope", "Protected data", "Base rates and representation", "Outcome disparity",
    "Score disparity", "Error-rate parity", "Calibration within groups", "Intersections", "Conditional analysis",
    "Proxy analysis", "Less discriminatory alternatives", "Stability", "Method", "Data behind the figures",
)  # fmt: skip


def _text(pdf: bytes, folder: Path) -> str:
    source = folder / "report.pdf"
    source.write_bytes(pdf)
    printed = subprocess.run(["pdftotext", "-layout", str(source), "-"], capture_output=True, check=True, text=True)
    return " ".join(printed.stdout.split())


def test_a_bias_report_holds_every_section_and_every_number_drawn(cast: Cast, tmp_path: Path) -> None:
    draft = journey.version(cast)
    run = journey.evaluated(cast, draft, ["bias"], segments=["income", "loan_to_value"])
    assert (run.status, run.error) == ("done", "")
    client = Client()
    client.force_login(cast.owner, backend="mrm.project.signin.AccountBackend")
    page = client.get(run.get_absolute_url()).content.decode()
    for words in (
        "Pairs of attributes",
        "Worst cells, like cases and time",
        "cells_sex_region",
        "segments_income",
        "Bias report",
    ):
        assert words in page
    document = services.request(draft, kind="bias", run=run, actor=fresh(cast.owner))
    journey.drain()
    document.refresh_from_db()
    assert (document.status, document.error) == ("issued", "")
    content = queries.content_of(document)
    assert document.content_digest == digest(content)

    pdf = blobs.read(document.sha256)
    text = _text(pdf, tmp_path)
    for number, title in enumerate(SECTIONS, start=2):
        assert f"{number} {title}" in text, title
    for words in (
        "Not independent: ", "no legal limit for credit", "Agrees: ", "Fewer than 11 people",
        "Between like cases the odds ratio is", "Cochran-Mantel-Haenszel", run.digest, "The ratio was not followed through time",
    ):  # fmt: skip
        assert words in text, words
    assert "legal threshold" not in text

    with pikepdf.open(io.BytesIO(pdf)) as found:
        attached = {name: found.attachments[name].get_file().read_bytes() for name in found.attachments}
    assert hashlib.sha256(attached["content.json"]).hexdigest() == document.content_digest
    assert json.loads(attached["content.json"]) == content
    for figure in run.figures:
        drawn = attached[f"{run.ref}-{figure['name']}.csv"].decode().splitlines()
        assert len(drawn) == 1 + len(figure["rows"])
        assert attached[f"{run.ref}-{figure['name']}.svg"] == blobs.read(figure["light"])


def test_the_public_summary_of_an_audit_has_two_pages_and_no_name_of_a_person(cast: Cast, tmp_path: Path) -> None:
    draft = journey.version(cast)
    inventory.edit(
        draft.model, revision=draft.model.revision, changes={"regimes": {"us-nyc-ll144": "in"}}, actor=cast.owner
    )
    draft.refresh_from_db()
    audit = Pack.objects.get(key="us-nyc-bias-audit", current=True)
    run = journey.evaluated(cast, draft, ["bias"], suite=audit, by=cast.validator)
    document = services.request(draft, kind="bias_summary", run=run, actor=fresh(cast.owner))
    journey.drain()
    document.refresh_from_db()
    assert (document.status, document.error) == ("issued", "")
    assert document.pages <= 2
    text = _text(blobs.read(document.sha256), tmp_path)
    for words in (
        "6 RCNY 5-301",
        "people of unknown sex",
        "By sex × age band",
        "Excluded from the impact ratios",
        "excluded",
        "F × ",
    ):
        assert words in text, words
    rate = run.result("selection_rate", "sex", "F")
    assert f"{100 * rate['value']:.1f} %" in text
    public = json.dumps(queries.content_of(document)) + text
    for person in (cast.owner, cast.developer, cast.validator):
        assert person.person.name not in public


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"segments": ["absent"]}, "absent cannot be used so: choose among "),
        ({"segments": ["default"]}, "default cannot be used so"),
        ({"segments": ["income", "utilisation", "loan_to_value"]}, "at most 2 legitimate factors"),
        ({"segments": ["income"], "period": "income"}, "it can be one of them"),
    ],
)
def test_factors_that_cannot_be_used_are_refused_before_anything_runs(
    cast: Cast, changed: dict[str, object], sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence):
        journey.started(cast, journey.version(cast), ["bias"], **changed)


def test_page_and_api_ask_for_factors_and_the_report(cast: Cast) -> None:
    draft = journey.version(cast)
    client = Client()
    client.force_login(cast.developer, backend="mrm.project.signin.AccountBackend")
    form = client.get(reverse("evaluation:start", args=[draft.pk])).content.decode()
    assert "Legitimate factors" in form
    asked = {
        "dataset": str(draft.datasets.get(role="test").dataset_id),
        "kinds": ["bias"],
        "label": "default",
        "favourable": "below",
    }
    answer = client.post(reverse("api:runs", args=[draft.pk]), asked | {"segments": ["income"]}, "application/json")
    assert (answer.status_code, answer.json()["settings"]["segments"]) == (202, ["income"])
    wrong = client.post(reverse("api:runs", args=[draft.pk]), asked | {"segments": ["nothing"]}, "application/json")
    assert wrong.status_code == 422
    assert "nothing cannot be used so" in wrong.json()["reasons"][0]
