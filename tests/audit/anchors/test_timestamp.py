"""Time stamps by a real authority: openssl with certificates of its own, behind a small server on loopback."""

import datetime as dt
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mrm.audit.anchors.anchorage import AnchorProblem, Contradiction
from mrm.audit.anchors.opening import opened
from mrm.audit.anchors.places import parse
from tests.audit.anchors.material import LOG, signed
from tests.audit.verifier.authority import Authority

Answers = Callable[[bytes], tuple[int, bytes]]


class Stamper:
    """The authority on a port of this machine; `answers` can be put out of order."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.folder, self.answers = folder, self.reply
        stamper = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status, content = stamper.answers(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(status)
                self.send_header("content-type", "application/timestamp-reply")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *words: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def reply(self, query: bytes) -> tuple[int, bytes]:
        (self.folder / "query.tsq").write_bytes(query)
        self.authority._run(
            "ts -reply -config tsa.cnf -section tsa -queryfile query.tsq -signer tsa.pem -inkey tsa.key -out reply.tsr"
        )
        return 200, (self.folder / "reply.tsr").read_bytes()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/stamp"

    def place(self, certificates: str = "ca.pem") -> str:
        return f"tsa={self.address} {self.folder / certificates}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def stamper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stamper]:
    found = Stamper(tmp_path_factory.mktemp("tsa") / "authority")
    yield found
    found.close()


@pytest.fixture(autouse=True)
def in_order(stamper: Stamper) -> None:
    stamper.answers = stamper.reply


def test_a_stamp_says_when_and_by_whom(stamper: Stamper) -> None:
    before = dt.datetime.now(dt.UTC).replace(microsecond=0)
    anchorage = opened(parse(stamper.place())[0])
    token = anchorage.anchor(signed(9))
    seen = anchorage.verify(token, LOG.note(9))
    assert seen.by == "CN=Stamps"
    assert seen.at is not None
    assert before <= seen.at <= dt.datetime.now(dt.UTC)
    assert (anchorage.kind, anchorage.latest(LOG.note(9))) == ("rfc3161", None)


def test_a_stamp_holds_for_its_checkpoint_alone(stamper: Stamper) -> None:
    anchorage = opened(parse(stamper.place())[0])
    token = anchorage.anchor(signed(9))
    with pytest.raises(Contradiction, match="for the size 8 does not hold"):
        anchorage.verify(token, LOG.note(8))
    for place in range(0, len(token), 97):
        changed = token[:place] + bytes([token[place] ^ 1]) + token[place + 1 :]
        try:
            seen = anchorage.verify(changed, LOG.note(9))
        except Contradiction:
            continue
        assert seen == anchorage.verify(token, LOG.note(9)), place


def test_a_stamp_of_another_authority_does_not_hold(stamper: Stamper, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    (tmp_path / "other.pem").write_bytes(other.root)
    token = opened(parse(stamper.place())[0]).anchor(signed(9))
    with pytest.raises(Contradiction, match="does not hold"):
        opened(parse(f"tsa={stamper.address} {tmp_path / 'other.pem'}")[0]).verify(token, LOG.note(9))
    with pytest.raises(AnchorProblem, match="gives a stamp that does not hold"):
        opened(parse(f"tsa={stamper.address} {tmp_path / 'other.pem'}")[0]).anchor(signed(9))


def test_an_old_answer_is_not_taken_for_a_new_one(stamper: Stamper) -> None:
    anchorage = opened(parse(stamper.place())[0])
    kept = anchorage.anchor(signed(9))
    stamper.answers = lambda query: (200, kept)
    with pytest.raises(AnchorProblem, match="Nonce mismatch"):
        anchorage.anchor(signed(9))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((503, b""), "answers 503"),
        ((200, b""), "gives a stamp that does not hold"),
        ((200, b"<html>"), "gives a stamp that does not hold"),
        ((200, b"\x30" * 300_000), "answers with more than"),
    ],
)
def test_an_authority_out_of_order_is_a_sentence(stamper: Stamper, answer: tuple[int, bytes], sentence: str) -> None:
    stamper.answers = lambda query: answer
    with pytest.raises(AnchorProblem, match=sentence):
        opened(parse(stamper.place())[0]).anchor(signed(9))


def test_an_authority_that_is_away_is_a_sentence(stamper: Stamper) -> None:
    with pytest.raises(AnchorProblem, match="cannot be reached"):
        opened(parse(f"tsa=http://127.0.0.1:9/stamp {stamper.folder / 'ca.pem'}")[0]).anchor(signed(9))


@pytest.mark.parametrize(
    ("certificates", "sentence"),
    [("none.pem", "cannot be read"), ("tsa.key", "does not hold the certificates"), ("tsa.pem", "holds no root")],
)
def test_certificates_that_will_not_do_are_named(stamper: Stamper, certificates: str, sentence: str) -> None:
    with pytest.raises(AnchorProblem, match=sentence):
        opened(parse(stamper.place(certificates))[0])


def test_without_the_package_it_is_said_what_to_install(stamper: Stamper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    monkeypatch.delitem(sys.modules, "mrm.audit.anchors.timestamp", raising=False)
    with pytest.raises(AnchorProblem, match=r"mrm\[anchors\]"):
        opened(parse(stamper.place())[0])
