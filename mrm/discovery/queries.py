"""Named reads of what was seen, and what the inventory knows that it could be."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from mrm.access.models import Account
from mrm.connectors.protocol import Listed
from mrm.core.actors import Actor
from mrm.deployment.models import Revision, Target
from mrm.deployment.queries import targets_visible_to
from mrm.deployment.workflow import RevisionState
from mrm.discovery import policies
from mrm.discovery.models import Caller, ShadowFinding, Sighting
from mrm.discovery.policies import Candidate, How, plain
from mrm.discovery.workflow import FindingState, SightingState
from mrm.inventory.models import Model, Version
from mrm.inventory.queries import versions_visible_to

_OPEN_FINDING = ShadowFinding.objects.filter(sighting=OuterRef("pk"), status=FindingState.OPEN)
SHOWN = {
    "findings": Q(open_finding=True),
    "confirm": Q(status=SightingState.PROPOSED, gone_at=None),
    "serving": Q(serving=True, gone_at=None),
    "all": Q(),
}


def caller_of(target_id: Any) -> Caller | None:
    """Who may say that something changed at a place, where somebody may."""
    found = Caller.objects.exclude(secret="").select_related("target__unit", "target__environment")
    return found.filter(target=target_id).first()


def visible_to(account: Account) -> QuerySet[Sighting]:
    """What was seen at the places that the account sees."""
    return (
        Sighting.objects.filter(target__in=targets_visible_to(account))
        .select_related("target__unit", "target__environment", "version__model__unit", "settled_by__person", "glimpse")
        .annotate(open_finding=Exists(_OPEN_FINDING))
    )


def findings_visible_to(account: Account) -> QuerySet[ShadowFinding]:
    """Findings about what serves, open ones first."""
    found = ShadowFinding.objects.filter(sighting__target__in=targets_visible_to(account))
    related = (
        "sighting__target__unit",
        "sighting__target__environment",
        "sighting__version__model",
        "closed_by__person",
    )
    return found.select_related(*related).order_by("-status", "-opened_at", "pk")


def counts(account: Account) -> dict[str, int]:
    """How many sightings each list shows."""
    return visible_to(account).aggregate(**{name: Count("pk", filter=rule) for name, rule in SHOWN.items()})


def readable_versions(account: Account, sightings: Iterable[Sighting]) -> set[Any]:
    """Keys of the matched versions that the account may read: a place may serve models of other units."""
    keys = [each.version_id for each in sightings if each.version_id]
    return set(versions_visible_to(account).filter(pk__in=keys).values_list("pk", flat=True))


def why_not_settle(sighting: Sighting, version: Version, actor: Actor) -> str | None:
    """Why the actor may not say that this is that version, or None."""
    model = version.model
    makers = [str(key) for key in (version.developer_id, model.owner_id, model.developer_id) if key]
    return policies.not_a_maker(actor.identity.person, makers)


class Candidates:
    """What listed versions could be, with the names of all models read once."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.named = defaultdict[str, list[Any]](list)
        for key, name in Model.objects.values_list("pk", "name"):
            self.named[plain(name)].append(key)

    def of(self, page: Iterable[Listed]) -> list[Candidate]:
        """The versions that share bytes, a known source, or a name with something on the page; newest first."""
        items = list(page)
        sources = self._known_sources({item.source for item in items})
        models = {key for item in items for key in self.named.get(plain(item.name), ())} | set(sources)
        digests = {item.digest for item in items if item.digest}
        found = Version.objects.filter(Q(artifact__in=digests) | Q(model__in=models)).order_by("-created_at", "pk")
        rows = found.values_list("pk", "model__name", "label", "artifact", "model")
        return [
            Candidate(key, name, label, digest or "", tuple(sources.get(model, ())))
            for key, name, label, digest, model in rows
        ]

    def placed(self, endpoints: Iterable[str]) -> dict[tuple[str, str], UUID]:
        """What this system put behind endpoints of the place: the version's key by endpoint and label."""
        live = Revision.objects.filter(
            status=RevisionState.APPLIED, deployment__target=self.target, deployment__endpoint__in=set(endpoints)
        )
        rows = live.values_list("deployment__endpoint", "variants__version__label", "variants__version")
        return {(endpoint, label): key for endpoint, label, key in rows if key}

    def _known_sources(self, sources: set[str]) -> dict[Any, list[str]]:
        said = Sighting.objects.filter(
            target=self.target, source__in=sources, status=SightingState.MATCHED, how__in=[How.PERSON, How.DIGEST]
        )
        found = defaultdict[Any, list[str]](list)
        for model, source in said.values_list("version__model", "source").distinct():
            found[model].append(source)
        return found
