"""What somebody may alter at Azure ML on the way of a batch, with the error that says so."""

import json
from collections.abc import Callable
from typing import Any

from mrm.connectors.azureml.batch_plan import SCRIPT_DIGEST
from mrm.connectors.protocol import Conflict, Integrity, Invalid
from tests.connectors.azureml_batch_fake import CONTAINER
from tests.connectors.azureml_fake import FakeAzure

HERE = f"{CONTAINER}/mrm"
Alter = Callable[[FakeAzure], Any]


def script(fake: FakeAzure) -> None:
    fake.batches.blobs.write(f"{HERE}/code/{SCRIPT_DIGEST}/score.py", b"def init(): ...")


def _beside(fake: FakeAzure) -> None:
    fake.batches.blobs.write(f"{HERE}/code/{SCRIPT_DIGEST}/numpy.py", b"")


def _bytes(fake: FakeAzure) -> None:
    for name in fake.batches.blobs.below("approved/models/"):
        fake.batches.blobs.write(name, b"other bytes")


def _code(fake: FakeAzure) -> None:
    for found in fake.batches.codes.values():
        found["properties"]["codeUri"] = "https://elsewhere.example/code"


def _model(fake: FakeAzure) -> None:
    for found in fake.models.values():
        found["properties"]["modelUri"] = "https://elsewhere.example/model"


def _gone(fake: FakeAzure) -> None:
    fake.batches.codes.clear()


def _settings(**changes: Any) -> Alter:
    def alter(fake: FakeAzure) -> None:
        for places in fake.batches.deployments.values():
            for found in places.values():
                found["properties"] |= changes

    return alter


def _variable(fake: FakeAzure) -> None:
    for places in fake.batches.deployments.values():
        for found in places.values():
            found["properties"]["environmentVariables"]["PYTHONPATH"] = "/elsewhere"


def _container(fake: FakeAzure) -> None:
    fake.batches.container = "another"


def _owner(fake: FakeAzure) -> None:
    for found in fake.batches.endpoints.values():
        found["tags"] = {}


def _address(fake: FakeAzure) -> None:
    for found in fake.batches.endpoints.values():
        found["properties"]["scoringUri"] = "https://elsewhere.example/jobs"


ALTERED: list[tuple[Alter, type[Exception], str]] = [
    (script, Integrity, "The script that scores batches was altered in the store"),
    (_beside, Integrity, r"lies alone, numpy\.py, score\.py was found"),
    (_bytes, Integrity, "are not those of that digest"),
    (_code, Integrity, r"registered code that scores batches with another properties\.codeUri"),
    (_gone, Integrity, "registered code that scores batches is gone"),
    (_model, Integrity, "reads its model from a place that is not the approved one"),
    (_settings(environmentId="/environments/other/versions/1"), Integrity, r"Its properties\.environmentId is not as"),
    (_settings(errorThreshold=-1), Integrity, r"Its properties\.errorThreshold is not as"),
    (_variable, Integrity, "Somebody gave it other environment variables"),
    (_container, Conflict, "The datastore workspaceblobstore is not the container that `batches` names"),
    (_owner, Conflict, "The batch endpoint of credit belongs to somebody else"),
    (_address, Invalid, r"names https://elsewhere\.example/jobs as the address of a batch endpoint"),
]


Lines = list[bytes]


def told(**changes: str) -> Callable[[Lines], Lines]:
    return lambda lines: [json.dumps(json.loads(lines[0]) | changes).encode(), *lines[1:]]


SPOILT: list[tuple[Callable[[Lines], Lines], str]] = [
    (lambda lines: lines[:2], "holds no score for row 1"),
    (lambda lines: [lines[0], lines[2]], "holds no score for row 0 in its place"),
    (lambda lines: [*lines, lines[1]], "more than one score for row 0"),
    (lambda lines: [*lines, b"7,0.5"], "a score for row 7, which was not sent"),
    (lambda lines: [lines[0], b"0,nan", lines[2]], "holds nan as the score of row 0, which is no number"),
    (lambda lines: [lines[0], b"0,", lines[2]], "holds nothing as the score of row 0"),
    (lambda lines: [lines[0], b"0,0.5", lines[2]], "were altered after the cluster wrote them"),
    (lambda lines: lines[1:], "do not begin with what scored them"),
    (told(script="0" * 64), r"was scored by another script, of the digest 000000000000…"),
    (told(model="0" * 64), r"was scored by another model, of the digest 000000000000…"),
    (told(rows="0" * 64), "The cluster scored other rows as part-0"),
]
