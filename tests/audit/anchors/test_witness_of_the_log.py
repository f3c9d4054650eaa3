"""The log's side of the witness, against the real process."""

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrm.audit.anchors.anchorage import Ahead, AnchorProblem, Contradiction
from mrm.audit.anchors.opening import opened
from mrm.audit.anchors.places import parse
from mrm.audit.anchors.witness import Witness
from mrm.audit.log.notes import COSIGNATURE, SigningKey
from tests.audit.anchors.material import KEY, LOG, OTHER, signed
from tests.witness.process import NAME, History, WitnessProcess


@pytest.fixture
def process(tmp_path: Path) -> Iterator[WitnessProcess]:
    found = WitnessProcess(tmp_path, KEY.vkey).start()
    yield found
    found.stop()


@pytest.fixture
def witness(process: WitnessProcess) -> Witness:
    found = opened(parse(f"witness={process.url}/ {process.vkey}")[0])
    assert isinstance(found, Witness)
    return found


def test_the_token_is_the_cosignature(witness: Witness) -> None:
    before = int(time.time())
    for size, last in ((5, 0), (9, 5), (9, 9), (40, 9)):
        token = witness.anchor(signed(size, last))
        seen = witness.verify(token, LOG.note(size))
        assert seen.by == NAME
        assert seen.at is not None
        assert seen.at.tzinfo is dt.UTC
        assert before <= seen.at.timestamp() <= time.time()
        assert token.count(b"\n") == 1
        with pytest.raises(Contradiction, match="does not hold"):
            witness.verify(token, LOG.note(size - 1))


def test_a_witness_that_saw_another_size_gets_the_right_proof(witness: Witness) -> None:
    witness.anchor(signed(9))
    for before in (0, 3):
        seen = witness.verify(witness.anchor(signed(20 + before, before)), LOG.note(20 + before))
        assert abs(seen.at.timestamp() - time.time()) < 60


def test_a_fork_is_refused_aloud(witness: Witness) -> None:
    witness.anchor(signed(9))
    for size, before in ((20, 9), (20, 0), (9, 9), (9, 0)):
        with pytest.raises(Contradiction, match="refuses the log: it saw another history than the one that is stored"):
            witness.anchor(signed(size, before, OTHER))
    with pytest.raises(Contradiction, match="refuses the log"):
        witness.latest(OTHER.note(9))


def test_a_database_that_was_rolled_back_is_refused(witness: Witness) -> None:
    witness.anchor(signed(20))
    with pytest.raises(Ahead, match="has seen 20 events of this log, but it holds 9 here") as told:
        witness.anchor(signed(9))
    assert told.value.seen == 20


def test_what_it_saw_last_is_asked_without_changing_it(witness: Witness) -> None:
    assert witness.latest(LOG.note(7)) is None
    assert witness.latest(History(KEY).note()) is None
    witness.anchor(signed(9))
    assert [witness.latest(LOG.note(size)) for size in (4, 9, 20)] == [9, 9, 9]
    assert witness.latest(History(KEY).note()) == 9
    witness.anchor(signed(20, 9))


def test_what_the_operator_has_to_be_told_is_said(process: WitnessProcess, witness: Witness) -> None:
    stranger = History(SigningKey.generate("else.example/log"), b"1")
    with pytest.raises(AnchorProblem, match=r"was not told of the log else.example/log"):
        witness.anchor(signed(1, log=stranger))
    forger = History(SigningKey.generate(KEY.name), b"1")
    with pytest.raises(AnchorProblem, match="does not take the log's signature"):
        witness.anchor(signed(1, log=forger))
    unknown = SigningKey.generate(NAME, COSIGNATURE).vkey
    with pytest.raises(AnchorProblem, match="without a cosignature by the key that we were told"):
        opened(parse(f"witness={process.url} {unknown}")[0]).anchor(signed(9))


def test_a_witness_that_is_away_is_a_sentence(process: WitnessProcess, witness: Witness) -> None:
    process.stop()
    with pytest.raises(AnchorProblem, match="cannot be reached") as told:
        witness.anchor(signed(9))
    assert not isinstance(told.value, Contradiction)
    with pytest.raises(AnchorProblem, match="cannot be reached"):
        witness.latest(LOG.note(9))
