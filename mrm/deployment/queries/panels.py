"""What areas above add to the page of a serving place."""

from collections.abc import Callable

from mrm.access.models import Account
from mrm.core.registry import Registry
from mrm.deployment.models import Target
from mrm.inventory.queries.tabs import Panel

PlacePanel = Callable[[Target, Account], Panel]

PLACE_PANELS: Registry[PlacePanel] = Registry("panel of the page of a serving place")


def place_panels(target: Target, account: Account) -> list[Panel]:
    return [draw(target, account) for _name, draw in PLACE_PANELS.items()]
