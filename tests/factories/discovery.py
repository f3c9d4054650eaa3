"""What a place would list, taken in as a listing takes it."""

from mrm.connectors.protocol import Listed
from mrm.deployment.models import Target
from mrm.discovery.models import Sighting
from mrm.discovery.services.listing import begin, end, take


def seen(target: Target, name: str = "Secret rogue", label: str = "9") -> Sighting:
    """A model that answers at the place and that nobody registered, with the finding about it."""
    listing, candidates = begin(target)
    take(listing, candidates, [Listed(name, label, None, f"endpoints/{name}", managed=False)])
    end(listing)
    return Sighting.objects.get(target=target, name=name)
