"""A compliance report from the request to the checked file, with real printing."""

import hashlib
import io
import json
import subprocess
from pathlib import Path

import pikepdf
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from mrm.audit.models import Event
from mrm.audit.queries import of_subject
from mrm.core import blobs
from mrm.core.canonical import digest
from mrm.core.refusal import Forbidden, Refused
from mrm.inventory.models import Version
from mrm.jobs.models import JobState
from mrm.jobs.queries import latest_for
from mrm.reporting import queries, services
from mrm.reporting.models import Document
from mrm.reporting.services.check import check
from mrm.reporting.services.printing import Limits, print_report
from tests.factories import journey
from tests.factories.access import Cast, fresh

PAGE = '<!doctype html><html lang="en"><head><title>T</title>{head}</head><body><p>{body}</p></body></html>'


def _client(account: object) -> Client:
    client = Client()
    client.force_login(account, backend="mrm.project.signin.AccountBackend")
    return client


def _report(version: Version, cast: Cast) -> Document:
    document = services.request(version, actor=fresh(cast.owner))
    journey.drain()
    document.refresh_from_db()
    return document


def _text(pdf: bytes, folder: Path) -> str:
    source = folder / "report.pdf"
    source.write_bytes(pdf)
    printed = subprocess.run(["pdftotext", "-layout", str(source), "-"], capture_output=True, check=True, text=True)
    return " ".join(printed.stdout.split())


def test_a_report_says_what_the_record_says_and_carries_it(cast: Cast, tmp_path: Path) -> None:
    version = journey.approved(cast)
    document = _report(version, cast)
    assert (document.status, document.error) == ("issued", "")
    pdf, content = blobs.read(document.sha256), queries.compliance(version)
    assert document.content_digest == digest(content)

    text = _text(pdf, tmp_path)
    run = version.runs.get()
    for words in (
        version.model.name, cast.owner.person.name, cast.validator.person.name, "Rita Officer", "Sven Officer",
        "Approved with 1 condition to meet", "Bureau score lies lower for women", "Review the bureau score for women",
        "I have reviewed the changes", document.ref, version.artifact_id, run.digest, document.content_digest,
        "Outcomes hold; the gap must be looked at.", "Outcome disparity", "UTC",
    ):  # fmt: skip
        assert words in text, words

    with pikepdf.open(io.BytesIO(pdf)) as found:
        attached = {name: found.attachments[name].get_file().read_bytes() for name in found.attachments}
        assert {str(entry["/AFRelationship"]) for entry in found.Root["/AF"]} >= {"/Source", "/Data"}
        assert str(found.Root["/Lang"]) == "en"
        assert len(found.pages) == document.pages
    assert hashlib.sha256(attached["content.json"]).hexdigest() == document.content_digest
    assert json.loads(attached["content.json"]) == content
    assert len(attached["timeline.csv"].splitlines()) == 1 + len(content["timeline"])
    assert {entry["name"] for entry in document.attachments} == set(attached)
    drawn = next(name for name in attached if name.endswith("impact_ratio.svg"))
    assert (
        hashlib.sha256(attached[drawn]).hexdigest()
        == queries.compliance(version)["evaluations"][0]["figures"][
            [figure["name"] for figure in content["evaluations"][0]["figures"]].index("impact_ratio")
        ]["sha256"]
    )
    assert [event.verb for event in of_subject(document)] == ["reporting.issue", "reporting.request"]

    # the same state gives the same content; downloads and reports do not change it
    client = _client(cast.auditor)
    answer = client.get(reverse("reporting:download", args=[document.pk]))
    assert answer.getvalue() == pdf
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert [event.actor for event in of_subject(document).filter(verb="reporting.download")] == [cast.auditor.username]
    assert _report(version, cast).content_digest == document.content_digest

    # whoever holds the file can ask whether it is the one
    address = reverse("reporting:verify")
    outsider = _client(cast.outsider)
    said = outsider.post(address, {"file": SimpleUploadedFile("r.pdf", pdf)}).content.decode()
    assert "exactly the bytes that were issued" in said
    assert document.content_digest in said
    forged = SimpleUploadedFile("r.pdf", pdf + b" ")
    assert "with these bytes: changed, or not ours" in outsider.post(address, {"file": forged}).content.decode()
    forged = SimpleUploadedFile("r.pdf", pdf + b" ")
    both = outsider.post(address, {"file": forged, "ref": document.ref}).content.decode()
    assert "the file was changed" in both
    assert "Issued." in outsider.get(reverse("reporting:verify_ref", args=[document.ref])).content.decode()
    assert "Unknown." in outsider.get(reverse("reporting:verify_ref", args=["R-2020-00001"])).content.decode()
    assert version.model.name not in said

    # and nobody else reads it
    for name in ("document", "download", "progress"):
        assert outsider.get(reverse(f"reporting:{name}", args=[document.pk])).status_code == 404
    assert outsider.get(reverse("api:report_file", args=[document.pk])).status_code == 404
    assert outsider.get(reverse("reporting:of_model", args=[version.model_id])).status_code == 404
    assert document.ref not in outsider.get(reverse("reporting:documents")).content.decode()
    page = _client(cast.owner).get(reverse("reporting:of_model", args=[version.model_id])).content.decode()
    assert document.ref in page


