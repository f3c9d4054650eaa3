"""What a person does to the log itself: give it another key, go on in a new epoch after a restore. Each is an event."""

from pathlib import Path

from mrm.audit import keys
from mrm.audit.models import Checkpoint, LogKey
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor
from mrm.core.refusal import Refused


@audited("audit.rotate_key", "gave the log the new key {new}")
def rotate_key(path: Path, *, operator: str, actor: Actor, reason: str = "") -> LogKey:
    """Another key in the file; the old one signs beside it until the rotation is ended."""
    keys.refuse_when_rotating(path)
    old = _known(keys.load(path).vkey)
    describe(new=keys.rotate(path).vkey, operator=operator)
    return old


@audited("audit.end_key_rotation", "ended the use of the key {old}")
def end_key_rotation(path: Path, *, operator: str, actor: Actor, reason: str = "") -> LogKey:
    """The key before signs no more."""
    old = keys.end_rotation(path)
    describe(old=old, operator=operator)
    return _known(old)


@audited("audit.open_epoch", "opened epoch {epoch} of the log at size {size}")
def open_epoch(
    last: Checkpoint, *, epoch: int, seen: dict[str, int], operator: str, actor: Actor, reason: str
) -> Checkpoint:
    """Go on although more was signed than is here; the entry holds the last checkpoint and what others saw."""
    if not any(size > last.size for size in seen.values()):
        raise Refused("Nobody outside has seen more of the log than it holds; no new epoch is needed.")
    describe(epoch=epoch, size=last.size, checkpoint=last.note, seen=seen, operator=operator)
    return last


@audited("audit.export", "wrote {events} events to {file}")
def note_export(
    last: Checkpoint, *, file: str, events: int, sha256: str, operator: str, actor: Actor, reason: str = ""
) -> Checkpoint:
    """What left the house by the command line, and under which digest."""
    describe(file=file, events=events, sha256=sha256, operator=operator)
    return last


def _known(vkey: str) -> LogKey:
    found = LogKey.objects.filter(vkey=vkey).first()
    if found is None:
        raise Refused("The sequencer has not signed with this key yet; start it first.")
    return found
