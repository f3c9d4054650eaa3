"""Vertex AI's batch prediction jobs: numbered by the service, in states, over the objects in its storage."""

import copy
import itertools
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from onnxruntime import InferenceSession

from tests.connectors.cloud_fake import Fault
from tests.connectors.storage_fake import FakeStorage

Lines = list[dict[str, Any]]
_LIVE = {"QUEUED", "PENDING", "RUNNING", "CANCELLING"}


class BatchJobs:
    """A part of the fake: a job is done after `steps` looks at it. Its answers come shuffled, over two files."""

    steps: int
    place: str  # as Google answers it, with the project's number
    models: dict[str, dict[str, Any]]
    numbers: "itertools.count[int]"
    storage: FakeStorage
    operations: dict[str, dict[str, Any]]
    begin: Callable[..., dict[str, Any]]
    passes: Callable[[dict[str, Any]], None]

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.left: dict[str, int] = {}
        self.spoil: Callable[[Lines], Lines] = list  # what a test lets happen to answers
        self.unscored: set[int] = set()  # places of rows that the container does not score
        self.clock = itertools.count()

    def batch_prediction_jobs_create(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> Any:
        number, _, version = body["model"].rpartition("/")[2].partition("@")
        if number not in self.models or version not in ("", "1"):
            raise Fault(404, "NOT_FOUND", f"There is no model {body['model']}.")
        config = body.get("instanceConfig", {})
        if config.get("instanceType") == "array" and not config.get("includedFields"):
            raise Fault(400, "INVALID_ARGUMENT", "included_fields must be populated for objects that become arrays.")
        if "dedicatedResources" not in body:
            raise Fault(400, "INVALID_ARGUMENT", "A model over a container needs dedicated resources.")
        own = str(next(self.numbers) + 10**18)
        name = f"{self.place}/batchPredictionJobs/{own}"
        self.jobs[own] = copy.deepcopy(body) | {
            "name": name,
            "model": f"{self.place}/models/{number}",
            "modelVersionId": "1",
            "state": "JOB_STATE_PENDING",
            "createTime": datetime.fromtimestamp(1_800_000_000 + next(self.clock), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        self.left[name] = self.steps
        return self.jobs[own]

    def batch_prediction_jobs_get(self, parts: list[str], query: dict[str, str], body: Any) -> Any:
        found = self.job(parts)
        for each in self.under_way(found["name"]):
            self.passes(each)
        self.goes_on(self.job(parts))
        return found

    def batch_prediction_jobs_list(self, parts: list[str], query: dict[str, str], body: Any) -> Any:
        asked = re.fullmatch(r'display_name="([^"]*)"', query["filter"])
        if not asked:
            raise Fault(400, "INVALID_ARGUMENT", "The filter is not understood.")
        rest = [
            each
            for each in self.jobs.values()
            if each["displayName"] == asked[1] and each["name"] > query.get("pageToken", "")
        ]
        return {"batchPredictionJobs": rest[:1]} | ({"nextPageToken": rest[0]["name"]} if len(rest) > 1 else {})

    def batch_prediction_jobs_cancel(self, parts: list[str], query: dict[str, str], body: Any) -> Any:
        found = self.job(parts)
        if _state(found) not in _LIVE:
            raise Fault(400, "FAILED_PRECONDITION", f"The job is {_state(found)}.")
        found["state"], self.left[found["name"]] = "JOB_STATE_CANCELLING", self.steps
        return {}

    def batch_prediction_jobs_delete(self, parts: list[str], query: dict[str, str], body: Any) -> Any:
        found = self.job(parts)
        if _state(found) in _LIVE:
            raise Fault(400, "FAILED_PRECONDITION", "Only a job that has ended can be deleted.")
        if self.under_way(found["name"]):
            raise Fault(409, "ABORTED", "The job is being deleted already.")
        return self.begin(found["name"], lambda: self.jobs.pop(parts[1]))

    def under_way(self, name: str) -> list[dict[str, Any]]:
        return [each for each in self.operations.values() if each["target"] == name and not each["done"]]

    def job(self, parts: list[str]) -> dict[str, Any]:
        if parts[1] not in self.jobs:
            raise Fault(404, "NOT_FOUND", f"There is no job {parts[1]}.")
        return self.jobs[parts[1]]

    def goes_on(self, found: dict[str, Any]) -> None:
        """Time goes on with each look."""
        if _state(found) not in _LIVE:
            return
        self.left[found["name"]] -= 1
        if _state(found) == "CANCELLING":
            if self.left[found["name"]] <= 0:
                found["state"] = "JOB_STATE_CANCELLED"
        elif self.left[found["name"]] > 0:
            found["state"] = "JOB_STATE_RUNNING"
            found["completionStats"] = {"successfulCount": "1", "incompleteCount": "-1"}
        else:
            self.scores(found)

    def scores(self, found: dict[str, Any]) -> None:
        """Every line of every object that the job's source names, by the model's bytes as they lie there now."""
        place = self.models[found["model"].rpartition("/")[2]]["artifactUri"]
        (content,) = (self.storage.objects[each] for each in self.storage.below(f"{place}/"))
        (source,) = found["inputConfig"]["gcsSource"]["uris"]
        read = [self.storage.objects[each] for each in sorted(self.storage.objects) if fnmatchcase(each, source)]
        rows = [json.loads(line) for each in read for line in each.splitlines()]
        answers = predicted(content, rows, found["instanceConfig"])
        failed = [{"key": each["key"], "error": {"code": 13, "message": "The container said no."}} for each in answers if each["key"] in self.unscored]  # fmt: skip
        good = self.spoil([each for each in answers if each["key"] not in self.unscored])[::-1]
        target = (
            f"{found['outputConfig']['gcsDestination']['outputUriPrefix']}prediction-model-2027_01_15T08_00_00_000Z"
        )
        half = len(good) // 2
        for name, lines in (
            ("prediction.results-00000-of-00002", good[:half]),
            ("prediction.results-00001-of-00002", good[half:]),
            ("prediction.errors_stats-00000-of-00001", failed),
        ):
            self.storage.write(f"{target}/{name}", "".join(f"{json.dumps(line)}\n" for line in lines).encode())
        found |= {
            "state": "JOB_STATE_SUCCEEDED",
            "outputInfo": {"gcsOutputDirectory": target},
            "completionStats": {"successfulCount": str(len(good))}
            | ({"failedCount": str(len(failed))} if failed else {}),
        }


def predicted(model: bytes, rows: Lines, config: Mapping[str, Any]) -> Lines:
    """What a container over ONNX answers `instances`, joined by the service to the key, which the container is not sent."""
    assert (config["instanceType"], config["keyField"] in config["includedFields"]) == ("array", False)
    instances = [[row[name] for name in config["includedFields"]] for row in rows]
    session = InferenceSession(model)
    inputs = np.array([[float("nan") if cell is None else cell for cell in row] for row in instances], dtype="float32")
    outputs = session.run(None, {session.get_inputs()[0].name: inputs})
    told = outputs[-1].reshape(len(rows), -1).tolist()
    return [{"key": row[config["keyField"]], "prediction": each} for row, each in zip(rows, told, strict=True)]


def _state(found: Mapping[str, Any]) -> str:
    return str(found["state"]).removeprefix("JOB_STATE_")
