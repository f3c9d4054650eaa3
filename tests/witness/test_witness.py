"""The witness as its own process: it cosigns what grew, refuses what does not, and forgets nothing."""

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from mrm.audit.log.merkle import EMPTY_ROOT
from mrm.audit.log.notes import Checkpoint, SigningKey, add_signature, split_note, verify_cosignature
from tests.witness.process import NAME, PROJECT, History, WitnessProcess

KEY = SigningKey.generate("bank.example/log")
STRANGER = SigningKey.generate("bank.example/log")
LEAVES = [f"event {number}".encode() for number in range(40)]
LOG = History(KEY, *LEAVES)
OTHER = History(KEY, b"another beginning", *LEAVES[1:])


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[WitnessProcess]:
    process = WitnessProcess(tmp_path, KEY.vkey).start()
    yield process
    process.stop()


def cosigned(answer: httpx.Response, history: History, size: int, witness: WitnessProcess) -> int:
    assert answer.status_code == 200, answer.text
    return verify_cosignature(history.checkpoint(size).text(), answer.text, witness.key)


def evidence(witness: WitnessProcess) -> list[tuple[int, int, str]]:
    with sqlite3.connect(witness.db) as connection:
        return list(connection.execute("SELECT size, seen, why FROM refused ORDER BY size, seen"))


def test_a_log_that_grows_is_cosigned_at_each_size(witness: WitnessProcess) -> None:
    before, old = int(time.time()), 0
    for size in (1, 2, 7, 8, 33, 40):
        at = cosigned(witness.post(LOG.request(old, size)), LOG, size, witness)
        assert before <= at <= time.time()
        old = size
    assert witness.key.name == NAME
    assert evidence(witness) == []


def test_the_same_checkpoint_is_cosigned_again(witness: WitnessProcess) -> None:
    """So that a log which never got the answer can ask again."""
    cosigned(witness.post(LOG.request(0, 9)), LOG, 9, witness)
    cosigned(witness.post(LOG.request(9, 9)), LOG, 9, witness)


def test_another_old_size_is_answered_with_the_size_that_was_seen(witness: WitnessProcess) -> None:
    never = witness.post(LOG.request(5, 9))
    assert (never.status_code, never.text) == (409, "0\n")
    cosigned(witness.post(LOG.request(0, 9)), LOG, 9, witness)
    for old, size in ((0, 20), (8, 20), (10, 20), (0, 9), (0, 4), (4, 4)):
        answer = witness.post(LOG.request(old, size))
        assert (answer.status_code, answer.text) == (409, "9\n"), (old, size)
        assert answer.headers["content-type"] == "text/x.tlog.size"
    cosigned(witness.post(LOG.request(9, 20)), LOG, 20, witness)


def test_a_second_history_is_refused_and_kept_as_evidence(witness: WitnessProcess) -> None:
    cosigned(witness.post(LOG.request(0, 9)), LOG, 9, witness)
    longer = witness.post(OTHER.request(9, 20))
    assert (longer.status_code, longer.text) == (
        422,
        "The tree of 20 leaves does not begin with the tree of 9 leaves.\n",
    )
    same = witness.post(OTHER.request(9, 9))
    assert (same.status_code, same.text) == (409, "Another tree of 9 leaves was cosigned before.\n")
    assert same.headers["content-type"].startswith("text/plain")
    assert evidence(witness) == [(9, 9, same.text.strip()), (20, 9, longer.text.strip())]
    cosigned(witness.post(LOG.request(9, 20)), LOG, 20, witness)


def test_killed_between_requests_it_forgets_nothing(witness: WitnessProcess) -> None:
    vkey, old = witness.vkey, 0
    for size in (3, 9, 21, 40):
        cosigned(witness.post(LOG.request(old, size)), LOG, size, witness)
        witness.restart(signal.SIGKILL)
        assert witness.vkey == vkey
        assert witness.post(LOG.request(old, size)).text == f"{size}\n"
        assert witness.post(OTHER.request(size, size)).status_code == 409
        old = size


