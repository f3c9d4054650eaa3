"""A revision as something to be signed: whether what was approved may go to this serving place now."""

from collections.abc import Mapping, Sequence
from typing import Any

from mrm.access.models import BusinessUnit
from mrm.approval import queries as approval
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor
from mrm.core.canonical import digest
from mrm.core.refusal import Refused
from mrm.deployment import queries
from mrm.deployment.models import Revision, RevisionKind, Variant
from mrm.deployment.services.wanting import apply_soon
from mrm.deployment.workflow import FLOW, RevisionState
from mrm.signoff.models import Change, Gate, GateState, PlainSubject, Request, RequestState, Survey, add_part


@audited("deployment.release", "released {subject}, as it was signed for in {request}")
def release(revision: Revision, *, request: Request, actor: Actor) -> Revision:
    """Let a revision be applied that others signed for."""
    fits = (request.subject_kind, request.subject_key) == (queries.RELEASE, str(revision.pk))
    if not fits or request.status != RequestState.APPROVED:
        raise Refused(f"{revision} is not signed for; the signers decide on its request.")
    _move(revision, "release", actor)
    describe(request=request.ref)
    apply_soon(revision, actor)
    return revision


@audited("deployment.refuse", "did not release {subject}")
def refuse(revision: Revision, *, actor: Actor) -> Revision:
    """The signers said no, or the question was taken back."""
    _move(revision, "refuse", actor)
    return revision


def _move(revision: Revision, name: str, actor: Actor) -> None:
    FLOW.move(revision, name, actor)
    revision.save(update_fields=["status"])


def _told(variant: Variant) -> dict[str, Any]:
    return {
        "role": variant.role,
        "version": variant.version.label,
        "artifact": variant.artifact_sha256,
        "approval": variant.approval.request.ref,
        "weight_bp": variant.weight_bp,
        "mirror_bp": variant.mirror_bp,
    }


class Release(PlainSubject):
    """What sign-off is told of a deployment or a rollback."""

    proposes = True

    def find(self, key: str) -> Revision:
        return queries.releases([key])[key]

    def content(self, revision: Revision) -> Mapping[str, Any]:
        deployment, target = revision.deployment, revision.deployment.target
        assert revision.version is not None
        return {
            "kind": revision.kind,
            "model": deployment.model.ref,
            "version": revision.version.label,
            "artifact": revision.artifact_sha256,
            "approval": revision.approval.request.ref if revision.approval else "",
            "target": f"{target.key}, {target.connector}, {digest(target.config)}",
            "endpoint": deployment.endpoint,
            "variants": [_told(each) for each in revision.variants.all()],
            "steps": revision.steps,
            "unit_field": revision.unit_field,
            "rules": revision.rules,
            "restores": revision.restores,
            "reason": revision.reason,
        }

    def unit(self, revision: Revision) -> BusinessUnit:
        return revision.unit

    def tier(self, revision: Revision) -> str:
        return revision.deployment.model.tier

    def parties(self, revision: Revision) -> Mapping[str, Any]:
        found: dict[str, Any] = {}
        for each in revision.variants.all():
            for person, parts in approval.parts(each.version).items():
                found[person] = {**parts, **found.get(person, {})}
        add_part(found, [revision.requested_by.person_id], "deployer", "asked to deploy this")
        return found

    def gates(self, revision: Revision) -> list[Gate]:
        return [self._gate(revision, each) for each in revision.variants.all()]

    def _gate(self, revision: Revision, variant: Variant) -> Gate:
        refusal = queries.why_not_served(revision.deployment, variant.version, variant.artifact_sha256, variant.role)
        named = revision.variant_count > 1
        label = variant.version.label
        return Gate(
            f"approval-{label}" if named else "approval",
            f"Version {label} is approved for use here, with these bytes"
            if named
            else "The version is approved for use here, with these bytes",
            GateState.MISSING if refusal else GateState.MET,
            refusal or f"Approved in {variant.approval.request.ref} for {variant.approval.approved_for}.",
            url=variant.version.get_absolute_url(),
        )

    def changes(self, revision: Revision) -> tuple[str, list[Change]]:
        runs = queries.current(revision.deployment)
        assert revision.version is not None
        before = (runs.version.label, runs.artifact_sha256) if runs and runs.version else ("nothing", "")
        return "", [
            *self._traffic(revision, runs),
            *self._rules(revision, runs),
            Change("Version", before[0], revision.version.label, material=True),
            Change("Artifact, SHA-256", before[1], revision.artifact_sha256, material=True),
            Change("Serving place", "", f"{revision.deployment.target}, {revision.deployment.endpoint}", material=True),
        ]

    def _traffic(self, revision: Revision, runs: Revision | None) -> list[Change]:
        """Where more than one version serves, or did: each plan in a line, and the steps of a canary."""
        if revision.variant_count < 2 and (runs is None or runs.variant_count < 2):
            return []
        before = queries.in_words(queries.shares_of(runs)) if runs else "nothing"
        found = [Change("Traffic", before, queries.in_words(queries.shares_of(revision)), material=True)]
        steps = ", ".join(f"{step / 100:g} %" for step in revision.steps)
        return [*found, Change("Steps of the canary", "", steps, material=True)] if steps else found

    def _rules(self, revision: Revision, runs: Revision | None) -> list[Change]:
        """Each rule that would be another than the one in force."""
        before, after = (queries.rules_in_words(queries.rules_of(each)) for each in (runs, revision))
        return [
            Change(what, before[what], words, material=True) for what, words in after.items() if words != before[what]
        ]

    def facts(self, revision: Revision) -> list[tuple[str, str, str]]:
        deployment = revision.deployment
        kind = RevisionKind(revision.kind).label
        return [
            ("Model", deployment.model.ref, deployment.model.get_absolute_url()),
            (kind, f"revision {revision.number} at {deployment.target}", deployment.get_absolute_url()),
        ]

    def survey(self, keys: Sequence[str]) -> dict[str, Survey]:
        return {
            key: Survey(str(each), each.unit.name, (), self.content(each))
            for key, each in queries.releases(keys).items()
        }

    def decided(self, revision: Revision, request: Request, verdict: Any, *, actor: Actor) -> None:
        if verdict.state == "approved":
            release(revision, request=request, actor=actor)
        else:
            refuse(revision, actor=actor)

    def withdrawn(self, revision: Revision, *, actor: Actor) -> None:
        if revision.status == RevisionState.AWAITING:
            refuse(revision, actor=actor)
