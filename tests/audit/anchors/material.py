"""Checkpoints to be anchored, from a log made in the test."""

from mrm.audit.anchors.anchorage import Signed
from mrm.audit.log import merkle
from mrm.audit.log.notes import SigningKey
from tests.witness.process import History

KEY = SigningKey.generate("bank.example/log")
EVENTS = [f"event {number}".encode() for number in range(40)]
LOG = History(KEY, *EVENTS)
OTHER = History(KEY, b"another beginning", *EVENTS[1:])


def signed(size: int, before: int = 0, log: History = LOG) -> Signed:
    return Signed(log.note(size), before, lambda old: merkle.consistency_proof(old, size, log.read))
