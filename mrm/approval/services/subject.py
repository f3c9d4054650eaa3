"""The use of a model version as something to be signed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from mrm.access.models import BusinessUnit
from mrm.approval import queries
from mrm.approval.models import Approval, ApprovalKind
from mrm.approval.queries import Evidence
from mrm.approval.services.decision import grant
from mrm.core.actors import Actor
from mrm.inventory import services as inventory
from mrm.inventory.models import Version
from mrm.signoff.models import Cell, Change, Gate, GateState, PlainSubject, Request, Section, Survey
from mrm.validation.models import Severity

T = TypeVar("T")
MATERIAL = (
    "model_kind",
    "methodology",
    "intended_use",
    "domain_of_use",
    "training_window",
    "features",
    "cutoff",
    "artifact",
    "tier",
    "data_sets",
    "use",
)
_SEVERITY = {Severity.CRITICAL: "bad", Severity.HIGH: "bad", Severity.MEDIUM: "warn"}
_RESULT = {"pass": "ok", "watch": "warn", "fail": "bad"}
_WORDS = {"pass": "Met", "watch": "Watch", "fail": "Not met", "insufficient": "Too little data"}


class VersionUse(PlainSubject):
    """What sign-off is told of a version, all of it from the evidence as it is now."""

    kind = ApprovalKind.FULL

    def find(self, key: str) -> Version:
        return queries.subject_versions().get(pk=key)

    def terms(self, version: Version) -> dict[str, dict[str, str]]:
        return queries.terms_of(queries.USUAL)

    def unit(self, version: Version) -> BusinessUnit:
        return version.model.unit

    def tier(self, version: Version) -> str:
        return version.model.tier

    def content(self, version: Version) -> Mapping[str, Any]:
        """What a signature binds: record, bytes, data, tier, and the evidence it was given on."""
        return _content(_evidence(version))

    def parties(self, version: Version) -> dict[str, dict[str, str]]:
        """Owner, developers, everyone who changed the version or its record (from the log), and its validators."""
        return queries.parts(version)

    def gates(self, version: Version) -> list[Gate]:
        return queries.gates_of(_evidence(version))

    def survey(self, keys: Sequence[str]) -> dict[str, Survey]:
        versions = list(queries.subject_versions().filter(pk__in=keys))
        evidence = queries.evidence_of(versions)
        return {
            str(version.pk): Survey(
                version.model.name,
                f"{version.model.ref} · {version.label}",
                tuple(queries.gates_of(evidence[version.pk])),
                _content(evidence[version.pk]),
            )
            for version in versions
        }

    def facts(self, version: Version) -> list[tuple[str, str, str]]:
        model = version.model
        return [
            ("Model", model.ref, model.get_absolute_url()),
            ("Owner", model.owner.name, ""),
        ]

    def changes(self, version: Version) -> tuple[str, list[Change]]:
        former = _former(version)
        mine, theirs = _shown(version), _shown_former(former)
        found = [
            Change(_title(name), theirs.get(name, ""), value, name in MATERIAL)
            for name, value in mine.items()
            if theirs.get(name, "") != value
        ]
        return (former.version.label if former else ""), found

    def same(self, version: Version) -> list[tuple[str, str]]:
        former = _former(version)
        theirs = _shown_former(former)
        return [
            (_title(name), value or "empty")
            for name, value in _shown(version).items()
            if former and theirs.get(name, "") == value
        ]

    def sections(self, version: Version) -> list[Section]:
        evidence, former = _evidence(version), _former(version)
        before = _evidence(former.version) if former else None
        found = [_measures(evidence, before), _files(evidence, before), _findings(evidence)]
        return [section for section in found if section.rows or section.empty]

    def decided(self, version: Version, request: Request, verdict: Any, *, actor: Actor) -> None:
        if verdict.state == "approved":
            grant(version, request=request, conditions=verdict.conditions, kind=self.kind, actor=actor)


class InterimUse(VersionUse):
    """Use before the evidence is complete: whatever is missing may be owed as a condition, but for the inspected bytes."""

    kind = ApprovalKind.INTERIM

    def gates(self, version: Version) -> list[Gate]:
        return [_owed(gate) for gate in super().gates(version)]

    def survey(self, keys: Sequence[str]) -> dict[str, Survey]:
        found = super().survey(keys)
        return {key: replace(each, gates=tuple(_owed(gate) for gate in each.gates)) for key, each in found.items()}


class EmergencyUse(InterimUse):
    """Use at once: two people open it, nothing but the inspected bytes is waited for, and a third reviews it afterwards."""

    kind = ApprovalKind.EMERGENCY

    def gates(self, version: Version) -> list[Gate]:
        return [_waived(gate) for gate in super().gates(version)]

    def survey(self, keys: Sequence[str]) -> dict[str, Survey]:
        found = super().survey(keys)
        return {key: replace(each, gates=tuple(_waived(gate) for gate in each.gates)) for key, each in found.items()}


def _owed(gate: Gate) -> Gate:
    """Everything may be owed but the bytes, and that they were looked through."""
    return replace(gate, waivable=gate.key not in {"artifact", "inspection"})


def _waived(gate: Gate) -> Gate:
    missing = gate.state == GateState.MISSING and gate.waivable
    return replace(gate, state=GateState.WAIVED) if missing else gate


def _evidence(version: Version) -> Evidence:
    """What stands behind the version, read once for as long as sign-off holds it."""
    return _kept(version, "evidence", lambda: queries.evidence_of([version])[version.pk])


def _former(version: Version) -> Approval | None:
    """The approval that the question is compared with, read once as well."""
    return _kept(version, "former", lambda: queries.last_approval(version.model, version))


def _kept(version: Version, name: str, read: Callable[[], T]) -> T:
    kept = version.__dict__.setdefault("_kept_by_signoff", {})
    if name not in kept:
        kept[name] = read()
    found: T = kept[name]
    return found


def _content(evidence: Evidence) -> dict[str, Any]:
    version, model, concluded = evidence.version, evidence.version.model, evidence.concluded
    return {
        "model": {"id": model.ref, "name": model.name, "use": model.use_summary, "tier": model.tier},
        "approved_uses": model.approved_uses,
        "limitations": model.limitations,
        "version": version.label,
        "fields": {name: getattr(version, name) for name in inventory.version.EDITABLE},
        "artifact": version.artifact_id or "",
        "scoring_endpoint": version.scoring_endpoint,
        "datasets": sorted(f"{use.role} {use.dataset.sha256}" for use in evidence.uses),
        "validation": {
            "id": concluded.ref if concluded else "",
            "outcome": concluded.outcome if concluded else "",
            "concluded_at": concluded.concluded_at if concluded else None,
        },
        "runs": {kind: _digest(evidence, kind) for kind, _ in queries.KINDS},
        "exceptions": sorted(str(each) for each in evidence.exceptions.values()),
        "inspection": evidence.inspection.outcome if evidence.inspection else "",
        "open_findings": sorted(f"{entry.ref} {entry.severity}" for entry in evidence.findings),
    }


def _digest(evidence: Evidence, kind: str) -> str:
    run = evidence.runs.get(kind)
    return run.digest if run else ""


def _shown(version: Version) -> dict[str, str]:
    """The version's content as text, field by field, for a comparison."""
    model = version.model
    shown = {name: _text(getattr(version, name)) for name in inventory.version.EDITABLE}
    return shown | {
        "artifact": f"{version.artifact.filename}, SHA-256 {version.artifact.sha256[:12]}…" if version.artifact else "",
        "data_sets": "; ".join(
            sorted(
                f"{use.get_role_display()}: {use.dataset.name}, {use.dataset.rows:,} rows"
                for use in _evidence(version).uses
            )
        ),
        "tier": model.tier,
        "use": model.use_summary,
        "approved_uses": _text(model.approved_uses),
        "limitations": _text(model.limitations),
    }


