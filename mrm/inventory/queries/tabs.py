"""What areas above the inventory add to its pages: tabs of a model, panels of a version."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.safestring import SafeString

from mrm.access.models import Account
from mrm.core.registry import Registry
from mrm.inventory.models import Model, Version


@dataclass(frozen=True)
class Tab:
    """A tab of the model page: its label, the name of its url (takes the model's key), and a count."""

    label: str
    url_name: str
    count: Callable[[Model, Account], int | None] | None = None


VersionPanel = Callable[[Version, Account], SafeString]

TABS: Registry[Tab] = Registry("tab of the model page")
VERSION_PANELS: Registry[VersionPanel] = Registry("panel of the version page")
