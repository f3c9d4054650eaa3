from django.utils import timezone

from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Refused
from mrm.core.workflow import Workflow
from mrm.inventory import policies
from mrm.inventory.models import Model, Version
from mrm.inventory.workflow import LIFE, VERSION
from mrm.signoff.models import Proposal, Request
from mrm.signoff.services import must_be_signed


def advance_version(version: Version, move: str, *, actor: Actor) -> Version:
    """Take a version one step on, inside the action of the area that decided it."""
    current = Version.objects.select_for_update(of=("self",)).select_related("model__unit").get(pk=version.pk)
    _step(VERSION, current, move, actor)
    current.save(update_fields=["status"])
    version.status = current.status
    return version


def advance_model(model: Model, move: str, *, actor: Actor) -> Model:
    """Take a model one step on, inside the action of the area that decided it."""
    current = Model.objects.select_for_update(of=("self",)).get(pk=model.pk)
    _step(LIFE, current, move, actor)
    current.save(update_fields=["lifecycle"])
    model.lifecycle = current.lifecycle
    return model


@audited("inventory.retire", "decommissioned {subject}")
def retire(model: Model, *, proposal: Proposal, request: Request, actor: Actor, reason: str = "") -> Model:
    """End a model's life, as it was signed for; the record stays, with the day and the reason."""
    must_be_signed("decommissioning", request, proposal)
    current = Model.objects.select_for_update(of=("self",)).select_related("unit").get(pk=model.pk)
    if closed := policies.may_decommission(actor, current):
        raise Refused(closed)
    _step(LIFE, current, "retire", actor)
    current.decommission_date = timezone.localdate()
    current.save(update_fields=["lifecycle", "decommission_date"])
    describe(request=request.ref)
    return current


@audited("inventory.retire_version", "retired {subject}")
def retire_version(version: Version, *, actor: Actor, reason: str) -> Version:
    """Take a version out of consideration for good."""
    permit(actor, "inventory.retire", version)
    return advance_version(version, "retire_version", actor=actor)


def _step(flow: Workflow, row: Model | Version, move: str, actor: Actor) -> None:
    if reasons := flow.closed(row, move, actor):
        raise Refused(*reasons)
    setattr(row, flow.field, flow.moves[move].target)