def _shown_former(former: Approval | None) -> dict[str, str]:
    """The former version as it was signed: its own fields never change, the model's are kept in its request."""
    if former is None:
        return {}
    then = former.request.subject_content
    return _shown(former.version) | {
        "tier": then["model"]["tier"],
        "use": then["model"]["use"],
        "approved_uses": _text(then["approved_uses"]),
        "limitations": _text(then["limitations"]),
    }


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(entry) for entry in value)
    return "" if value is None else str(value)


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _measures(evidence: Evidence, before: Evidence | None) -> Section:
    """Every judged overall measure beside the former version's, and the worst group of each fairness measure."""
    results = queries.judged(evidence)
    former = {_key(result): result["value"] for result in queries.judged(before)} if before else {}
    label = before.version.label if before else ""
    rows = tuple(_measure(result, former.get(_key(result)), compare=before is not None) for result in results)
    runs = {run.ref: f"{run.ref} on {run.dataset.name}, {run.dataset.rows:,} rows" for run in evidence.runs.values()}
    columns = (label, evidence.version.label, "Change") if before else (evidence.version.label,)
    head = ("Measure", "Threshold", *columns, "Result")
    numeric = tuple(range(2, len(head) - 1))
    return Section("measures", "Measures", " · ".join(runs.values()), head, rows, numeric=numeric)


