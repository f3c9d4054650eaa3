"""The bill of materials of an approved version: valid, complete, the same twice, and on record."""

import hashlib
import json
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from mrm.access import services as access
from mrm.audit.queries import of_subject
from mrm.client import Client as Notebook
from mrm.client import Refusal
from mrm.core.refusal import Refused
from mrm.inventory import services as inventory
from mrm.reporting import queries, services
from tests.evaluation.test_client import Worked
from tests.factories import journey
from tests.factories.access import Cast, fresh
from tests.reporting.cyclonedx_schema import faults


def _client(account: object) -> Client:
    client = Client()
    client.force_login(account, backend="mrm.project.signin.AccountBackend")
    return client


def test_a_bill_says_what_the_record_says_and_is_valid(cast: Cast) -> None:
    version = journey.approved(cast)
    page = _client(cast.auditor).get(reverse("inventory:version", args=[version.pk])).content.decode()
    address = reverse("reporting:bill_of_materials", args=[version.pk])
    assert f'href="{address}"' in page

    answer = _client(cast.auditor).get(address)
    content = answer.getvalue()
    assert answer["Content-Disposition"] == f'attachment; filename="{version.model.ref}-1-0-0.cdx.json"'
    assert faults(content) == []
    assert faults(content.replace(b'"bomFormat"', b'"bomform"'))
    bill, run, approval = json.loads(content), version.runs.get(), version.approvals.get()
    model, file, *data = bill["components"]
    assert (model["type"], model["version"], file["type"]) == ("machine-learning-model", "1.0.0", "file")
    assert version.artifact is not None
    assert [each["hashes"][0]["content"] for each in (model, file)] == [version.artifact_id] * 2
    linked = {link.dataset.ref: link.dataset.sha256 for link in version.datasets.select_related("dataset")}
    assert {each["bom-ref"]: each["hashes"][0]["content"] for each in data} == linked
    assert {each["ref"] for each in model["modelCard"]["modelParameters"]["datasets"]} == set(linked)

    # every number is the run's own, with rows and interval
    card, auc = model["modelCard"], run.result("auc")
    assert auc is not None
    told = next(each for each in card["quantitativeAnalysis"]["performanceMetrics"] if each["type"] == "auc")
    ends = told["confidenceInterval"]
    found = [float(each) for each in (told["value"], ends["lowerBound"], ends["upperBound"])]
    assert found == pytest.approx([auc["value"], auc["lower"], auc["upper"]])
    assert told["slice"].endswith(f"n = {auc['n']}")
    beside = {each["name"]: json.loads(each["value"]) for each in card["properties"]}
    assert beside[f"mrm:metric:{run.ref}:auc"]["n"] == auc["n"]
    groups = {f"{each['attribute']}: {each['group']}" for each in run.results if each["attribute"] and each["group"]}
    assessed = {each["groupAtRisk"] for each in card["considerations"]["fairnessAssessments"]}
    assert groups <= assessed
    lines = "\n".join(each["harms"] for each in card["considerations"]["fairnessAssessments"]).splitlines()
    assert len(lines) == sum(1 for each in run.results if each["attribute"])
    assert "Bureau score lies lower for women" in card["considerations"]["ethicalConsiderations"][0]["name"]
    assert [entry["format"].split(":")[0] for entry in card["modelParameters"]["inputs"]] == version.features
    outside = {each["type"]: each for each in model["externalReferences"]}
    assert outside["quality-metrics"]["hashes"][0]["content"] == run.digest
    assert approval.request.ref in outside["attestation"]["comment"]
    properties = {each["name"]: each["value"] for each in model["properties"]}
    assert properties[f"mrm:approval:{approval.request.ref}:artifact"] == approval.artifact_sha256

    # the same state gives the same bytes, and who took them is on record
    assert _client(cast.owner).get(address).getvalue() == content
    taken = of_subject(version).filter(verb="reporting.bill_of_materials")
    assert [event.actor for event in taken] == [cast.owner.username, cast.auditor.username]
    assert {event.details["sha256"] for event in taken} == {hashlib.sha256(content).hexdigest()}
    assert {event.details["serial_number"] for event in taken} == {bill["serialNumber"]}
    services.request(version, actor=fresh(cast.owner))
    assert queries.as_file(queries.bill_of_materials(version)) == content
    assert _client(cast.outsider).get(address).status_code == 404


def test_a_notebook_takes_it_along_and_is_told_why_there_is_none(own_database: str, tmp_path: Path) -> None:
    cast = Cast()
    draft = journey.version(cast)
    token = access.issue_token(cast.developer, label="Notebook", scopes=["view"], days=1, actor=fresh(cast.developer))
    client = Notebook("http://testserver", token.secret, transport=Worked())  # type: ignore[attr-defined]
    kept = client.bill_of_materials(str(draft.pk), tmp_path / "model.cdx.json")
    bill = json.loads(kept.read_text())
    assert faults(kept.read_text()) == []
    assert "quantitativeAnalysis" not in bill["components"][0]["modelCard"]

    bare = inventory.add_version(
        draft.model, label="2.0.0", developer=cast.developer.person, actor=fresh(cast.developer)
    )
    why = "has no artifact yet; attach one, and its bill of materials lists its bytes"
    with pytest.raises(Refusal, match=why):
        client.bill_of_materials(str(bare.pk), tmp_path / "none.json")
    with pytest.raises(Refused, match=why):
        services.bill_of_materials(bare, actor=fresh(cast.developer))
    assert of_subject(bare).filter(verb="reporting.bill_of_materials").first().outcome == "refused"
    client.close()
