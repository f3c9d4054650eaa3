"""Load what the fixtures hold, through the services, as any institution loads its own."""

from collections.abc import Iterable

import yaml

from mrm.core.actors import Actor
from mrm.core.packs import FIXTURES, PackFile, shipped
from mrm.deployment import queries as deployment_queries
from mrm.deployment import services as deployment
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
    _environments(actor)
    return load((file for folder in FOLDERS for file in shipped(folder) if not _known(file)), actor=actor)


def _environments(actor: Actor) -> None:
    """A place for tests and one for production, each under a policy of its own; an institution defines its own beside."""
    known = set(deployment_queries.environments().values_list("key", flat=True))
    for entry in yaml.safe_load((FIXTURES / "environments.yaml").read_text()):
        if entry["key"] not in known:
            deployment.define_environment(**entry, actor=actor)


def _known(file: PackFile) -> bool:
    if file.kind == "signoff_policy":
        own = signoff_queries.policies().filter(key=file.key).exists()
        return own or signoff_queries.covering(file.content, but=file.key) is not None
    return inventory_queries.packs(file.kind).filter(key=file.key).exists()
