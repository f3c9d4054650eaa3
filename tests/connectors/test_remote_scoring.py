"""A model that answers elsewhere: what is sent, what is taken for an answer, and each wrong answer as one sentence."""

from collections.abc import Iterator
from typing import Any

import pytest

from mrm.connectors.errors import ConnectorError, Invalid
from mrm.connectors.remote_scoring import Place, RemoteModel, require_place
from tests.connectors.oip_server import Server, running

LOCAL = ["127.0.0.1"]
ROWS = [1.0, 2.0, 3.0]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as started:
        yield started


def asked(server: Server, name: str, values: list[Any] = ROWS, **more: str) -> list[float]:
    place = require_place(Place(server.url, name, **more), LOCAL)
    model = RemoteModel(place, ("x",), pause=lambda seconds: None)
    model.describe()
    return model.score({"x": values}, 1_000, (0.0, 1.0))


@pytest.mark.parametrize(
    ("name", "values", "scores"),
    [
        ("well", ROWS, [0.1, 0.2, 0.3]),
        ("well", [1.0, None], [0.1, 0.0]),
        ("classes", ROWS, [0.1, 0.2, 0.3]),
        ("whole", [1, 2], [0.1, 0.2]),
        ("busy", ROWS, [0.1, 0.2, 0.3]),
    ],
)
def test_scores_come_back_in_order(server: Server, name: str, values: list[Any], scores: list[float]) -> None:
    assert asked(server, name, values) == pytest.approx(scores)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("few", "The scoring endpoint answered 2 scores for 3 rows; it must give one for each."),
        ("nan", "The scoring endpoint answered nan for row 1,002; a score is a finite number."),
        ("null", "The scoring endpoint answered None for row 1,001; a score is a finite number."),
        ("outside", "The scoring endpoint answered 1.7 for row 1,002; scores lie between 0 and 1."),
        ("html", "The scoring endpoint answered with something that is not JSON."),
        ("array", "The scoring endpoint answered with JSON that is not an object."),
        ("two", "The scoring endpoint gave not exactly one output of numbers; its outputs are a, b. Name the one that holds the scores."),
        ("redirect", "The scoring endpoint answered with a redirect (302); none is followed. Give the address it leads to."),
        ("denied", "The scoring endpoint did not accept the credentials (401)."),
        ("broken", "The scoring endpoint answered 503: out of order. It was asked 4 times."),
        ("endless", "The answer is larger than 16 MiB."),
    ],
)  # fmt: skip
def test_each_wrong_answer_is_one_sentence(server: Server, name: str, sentence: str) -> None:
    with pytest.raises(ConnectorError) as told:
        asked(server, name)
    assert told.value.message == sentence


def test_an_endpoint_that_changes_its_version_is_not_mixed(server: Server) -> None:
    model = RemoteModel(require_place(Place(server.url, "moving"), LOCAL), ("x",))
    model.score({"x": ROWS}, 0, None)
    with pytest.raises(Invalid, match=r"changed from version 1 to 2 while the rows were scored"):
        model.score({"x": ROWS}, 3, None)


@pytest.mark.parametrize(
    ("place", "hosts", "sentence"),
    [
        (Place("https://scores.example", "m"), [], "No host is open for remote scoring here"),
        (Place("https://evil.example", "m"), ["scores.example"], "The host evil.example is not on the list of allowed hosts."),
        (Place("http://scores.example", "m"), ["scores.example"], "starts with https://"),
        (Place("https://169.254.169.254", "m"), ["169.254.169.254"], "link-local or special address"),
        (Place("https://metadata.google.internal", "m"), ["metadata.google.internal"], "is a metadata service"),
        (Place("https://u:p@scores.example", "m"), ["scores.example"], "must not contain a user name"),
        (Place("https://scores.example", " "), ["scores.example"], "Give the name that the model has"),
        (Place("https://scores.example", "m", rows=9_999), ["scores.example"], "One request carries 1 to 5,000 rows"),
    ],
)  # fmt: skip
def test_a_place_that_may_not_be_asked_is_refused_before_anything_is_sent(
    place: Place, hosts: list[str], sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence):
        require_place(place, hosts)
