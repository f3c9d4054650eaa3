"""The changes of the inventory that are signed for: a tier against the method, the end of a model, a pack."""

from collections.abc import Mapping, Sequence
from typing import Any

from mrm.access.models import BusinessUnit
from mrm.access.queries import root_unit
from mrm.core.actors import Actor
from mrm.core.packs import PackFile, of_content
from mrm.core.refusal import Invalid, Refused
from mrm.inventory import policies, queries
from mrm.inventory.models import Model, Pack, PackKind, Rating
from mrm.inventory.services.life import retire
from mrm.inventory.services.pack import ONE_IN_FORCE, change_pack, loaded, must_be_usable
from mrm.inventory.services.rating import override_tier, rated
from mrm.inventory.workflow import LIFE, Lifecycle
from mrm.signoff.models import Change, Gate, GateState, Proposal, Request
from mrm.signoff.services import ProposalSubject


class ModelChange(ProposalSubject):
    """A change of one model: its people are parties."""

    def records(self, targets: Sequence[str]) -> Mapping[str, Model]:
        return queries.models_to_change(targets)

    def record_tier(self, record: Model) -> str:
        return record.tier

    def parts(self, record: Model, proposal: Proposal) -> Mapping[str, Any]:
        return queries.model_parts(record)

    def facts(self, proposal: Proposal) -> list[tuple[str, str, str]]:
        model = self.record(proposal)
        return [("Model", model.ref, model.get_absolute_url()), ("Owner", model.owner.name, "")]


class TierOverride(ModelChange):
    """A tier that people set against the one that the method computed."""

    kind, action, permission = "tier_override", "override_tier", "inventory.override_tier"
    title = "Tier of"

    def check(self, record: Model, content: Mapping[str, Any], actor: Actor) -> Mapping[str, Any]:
        tier, last = str(content.get("tier", "")), rated(record)
        if refusal := policies.too_low(last, tier):
            raise Invalid(refusal, fields={"tier": [refusal]})
        if tier == record.tier:
            raise Refused(f"{record} is of tier {tier} already.")
        return {"tier": tier}

    def bound(self, record: Model, proposal: Proposal) -> Mapping[str, Any]:
        last = _last(record)
        return {"computed": last.computed_tier, "answers": last.answers, "method": str(last.method)} if last else {}

    def differences(self, record: Model, proposal: Proposal) -> list[Change]:
        return [Change("Tier", record.tier, proposal.content["tier"], material=True)]

    def facts(self, proposal: Proposal) -> list[tuple[str, str, str]]:
        last = _last(self.record(proposal))
        computed = [("Computed", f"tier {last.computed_tier} by {last.method}", "")] if last else []
        return super().facts(proposal) + computed

    def carry_out(self, record: Model, proposal: Proposal, request: Request, *, actor: Actor) -> None:
        override_tier(record, proposal=proposal, request=request, actor=actor)


def _last(model: Model) -> Rating | None:
    """The rating in force, of those that came along with the model."""
    return max(model.ratings.all(), key=lambda rating: rating.rated_at, default=None)


class Decommissioning(ModelChange):
    """The end of a model's life."""

    kind, action, permission = "decommissioning", "decommission", "inventory.retire"
    title = "Decommissioning of"

    def check(self, record: Model, content: Mapping[str, Any], actor: Actor) -> Mapping[str, Any]:
        if closed := policies.may_decommission(actor, record) or next(iter(LIFE.closed(record, "retire", actor)), None):
            raise Refused(closed)
        named = str(content.get("replaced_by", "")).strip()
        if named and (queries.model_named(named) in (None, record)):
            raise Invalid(
                f"{named} is no other model here; name the replacement as MDL-12, or leave it out.",
                fields={"replaced_by": ["No such model."]},
            )
        return {"replaced_by": named}

    def bound(self, record: Model, proposal: Proposal) -> Mapping[str, Any]:
        return {"use": record.get_lifecycle_display(), "downstream": [each.ref for each in _served(record)]}

    def gates_of(self, record: Model, proposal: Proposal) -> list[Gate]:
        runs = record.lifecycle == Lifecycle.PRODUCTION
        served = ", ".join(f"{each.ref} {each.name}" for each in _served(record))
        return [
            Gate(
                "production",
                "The model is out of production",
                GateState.MISSING if runs else GateState.MET,
                "It runs: take it out of its serving places first." if runs else record.get_lifecycle_display(),
                url=record.get_absolute_url(),
            ),
            Gate(
                "downstream",
                "No other model depends on it",
                GateState.MISSING if served else GateState.MET,
                f"It feeds {served}." if served else "It feeds no model in use.",
                waivable=True,
            ),
        ]

    def differences(self, record: Model, proposal: Proposal) -> list[Change]:
        return [
            Change("Lifecycle", record.get_lifecycle_display(), Lifecycle.DECOMMISSIONED.label, material=True),
            Change("Replaced by", "", proposal.content["replaced_by"] or "nothing", material=True),
        ]

    def carry_out(self, record: Model, proposal: Proposal, request: Request, *, actor: Actor) -> None:
        retire(record, proposal=proposal, request=request, actor=actor, reason=proposal.reason)


def _served(model: Model) -> list[Model]:
    """The models in use that need this one, of those that came along with it."""
    found = {each.downstream_id: each.downstream for each in model.feeds.all()}
    return sorted(
        (each for each in found.values() if each.lifecycle != Lifecycle.DECOMMISSIONED), key=lambda each: each.number
    )


class PackChange(ProposalSubject):
    """Another version of a regulation, a method or a suite as data."""

    kind, action, permission = "pack_change", "change_policy", "inventory.load_pack"
    title = "Change of"

    def records(self, targets: Sequence[str]) -> Mapping[str, Pack | BusinessUnit]:
        found = {f"{each.kind}/{each.key}": each for each in queries.packs().filter(current=True)}
        return {target: found.get(target) or root_unit() for target in targets}

    def target_of(self, record: Any, content: Mapping[str, Any]) -> str:
        return f"{content.get('kind')}/{content.get('id')}"

    def unit_of(self, record: Any) -> BusinessUnit:
        return root_unit()

    def label_of(self, record: Any, content: Mapping[str, Any]) -> str:
        return f"{content['content']['id']} {content['content']['version']}"

    def check(self, record: Any, content: Mapping[str, Any], actor: Actor) -> Mapping[str, Any]:
        file = of_content(content)
        if loaded(file):
            raise Refused(f"{file.key} {file.version} is in force or was; a change needs a new version.")
        must_be_usable(file)
        rival = queries.packs(file.kind).filter(current=True).exclude(key=file.key).first()
        if file.kind in ONE_IN_FORCE and rival:
            raise Invalid(
                f"id: {rival.key} is in force, and there is one {PackKind(file.kind).label.lower()} at a time; write"
                f" {rival.key}, with a new version.",
                fields={"id": [f"Write {rival.key}."]},
            )
        return {"content": file.content}

    def differences(self, record: Any, proposal: Proposal) -> list[Change]:
        before = record.content if isinstance(record, Pack) else {}
        return queries.pack_changes(before, proposal.content["content"])

    def parts(self, record: Any, proposal: Proposal) -> Mapping[str, Any]:
        return {str(proposal.proposed_by.person_id): {"policy_admin": "wrote this change"}}

    def carry_out(self, record: Any, proposal: Proposal, request: Request, *, actor: Actor) -> None:
        file: PackFile = of_content(proposal.content["content"])
        change_pack(file, proposal=proposal, request=request, actor=actor)


SIGNED = (TierOverride(), Decommissioning(), PackChange())