def test_an_approval_files_its_report_once(cast: Cast) -> None:
    version = journey.approved(cast)
    granted = Event.objects.get(verb="approval.grant")
    services.file_after_approval(granted)
    services.file_after_approval(granted)
    document = version.documents.get()
    assert document.requested_by.username == granted.actor
    assert of_subject(document).get(verb="reporting.request").actor == "system:reporting"


def test_one_report_of_a_version_is_made_at_a_time(cast: Cast) -> None:
    draft = journey.version(cast)
    first = services.request(draft, actor=cast.owner)
    with pytest.raises(Refused, match=f"{first.ref} of .* is being made already"):
        services.request(draft, actor=cast.owner)
    with pytest.raises(Refused, match="there is no file"):
        services.download(first, actor=cast.owner)


def test_outsider_cannot_ask_for_a_report(cast: Cast) -> None:
    draft = journey.version(cast)
    with pytest.raises(Forbidden):
        services.request(draft, actor=cast.outsider)
    assert _client(cast.outsider).post(reverse("reporting:ask_for", args=[draft.pk])).status_code == 404
    assert _client(cast.outsider).post(reverse("api:reports", args=[draft.pk])).status_code == 404


def test_a_version_without_evidence_is_reported_as_such(cast: Cast, tmp_path: Path) -> None:
    draft = journey.version(cast)
    answer = _client(cast.owner).post(reverse("api:reports", args=[draft.pk]))
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    journey.drain()
    document = draft.documents.get()
    text = _text(blobs.read(document.sha256), tmp_path)
    for words in (
        "Not approved.",
        "has not been validated",
        "No bias evaluation has been completed",
        "has not been deployed",
    ):
        assert words in text
    assert _client(cast.owner).get(reverse("api:report", args=[document.pk])).json()["pages"] == document.pages


def test_a_printing_that_fails_is_kept_with_its_sentence(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    from mrm.reporting.services import render

    monkeypatch.setattr(
        render,
        "print_report",
        lambda page, files: print_report(page, files, Limits(memory_mb=64, cpu_s=20, timeout_s=60)),
    )
    document = _report(journey.version(cast), cast)
    assert document.status == "failed"
    assert document.error.startswith("Printing ")
    assert latest_for(document).state == JobState.FAILED
    assert of_subject(document).filter(verb="reporting.fail").count() == 1


@pytest.mark.parametrize(
    "wanted",
    [
        "file:///etc/passwd",
        "http://127.0.0.1:9/x.css",
        "https://bank.example/x.css",
        "css/../../templatetags/words.py",
        "ftp://x/y",
    ],
)
def test_the_printer_loads_nothing_but_its_assets(wanted: str) -> None:
    with pytest.raises(Refused, match="not one of its assets"):
        print_report(PAGE.format(head=f'<link rel="stylesheet" href="{wanted}">', body="x"), [])


def test_a_page_cannot_attach_files_by_itself() -> None:
    pdf = print_report(PAGE.format(head='<link rel="attachment" href="file:///etc/passwd">', body="x"), [])
    with pikepdf.open(io.BytesIO(pdf)) as found:
        assert list(found.attachments) == []


@pytest.mark.parametrize("wanted", ["file:///etc/passwd", "http://127.0.0.1:9/x.png"])
def test_the_printer_draws_no_picture_from_elsewhere(wanted: str) -> None:
    with pytest.raises(Refused, match="not one of its assets"):
        print_report(PAGE.format(head="", body=f'<img src="{wanted}" alt="x">'), [])


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (Limits(memory_mb=64, cpu_s=20, timeout_s=60), "Printing ran out of the 64 MB|Printing failed"),
        (Limits(memory_mb=2_048, cpu_s=20, timeout_s=0.2), "did not finish"),
        (Limits(memory_mb=2_048, cpu_s=1, timeout_s=60), "did not finish within 1 seconds"),
    ],
)
def test_a_printing_beyond_its_limits_ends_with_a_sentence(limits: Limits, sentence: str) -> None:
    rows = "".join(f"<tr><td>{place}</td><td>text</td></tr>" for place in range(6_000))
    with pytest.raises(Refused, match=sentence):
        print_report(PAGE.format(head="", body=f"</p><table>{rows}</table><p>"), [], limits)


def test_the_check_finds_a_file_that_is_not_what_it_should_be() -> None:
    files = [{"name": "a.txt", "content": b"a", "description": "A", "relationship": "Data"}]
    pdf = print_report(PAGE.format(head="", body="x"), files)
    assert check(pdf, {"a.txt": b"a"}) == 1
    with pytest.raises(Refused, match="was attached changed"):
        check(pdf, {"a.txt": b"b"})
    with pytest.raises(Refused, match=r"b\.txt is not attached"):
        check(pdf, {"b.txt": b"b"})
    plain = io.BytesIO()
    with pikepdf.new() as other:
        other.add_blank_page()
        other.save(plain)
    with pytest.raises(Refused, match="It declares PDF/A part None"):
        check(plain.getvalue(), {})
