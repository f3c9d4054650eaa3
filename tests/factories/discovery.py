"""What a place would list, taken in as a listing takes it."""

from mrm.connectors.protocol import Listed
from mrm.deployment.models import Target
from mrm.discovery.models import Sighting
from mrm.discovery.services.listing import begin, end, take


def seen(target: Target, *models: tuple[str, str]) -> list[Sighting]:
    """Models that answer at the place, each as its name and version, with the findings about them."""
    listing, candidates = begin(target)
    take(listing, candidates, [Listed(name, label, None, f"endpoints/{name}", managed=False) for name, label in models])
    end(listing)
    return [Sighting.objects.get(target=target, name=name, label=label) for name, label in models]