def test_of_two_at_once_one_wins(witness: WitnessProcess) -> None:
    """Whatever the order, no cosigned size is rolled back."""
    cosigned(witness.post(LOG.request(0, 5)), LOG, 5, witness)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda size: witness.post(LOG.request(5, size)), range(6, 30)))
    won = [answer for answer in answers if answer.status_code == 200]
    lost = [answer for answer in answers if answer.status_code == 409]
    assert (len(won), len(lost)) == (1, 23)
    size = 6 + answers.index(won[0])
    assert {answer.text for answer in lost} == {f"{size}\n"}


def test_a_proof_that_is_none_is_refused(witness: WitnessProcess) -> None:
    cosigned(witness.post(LOG.request(0, 9)), LOG, 9, witness)
    good = LOG.request(9, 20).split("\n")
    assert len(good) > 5
    for name, lines in {
        "short": [good[0], *good[2:]],
        "long": [good[0], good[1], *good[1:]],
        "swapped": [good[0], good[2], good[1], *good[3:]],
        "none": [good[0], *good[good.index("") :]],
    }.items():
        assert witness.post("\n".join(lines)).status_code == 422, name
    assert witness.post("\n".join(["old 9", good[1], "", LOG.note(9)])).status_code == 422
    cosigned(witness.post("\n".join(good)), LOG, 20, witness)


def test_an_unknown_log_and_a_strange_signature(witness: WitnessProcess) -> None:
    elsewhere = History(SigningKey.generate("else.example/log"), *LEAVES)
    assert witness.post(elsewhere.request(0)).status_code == 404
    forged = History(STRANGER, *LEAVES)
    assert witness.post(forged.request(0)).status_code == 403
    changed = LOG.note().replace("\n40\n", "\n39\n")
    assert witness.post(LOG.request(0, 39, changed)).status_code == 403
    assert httpx.get(f"{witness.url}/checkpoint/bank.example/log", trust_env=False).status_code == 404
    both = add_signature(LOG.note(), STRANGER)
    cosigned(witness.post(LOG.request(0, 40, both)), LOG, 40, witness)


NO_REQUESTS = {
    "nothing": b"",
    "no note": b"old 0\n",
    "no text": b"\xff\xfe",
    "two zeros": b"old 00\n\n" + LOG.note().encode(),
    "below zero": b"old -1\n\n" + LOG.note().encode(),
    "beyond the note": b"old 41\n\n" + LOG.note().encode(),
    "beyond numbers": b"old 9999999999999999999999\n\n" + LOG.note().encode(),
    "capital": b"Old 0\n\n" + LOG.note().encode(),
    "short hash": b"old 0\nAAAA\n\n" + LOG.note().encode(),
    "too many hashes": b"old 0\n" + b"%s\n" % (b"A" * 43 + b"=") * 64 + b"\n" + LOG.note().encode(),
    "note cut off": b"old 0\n\n" + LOG.note().encode()[:-1],
    "size with a zero": b"old 0\n\n" + LOG.note().replace("\n40\n", "\n040\n").encode(),
    "size of 5000 digits": b"old 0\n\n" + LOG.note().replace("\n40\n", "\n" + "9" * 5000 + "\n").encode(),
    "size beyond 64 bits": b"old 0\n\n" + KEY.sign(Checkpoint(KEY.name, 2**63, bytes(32)).text()).encode(),
    "other line ends": b"old 0\n\n" + LOG.note().replace("\n", "\r\n").encode(),
}


@pytest.mark.parametrize(
    "body", NO_REQUESTS.values(), ids=NO_REQUESTS
)  # the key is new in every process, so no names of it
def test_what_is_no_request_is_refused_with_a_sentence(witness: WitnessProcess, body: bytes) -> None:
    answer = witness.post(body)
    assert answer.status_code == 400
    assert answer.text.endswith(".\n")


def test_too_large_a_request_is_not_read(witness: WitnessProcess) -> None:
    assert witness.post(b"old 0\n" * 20_000).status_code == 413


def test_an_empty_log_may_be_shown_only_as_it_is(witness: WitnessProcess) -> None:
    wrong = KEY.sign(Checkpoint(KEY.name, 0, bytes(32)).text())
    assert witness.post(f"old 0\n\n{wrong}").status_code == 409
    right = KEY.sign(Checkpoint(KEY.name, 0, EMPTY_ROOT).text())
    assert witness.post(f"old 0\n\n{right}").status_code == 200


