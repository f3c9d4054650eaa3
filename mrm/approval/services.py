"""Ask for the use of a version, act on the decision, and end it."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db import models
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit, Person
from mrm.approval import queries
from mrm.approval.models import Approval, Condition
from mrm.approval.workflow import FLOW, ApprovalState
from mrm.audit.queries import contributors
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.evaluation import queries as evaluation
from mrm.inventory import policies as inventory_policies
from mrm.inventory import queries as inventory
from mrm.inventory import services as inventory_services
from mrm.inventory.models import PackKind, Version
from mrm.inventory.workflow import Lifecycle, VersionState
from mrm.signoff import services as signoff
from mrm.signoff.models import Change, Gate, GateState, Request
from mrm.validation import queries as validation
from mrm.validation.models import ValidationOutcome

ACTION = "approve_for_production"
EVIDENCE = (
    ("performance", "Outcomes analysis"),
    ("bias", "Fairness tests"),
    ("explainability", "Explainability tests"),
)
MATERIAL = ("methodology", "intended_use", "training_window", "features", "cutoff", "artifact", "tier", "datasets")


@audited("approval.submit", "submitted {subject}")
def submit(version: Version, *, actor: Account, note: str = "") -> Request:
    """Put the use of a validated version before the signers of its tier's policy."""
    permit(actor, "approval.submit", version)
    if version.status != VersionState.VALIDATED:
        raise Refused(
            f"{version} is {version.get_status_display().lower()}; only a validated version is put before the signers."
        )
    return signoff.submit("version_use", version, action=ACTION, actor=actor, note=note)


@audited("approval.grant", "put in force the {subject}, until {until}")
def grant(version: Version, *, request: Request, conditions: tuple[Mapping[str, str], ...], actor: Actor) -> Approval:
    """Turn the signed decision into permission, bound to the artifact's bytes."""
    assert version.artifact_id
    until = timezone.localdate() + dt.timedelta(days=int(request.policy.content["valid_days"]))
    for former in Approval.objects.filter(version=version, status=ApprovalState.VALID):
        _end(former, "replace", "A newer decision took its place.", actor)
    approval = Approval.objects.create(
        version=version, request=request, artifact_sha256=version.artifact_id, valid_until=until
    )
    for condition in conditions:
        Condition.objects.create(
            approval=approval,
            text=condition["text"],
            gate=condition.get("gate", ""),
            owner=Person.objects.get(email__iexact=condition["owner"]),
            due=dt.date.fromisoformat(condition["due"]),
            evidence=condition["evidence"],
            asked_by=actor.identity.name,
        )
    inventory_services.advance_version(version, "be_approved", actor=actor)
    if version.model.lifecycle in {Lifecycle.VALIDATION, Lifecycle.DEVELOPMENT, Lifecycle.SUSPENDED}:
        inventory_services.advance_model(version.model, "approve_use", actor=actor)
    describe(until=until.isoformat(), artifact=version.artifact_id, conditions=len(conditions))
    return approval


@audited("approval.withdraw", "withdrew the {subject}")
def withdraw(approval: Approval, *, actor: Account, reason: str) -> Approval:
    """End the permission at once; what runs on it must be taken out."""
    permit(actor, "approval.withdraw", approval)
    if not reason.strip():
        raise Invalid("A withdrawal needs its reason.", fields={"reason": ["Needed."]})
    approval = Approval.objects.select_for_update(of=("self",)).select_related("version__model__unit").get(pk=approval.pk)
    _end(approval, "withdraw", reason, actor)
    inventory_services.advance_version(approval.version, "lose_approval", actor=actor)
    return approval


@audited("approval.meet_condition", "accepted as met: {subject}")
def meet_condition(condition: Condition, *, note: str, actor: Account) -> Condition:
    """Another than the condition's owner accepts the evidence."""
    permit(actor, "approval.meet_condition", condition)
    if condition.met_on:
        raise Refused("This condition is met already.")
    if str(condition.owner_id) == actor.identity.person:
        raise Refused("You owe this condition; somebody else accepts its evidence.")
    if not note.strip():
        raise Invalid("Say what was seen.", fields={"note": ["Needed."]})
    condition.met_on, condition.met_note, condition.met_by = timezone.localdate(), note.strip(), actor.person
    condition.save(update_fields=["met_on", "met_note", "met_by"])
    return condition


def _end(approval: Approval, move: str, reason: str, actor: Actor) -> None:
    if reasons := FLOW.closed(approval, move, actor):
        raise Refused(*reasons)
    approval.status = FLOW.moves[move].target
    approval.ended_at, approval.ended_reason = timezone.now(), reason
    approval.save(update_fields=["status", "ended_at", "ended_reason"])


