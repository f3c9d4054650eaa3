"""What a bias report says, from one run and the record around it: the same state gives the same content."""

from typing import Any

from mrm.core.canonical import plain
from mrm.evaluation.models import Run
from mrm.evaluation.workflow import RunState
from mrm.inventory.models import Dataset, Pack, PackKind, Version
from mrm.reporting.queries.alternatives import search_of
from mrm.reporting.queries.evidence import evaluation_facts
from mrm.reporting.queries.files import figure_files, file, results_file, table
from mrm.reporting.queries.record import artifact, version_facts
from mrm.validation.queries import open_findings

SCHEMA = "bias/1"


def bias(run: Run) -> dict[str, Any]:
    """Everything the report rests on."""
    version = run.version
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "version": version_facts(version),
        "artifact": artifact(version),
        "evaluation": evaluation_facts(run),
        "suite": _suite(run.suite),
        "scope": _scope(version),
        "protected": _protected(run.protected),
        "dataset_source": run.dataset.source,
        "prepared": _prepared(run),
        "reviews": _reviews(run),
        "findings": _findings(version),
        "search": search_of(run),
        "other_runs": _other_runs(run),
    }
    found: dict[str, Any] = plain(content)
    return found


def files(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Every result, and every figure as it was drawn and as the table of its numbers."""
    run = content["evaluation"]
    tables = [
        file(f"{run['ref']}-{figure['name']}.csv", table([figure["header"], *figure["rows"]]), f"{figure['title']}: the numbers", "Data")
        for figure in run["figures"]
    ]  # fmt: skip
    return [results_file([run]), *tables, *figure_files([run])]


def _suite(suite: Pack) -> dict[str, Any]:
    content = suite.content
    return {
        "key": suite.key,
        "status": content["status"],
        "purpose": content.get("purpose", ""),
        "regime": content.get("applies", {}).get("regime", ""),
        "effective_from": content.get("effective_from"),
        "groups": content.get("groups", {}),
        "sources": content.get("sources", []),
        "notes": content.get("notes", []),
    }


def _scope(version: Version) -> list[dict[str, Any]]:
    """Every regime on record for the model, whether it was found to be in its scope, and the rule's dates."""
    packs = {pack.key: pack for pack in Pack.objects.filter(kind=PackKind.REGIME, current=True)}
    return [
        {
            "regime": key,
            "title": packs[key].title if key in packs else key,
            "version": packs[key].version if key in packs else "",
            "effective_from": packs[key].content.get("effective_from") if key in packs else None,
            "determination": determination,
        }
        for key, determination in sorted(version.model.regimes.items())
    ]


def _protected(dataset: Dataset | None) -> dict[str, Any]:
    assert dataset is not None  # a run with bias tests has protected data
    columns = [name for name in dataset.columns if name != "row_id"]
    return {
        "ref": dataset.ref, "name": dataset.name, "source": dataset.source, "rows": dataset.rows, "sha256": dataset.sha256,
        "columns": columns,
    }  # fmt: skip


def _prepared(run: Run) -> dict[str, Any]:
    """Who asked for the run, and the part this person has in the model, if any."""
    model, person = run.version.model, run.requested_by.person_id
    parts = [
        ("developer of the version", run.version.developer_id),
        ("developer of the model", model.developer_id),
        ("owner of the model", model.owner_id),
    ]
    return {
        "by": run.requested_by.name,
        "at": run.finished_at,
        "parts": [part for part, holder in parts if person is not None and holder == person],
    }


def _reviews(run: Run) -> list[dict[str, Any]]:
    """Concluded validations that rest on this run."""
    found = (
        run.evidence.exclude(validation__concluded_at=None)
        .select_related("validation__validator")
        .order_by("validation__number")
    )
    return [
        {
            "ref": entry.validation.ref,
            "validator": entry.validation.validator.name if entry.validation.validator else "",
            "outcome": entry.validation.get_outcome_display(),
            "conclusion": entry.validation.conclusion,
            "at": entry.validation.concluded_at,
        }
        for entry in found.distinct("validation__number")
    ]


def _findings(version: Version) -> list[dict[str, Any]]:
    return [
        {
            "ref": finding.ref,
            "title": finding.title,
            "severity": finding.get_severity_display(),
            "owner": finding.owner.name,
            "due": finding.due,
        }
        for finding in open_findings(version).select_related("owner").order_by("number")
    ]


def _other_runs(run: Run) -> list[dict[str, Any]]:
    """The other bias runs of the version, so that no result is left out in silence."""
    others = run.version.runs.filter(kinds__contains=["bias"]).exclude(pk=run.pk).exclude(status=RunState.QUEUED)
    return [
        {
            "ref": each.ref,
            "status": each.status,
            "finished_at": each.finished_at,
            "suite": str(each.suite),
            "digest": each.digest,
        }
        for each in others.select_related("suite").order_by("number")
    ]
