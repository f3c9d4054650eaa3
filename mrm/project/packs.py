"""Load what the fixtures hold, through the services, as any institution loads its own."""

from collections.abc import Iterable

from mrm.core.actors import Actor
from mrm.core.packs import PackFile, shipped
from mrm.inventory import queries as inventory_queries
from mrm.inventory import services as inventory
from mrm.signoff import queries as signoff_queries
from mrm.signoff import services as signoff

FOLDERS = ("regimes", "fields", "tiering", "findings", "suites", "reasons", "policies")


def load(files: Iterable[PackFile], *, actor: Actor) -> int:
    """Put each pack in force; a version loaded before is left as it is, another version is refused: it is signed for."""
    count = 0
    for file in files:
        if file.kind == "signoff_policy":
            signoff.load_policy(file, actor=actor)
        else:
            inventory.load_pack(file, actor=actor)
        count += 1
    return count


def load_shipped(*, actor: Actor) -> int:
    """What is shipped and not known here in any version: an institution that changed a pack keeps its own."""
    return load((file for folder in FOLDERS for file in shipped(folder) if not _known(file)), actor=actor)


def _known(file: PackFile) -> bool:
    if file.kind == "signoff_policy":
        own = signoff_queries.policies().filter(key=file.key).exists()
        return own or signoff_queries.covering(file.content, but=file.key) is not None
    return inventory_queries.packs(file.kind).filter(key=file.key).exists()