def _key(result: Mapping[str, Any]) -> tuple[str, str, str]:
    return result["measure"], result["attribute"], result["group"]


def _measure(result: Mapping[str, Any], former: float | None, *, compare: bool) -> tuple[Cell, ...]:
    value, name = result["value"], queries.MEASURES.get(result["measure"], result["measure"].replace("_", " "))
    where = ": ".join(result[part].replace("_", " ") for part in ("attribute", "group") if result[part])
    interval = ""
    if result["lower"] is not None and result["upper"] is not None:
        interval = f"95 % interval {_number(result['lower'])} to {_number(result['upper'])}"
    status = result["status"]
    cells = [
        Cell(name[:1].upper() + name[1:], sub=" · ".join(part for part in (where, interval) if part)),
        Cell(result["threshold_text"] or "none set"),
    ]
    if compare:
        cells.append(Cell(_number(former), num=True))
    cells.append(Cell(_number(value), num=True, strong=True))
    if compare:
        cells.append(Cell(_signed(value, former), num=True))
    return (*cells, Cell(_WORDS.get(status, status.replace("_", " ").capitalize()), kind=_RESULT.get(status, "off")))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.3f}".replace("-", "\N{MINUS SIGN}")


def _signed(value: float | None, former: float | None) -> str:
    if value is None or former is None:
        return "–"
    return f"{value - former:+,.3f}".replace("-", "\N{MINUS SIGN}")


def _files(evidence: Evidence, before: Evidence | None) -> Section:
    """What the signature binds by digest, beside what was bound before."""
    mine, theirs = _bound(evidence), _bound(before) if before else {}
    rows = []
    for name, (what, sha256) in mine.items():
        former = theirs.get(name, ("", ""))[1]
        state = ("Same", "off") if former == sha256 else ("Changed", "info") if former else ("New", "info")
        earlier = (Cell(digest=former),) if before else ()
        rows.append((Cell(name, sub=what), *earlier, Cell(digest=sha256), Cell(state[0], kind=state[1])))
    columns = (before.version.label,) if before else ()
    head = ("Item", *columns, evidence.version.label, "State")
    note = "SHA-256; signing binds the digests of this version"
    return Section("files", "Files and digests", note, head, tuple(rows))


def _bound(evidence: Evidence) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    if artifact := evidence.version.artifact:
        found["Artifact"] = (f"{artifact.filename}, {artifact.size:,} bytes", artifact.sha256)
    for use in evidence.uses:
        found[f"{use.get_role_display()} data"] = (f"{use.dataset.ref} {use.dataset.name}", use.dataset.sha256)
    for kind, title in queries.KINDS:
        if run := evidence.runs.get(kind):
            found[title] = (f"{run.ref}, its results", run.digest)
    return found


def _findings(evidence: Evidence) -> Section:
    head = ("Finding", "What", "Severity", "Owner", "Due", "State")
    rows = tuple(
        (
            Cell(entry.ref, url=entry.get_absolute_url(), strong=True),
            Cell(entry.title),
            Cell(entry.get_severity_display(), kind=_SEVERITY.get(Severity(entry.severity), "info")),
            Cell(entry.owner.name),
            Cell(f"{entry.due.day} {entry.due:%b %Y}" if entry.due else "No due date"),
            Cell(entry.get_status_display()),
        )
        for entry in evidence.findings
    )
    serious = sum(entry.severity in {Severity.CRITICAL, Severity.HIGH} for entry in evidence.findings)
    note = (
        f"{serious} critical or high: the policy bars approval"
        if serious
        else "None critical, none high: the policy allows approval"
    )
    empty = "No finding is open on any version of this model."
    return Section("findings", "Open findings", note if rows else "", head, rows, place="findings", empty=empty)