class VersionUse:
    """The use of a model version as something to be signed."""

    def find(self, key: str) -> Version:
        return Version.objects.select_related("model__unit", "model__owner", "developer", "artifact").get(pk=key)

    def content(self, version: Version) -> Mapping[str, Any]:
        """What a signature binds: record, bytes, data, tier, and the evidence it was given on."""
        model = version.model
        concluded = validation.concluded(version)
        runs = [evaluation.completed(version, kind) for kind, _ in EVIDENCE]
        return {
            "model": {"id": model.ref, "name": model.name, "use": model.use_summary, "tier": model.tier},
            "approved_uses": model.approved_uses,
            "limitations": model.limitations,
            "version": version.label,
            "fields": {name: getattr(version, name) for name in inventory_services.version.EDITABLE},
            "artifact": version.artifact_id or "",
            "datasets": sorted(f"{use.role} {use.dataset.sha256}" for use in _uses(version)),
            "validation": {
                "id": concluded.ref if concluded else "",
                "outcome": concluded.outcome if concluded else "",
                "concluded_at": concluded.concluded_at if concluded else None,
            },
            "runs": {kind: run.digest if run else "" for (kind, _), run in zip(EVIDENCE, runs, strict=True)},
            "open_findings": sorted(f"{entry.ref} {entry.severity}" for entry in validation.open_findings(version)),
        }

    def unit(self, version: Version) -> BusinessUnit:
        return version.model.unit

    def tier(self, version: Version) -> str:
        return version.model.tier

    def parties(self, version: Version) -> dict[str, str]:
        """Owner, developers, everyone who changed the version (from the log), and its validator."""
        found = {str(version.model.owner_id): "owns this model", str(version.model.developer_id): "developed this model"}
        concluded = validation.concluded(version)
        if concluded and concluded.validator_id:
            found.setdefault(str(concluded.validator_id), "validated this version: a validator does not approve")
        found[str(version.developer_id)] = "developed this version"
        for person in contributors(version, ("inventory.add_version", *_CHANGES)):
            found.setdefault(person, "contributed to this version")
        return found

    def gates(self, version: Version) -> list[Gate]:
        return [
            self._validated(version),
            *(self._evidence(version, kind, title) for kind, title in EVIDENCE),
            self._findings(version),
            *self._fields(version),
            self._stored(version),
        ]

    def _validated(self, version: Version) -> Gate:
        found = validation.concluded(version)
        fit = found is not None and found.outcome != ValidationOutcome.NOT_FIT
        detail = f"{found.ref}, {found.get_outcome_display().lower()}" if found else "No outcome for this artifact yet."
        return Gate(
            "validation",
            "Independent validation",
            GateState.MET if fit else GateState.MISSING,
            detail,
            url=found.get_absolute_url() if found else version.get_absolute_url(),
            as_of=found.concluded_at.date().isoformat() if found and found.concluded_at else "",
        )

    def _evidence(self, version: Version, kind: str, title: str) -> Gate:
        run = evaluation.completed(version, kind)
        detail = f"{run.ref} on {run.dataset.name}, {run.dataset.rows:,} rows" if run else "No run on this artifact yet."
        return Gate(
            kind,
            title,
            GateState.MET if run else GateState.MISSING,
            detail,
            url=run.get_absolute_url() if run else version.get_absolute_url(),
            as_of=run.finished_at.date().isoformat() if run and run.finished_at else "",
            waivable=True,
        )

    def _findings(self, version: Version) -> Gate:
        barring = [entry for entry in validation.open_findings(version) if entry.severity in {"critical", "high"}]
        others = validation.open_findings(version).count() - len(barring)
        if barring:
            names = ", ".join(f"{entry.ref} ({entry.severity})" for entry in barring)
            return Gate("findings", "No critical or high finding open", GateState.MISSING, names, barring[0].get_absolute_url())
        detail = f"{others} open, none critical or high" if others else "None open"
        return Gate("findings", "No critical or high finding open", GateState.MET, detail, "#findings")

    def _fields(self, version: Version) -> list[Gate]:
        facts = inventory.model_facts(version.model, version)
        gates = []
        for pack in inventory.field_packs():
            missing = inventory_policies.missing_fields(pack.content, facts, "approval")
            gates.append(
                Gate(
                    f"fields-{pack.key}",
                    f"Record complete for {pack.title}",
                    GateState.MISSING if missing else GateState.MET,
                    f"Empty: {', '.join(missing)}" if missing else f"{pack.key} {pack.version}",
                    url=version.model.get_absolute_url(),
                    waivable=True,
                )
            )
        return gates

    def _stored(self, version: Version) -> Gate:
        artifact = version.artifact
        return Gate(
            "artifact",
            "Artifact stored under its digest",
            GateState.MET if artifact else GateState.MISSING,
            f"{artifact.filename}, {artifact.size:,} bytes, {artifact.sha256[:12]}…" if artifact else "No artifact.",
            url=version.get_absolute_url(),
        )

    def changes(self, version: Version) -> tuple[str, list[Change]]:
        former = queries.last_approved(version.model, version)
        mine, theirs = _shown(version), _shown(former) if former else {}
        found = [
            Change(name.replace("_", " ").capitalize(), theirs.get(name, ""), value, name in MATERIAL)
            for name, value in mine.items()
            if theirs.get(name, "") != value
        ]
        return (former.label if former else ""), found

    def decided(self, version: Version, request: Request, verdict: Any, *, actor: Actor) -> None:
        if verdict.state == "approved":
            grant(version, request=request, conditions=verdict.conditions, actor=actor)


_CHANGES = ("inventory.edit_version", "inventory.attach_artifact", "inventory.link_dataset")


def _uses(version: Version) -> "models.QuerySet[Any]":
    return version.datasets.select_related("dataset")


def _shown(version: Version) -> dict[str, str]:
    """The version's content as text, field by field, for a comparison."""
    fields = {name: getattr(version, name) for name in inventory_services.version.EDITABLE}
    shown = {
        name: ", ".join(map(str, value)) if isinstance(value, list) else str(value if value is not None else "")
        for name, value in fields.items()
    }
    shown["artifact"] = f"{version.artifact.filename} {version.artifact.sha256}" if version.artifact else ""
    shown["datasets"] = "; ".join(
        sorted(f"{use.get_role_display()}: {use.dataset.name} ({use.dataset.rows:,} rows)" for use in _uses(version))
    )
    return shown