def test_the_last_checkpoint_is_given_to_whoever_asks_with_its_cosignature_alone(witness: WitnessProcess) -> None:
    noted = add_signature(LOG.note(9), STRANGER)
    at = cosigned(witness.post(LOG.request(0, 9, noted)), LOG, 9, witness)
    note = httpx.get(f"{witness.url}/checkpoint/{KEY.name}", trust_env=False).text
    text, signatures = split_note(note)
    assert text == LOG.checkpoint(9).text()
    assert [(each.name, each.id) for each in signatures] == [
        (KEY.name, KEY.verifier.id),
        (witness.key.name, witness.key.id),
    ]
    assert verify_cosignature(text, note.split("\n")[-2] + "\n", witness.key) == at
    assert httpx.get(f"{witness.url}/checkpoint/else.example/log", trust_env=False).status_code == 404
    assert httpx.get(f"{witness.url}/key", trust_env=False).text == f"{witness.vkey}\n"


def test_a_log_may_have_another_origin_than_its_key_has_a_name(tmp_path: Path) -> None:
    witness = WitnessProcess(tmp_path, KEY.vkey, f"bank.example/log/2 {KEY.vkey}").start()
    try:
        cosigned(witness.post(LOG.request(0, 9)), LOG, 9, witness)
        later = Checkpoint("bank.example/log/2", 4, OTHER.checkpoint(4).root)
        assert witness.post(f"old 0\n\n{KEY.sign(later.text())}").status_code == 200
    finally:
        witness.stop()


def test_the_key_is_made_private_and_a_witness_without_memory_does_not_use_it(tmp_path: Path) -> None:
    witness = WitnessProcess(tmp_path, KEY.vkey).start()
    witness.stop()
    assert witness.key_file.stat().st_mode & 0o777 == 0o600
    witness.db.unlink()
    told = subprocess.run(witness.command(), cwd=PROJECT, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "A witness that forgot what it saw would cosign a second history." in told.stderr
    assert not witness.db.exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--log", "nonsense"], "A verifier key is a name, eight hexadecimal digits and base64"),
        (["--log", SigningKey("w.example", bytes(range(32)), 4).vkey], "this is the key of a witness"),
        (["--log", KEY.vkey, "--listen", "8095"], "--listen takes an address and a port"),
        (["--log", KEY.vkey, "--name", "two words"], "A key's name has no spaces"),
    ],
)
def test_what_it_cannot_start_with_is_said_in_a_sentence(tmp_path: Path, words: list[str], sentence: str) -> None:
    places = ["--db", str(tmp_path / "memory.db"), "--key", str(tmp_path / "key")]
    command = [sys.executable, "-m", "mrm.witness", *places, *words]
    told = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert told.stderr.startswith("The witness does not start: ")
    assert sentence in told.stderr
    assert "Traceback" not in told.stderr


def test_a_memory_that_fails_cosigns_nothing(witness: WitnessProcess) -> None:
    cosigned(witness.post(LOG.request(0, 9)), LOG, 9, witness)
    with sqlite3.connect(witness.db) as connection:
        connection.execute("ALTER TABLE seen RENAME TO elsewhere")
    answer = witness.post(LOG.request(9, 20))
    assert (answer.status_code, answer.text.startswith("The witness cannot keep what it sees")) == (503, True)
    with sqlite3.connect(witness.db) as connection:
        connection.execute("ALTER TABLE elsewhere RENAME TO seen")
    cosigned(witness.post(LOG.request(9, 20)), LOG, 20, witness)


def test_of_all_that_is_ours_it_loads_the_formats_alone() -> None:
    code = "import sys, mrm.witness.__main__; print('\\n'.join(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert [name for name in loaded if name.split(".")[0] in {"django", "rest_framework", "celery", "psycopg"}] == []
    ours = {name for name in loaded if name.split(".")[0] == "mrm" and not name.startswith("mrm.witness")}
    assert {name for name in ours if not name.startswith("mrm.audit.log")} == {"mrm", "mrm.audit"}
