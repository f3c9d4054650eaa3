"""The sequencer is killed before any of its statements: the log is never torn, and the next one ends the work."""

import signal
import subprocess
import sys
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mrm.audit.log import merkle
from mrm.audit.models import Checkpoint, Event, Leaf, Pending
from tests.audit.test_sequencer import KEY, drain, leading, unit
from tests.conftest import ROOT

DIES = """
import os, signal, sys
import psycopg
from mrm.audit.log.notes import SigningKey
from mrm.audit.sequencer import Sequencer

class Dying(psycopg.Connection):
    left = int(sys.argv[2])

    def execute(self, *given, **more):
        if Dying.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        Dying.left -= 1
        return super().execute(*given, **more)

sequencer = Sequencer(Dying.connect(sys.argv[1], autocommit=True), [SigningKey.parse(sys.argv[3])], "bank.example/log")
sequencer.lead()
while sequencer.step(4):
    pass
"""


def whole() -> None:
    """The leaves are without gaps, each is its event's, and the last checkpoint signs exactly them."""
    leaves = list(Leaf.objects.select_related("event"))
    assert [leaf.index for leaf in leaves] == list(range(len(leaves)))
    assert all(bytes(leaf.hash) == merkle.leaf_hash(bytes(leaf.event.payload)) for leaf in leaves)
    last = Checkpoint.objects.first()
    size, root = (last.size, last.root) if last else (0, merkle.EMPTY_ROOT.hex())
    assert (size, root) == (len(leaves), merkle.root([bytes(leaf.hash) for leaf in leaves]).hex())
    assert Pending.objects.count() == Event.objects.count() - len(leaves)


def test_a_sequencer_killed_before_any_statement_tears_nothing(log_connection: Any) -> None:
    address = log_connection.info.dsn
    ended, number = [], 0
    for statements in range(24):
        for _ in range(5):
            unit(number := number + 1)
        command = [sys.executable, "-c", DIES, address, str(statements), KEY.private]
        ended.append(subprocess.run(command, cwd=ROOT, check=False).returncode)
        whole()
        if ended[-1] == 0:
            break
    assert ended[:8] == [-signal.SIGKILL] * 8
    drain(leading(log_connection))
    whole()
    assert Pending.objects.count() == 0


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stream=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 12), st.booleans()), max_size=6))
def test_any_stream_in_any_batches_gives_the_same_tree(
    log_connection: Any, stream: list[tuple[int, int, bool]]
) -> None:
    """Events come, batches of any size are taken, the sequencer is started anew in between or not."""
    sequencer = leading(log_connection)
    for events, limit, anew in stream:
        for _ in range(events):
            unit(Event.objects.count())
        sequencer.step(limit)
        if anew:
            sequencer = leading(log_connection)
        whole()
    drain(sequencer)
    whole()
    assert Pending.objects.count() == 0
