"""After a restore: a log that holds less than somebody outside has seen is not signed on, except as a new epoch."""

from collections.abc import Sequence

import structlog

from mrm.audit.anchoring import Outside, outside
from mrm.audit.anchors.places import Place
from mrm.audit.log.notes import Checkpoint, SigningKey
from mrm.audit.sequencer import Sequencer, origin_of

log = structlog.get_logger(__name__)


class Behind(Exception):
    """The log holds less than was anchored; the sentence says what to do."""


def refuse_when_behind(sequencer: Sequencer, places: Sequence[Place]) -> None:
    """Raise `Behind` when a place outside saw more of this log than it holds here."""
    size, root = sequencer.frontier.size, sequencer.frontier.root()
    found = seen_of(sequencer.origin, size, root, sequencer.keys[0], places)
    for problem in found.problems:
        log.warning("an anchor cannot be asked what it saw", problem=problem)
    if found.size > size:
        raise Behind(
            f"{found.by} has seen {found.size} events of {sequencer.origin}, but the log holds {size} here: this"
            " database is older than what was signed. Restore a newer one; or, when the rest is lost, open a new epoch"
            " with `manage.py audit recover --reason …`. Nothing is signed until then."
        )


def seen_of(origin: str, size: int, root: bytes, key: SigningKey, places: Sequence[Place]) -> Outside:
    """The most that any place has seen of an origin, asked in the name of the log as it is here."""
    return outside(key.sign(Checkpoint(origin, size, root).text()), places)


def next_epoch(base: str, size: int, root: bytes, key: SigningKey, places: Sequence[Place], after: int) -> int:
    """The first epoch of which nobody outside has seen anything."""
    epoch = after + 1
    while seen_of(origin_of(base, epoch), size, root, key, places).size:
        epoch += 1
    return epoch
