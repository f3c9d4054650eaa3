"""Where a version answers that cannot be run here."""

from django.conf import settings

from mrm.audit.trail import audited, describe
from mrm.connectors.errors import ConnectorError
from mrm.connectors.remote_scoring import Place, require_place
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.inventory import policies
from mrm.inventory.models import Version


@audited("inventory.set_scoring_endpoint", "set the scoring endpoint of {subject} to {address}")
def set_scoring_endpoint(version: Version, *, place: Place, actor: Actor) -> Version:
    """Name where the draft answers; runs that were scored elsewhere are no evidence for it any more."""
    permit(actor, "inventory.attach_artifact", version)
    version = _locked(version, actor)
    if problem := policies.secret_for_scoring(place.secret):
        raise Invalid(problem, fields={"secret": [problem]})
    try:
        checked = require_place(place, settings.SCORING_HOSTS).as_dict()
    except ConnectorError as fault:
        raise Invalid(fault.message, fields={"address": [fault.message]}) from fault
    if checked == version.scoring_endpoint:
        raise Refused("Nothing was changed.")
    describe(address=checked["address"], endpoint=checked)
    return _kept(version, checked)


@audited("inventory.remove_scoring_endpoint", "removed the scoring endpoint of {subject}, {address}")
def remove_scoring_endpoint(version: Version, *, actor: Actor) -> Version:
    """The draft names no endpoint any more; runs that were scored there are no evidence for it."""
    permit(actor, "inventory.attach_artifact", version)
    version = _locked(version, actor)
    if not version.scoring_endpoint:
        raise Refused(f"{version} names no scoring endpoint.")
    describe(address=version.scoring_endpoint["address"])
    return _kept(version, {})


def _locked(version: Version, actor: Actor) -> Version:
    version = Version.objects.select_for_update(of=("self",)).select_related("model__unit").get(pk=version.pk)
    if closed := policies.endpoint_open(actor, version):
        raise Refused(closed)
    return version


def _kept(version: Version, endpoint: dict[str, object]) -> Version:
    version.scoring_endpoint = endpoint
    version.revision += 1
    version.save(update_fields=["scoring_endpoint", "revision"])
    return version
