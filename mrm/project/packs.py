"""Load what the fixtures hold, through the services, as any institution loads its own."""

from collections.abc import Iterable

from mrm.core.actors import Actor
from mrm.core.packs import PackFile, shipped
from mrm.inventory import services as inventory
from mrm.signoff import services as signoff

FOLDERS = ("regimes", "fields", "tiering", "findings", "suites", "policies")


def load(files: Iterable[PackFile], *, actor: Actor) -> int:
    """Put each pack in force; a version loaded before is left as it is."""
    count = 0
    for file in files:
        if file.kind == "signoff_policy":
            signoff.load_policy(file, actor=actor)
        else:
            inventory.load_pack(file, actor=actor)
        count += 1
    return count


def load_shipped(*, actor: Actor) -> int:
    return load((file for folder in FOLDERS for file in shipped(folder)), actor=actor)
