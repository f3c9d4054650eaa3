"""A data set scored by Vertex AI: one job, found by the batch that it is for, over files in our folder."""

import base64
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import IO, Any

from ..answers import BatchResult
from ..errors import Conflict, Integrity, Invalid, NotFound, Transient
from ..reading import missing, part, text, things
from ..values import ArtifactFile, Batch, Op
from . import lines, plan
from .plan import WHO
from .storage import Folder

Call = Callable[..., dict[str, Any]]
_BATCH, _BYTES = "mrm-batch", "mrm-bytes"
_STATE = "JOB_STATE_"
_BUSY = {"QUEUED", "PENDING", "RUNNING", "CANCELLING", "PAUSED", "UPDATING"}
_SUCCEEDED = {"SUCCEEDED", "PARTIALLY_SUCCEEDED"}
# as the API's description names the files, and as jobs over containers write them
_PREDICTIONS, _ERRORS = ("predictions_", "prediction.results"), ("errors_", "prediction.errors")
_POLL_SECONDS = 30.0
_MOST_TOLD = 3
_IN_MEMORY = 32 << 20


def name(batch: Batch) -> str:
    """What the job is called, so that it is found; the service gives a number of its own to each."""
    return f"mrm-batch-{batch.key}"


def folders(batch: Batch) -> tuple[str, str]:
    """Where the rows lie, and where the scores come."""
    return f"{batch.key}/rows/", f"{batch.key}/scores/"


def labels(endpoint: str, batch: Batch) -> dict[str, str]:
    return _of(batch) | {plan.ENDPOINT: plan.label(endpoint)}


def job(
    endpoint: str, batch: Batch, folder: Folder, columns: int, stamp: str, config: Mapping[str, Any]
) -> dict[str, Any]:
    """A job without its model: every file of the batch, each row with its key, which the container is not sent."""
    rows, scores = folders(batch)
    count = config.get("instances", 1)
    found = {
        "displayName": name(batch),
        "labels": labels(endpoint, batch) | {_BYTES: stamp},
        "inputConfig": {"instancesFormat": "jsonl", "gcsSource": {"uris": [folder.uri(f"{rows}*")]}},
        "instanceConfig": {
            "instanceType": "array",
            "keyField": lines.PLACE,
            "includedFields": lines.fields(columns),
        },
        "outputConfig": {
            "predictionsFormat": "jsonl",
            "gcsDestination": {"outputUriPrefix": folder.uri(scores)},
        },
        "dedicatedResources": {
            "machineSpec": plan.machine(config),
            "startingReplicaCount": count,
            "maxReplicaCount": count,
        },
    }
    return found | ({"serviceAccount": config["service_account"]} if "service_account" in config else {})


class Jobs:
    """The jobs and their files. `call` asks Vertex AI for a path, with body, operation and query."""

    def __init__(self, call: Call, place: str, folder: Folder) -> None:
        self._call, self._where, self.folder = call, f"{place}/batchPredictionJobs", folder
        self._scores: dict[str, lines.Scores] = {}

    def stage(self, batch: Batch, file: ArtifactFile, content: IO[bytes], op: Op) -> None:
        """Put a file where the job reads it; one that lies there already is left."""
        target = _stored_as(batch, file.name)
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
            lines.write(file, content, spool)
            size = spool.tell()
            spool.seek(0)
            digest = hashlib.md5(usedforsecurity=False)  # the one that the store shows
            while chunk := spool.read(1 << 20):
                digest.update(chunk)
            md5 = base64.b64encode(digest.digest()).decode()
            if self.folder.md5(target, op) == md5:
                return
            spool.seek(0)
            self.folder.put(target, spool, size, md5, op)

    def columns(self, batch: Batch, op: Op) -> int:
        """How many features a row of the batch has, as its first file holds them."""
        rows, _ = folders(batch)
        for each in self.folder.listed(rows, op):
            for line in islice(self.folder.lines(each.name), 1):
                return lines.columns(line)
        raise NotFound(f"No rows of the batch {batch.key} lie in {self.folder.uri(rows)}.")

    def of(self, batch: Batch, op: Op | None = None) -> list[dict[str, Any]]:
        """The jobs of a batch, the oldest first: more than one only where two asked at the same moment."""
        ours, query = _of(batch), {"filter": f'display_name="{name(batch)}"', "pageSize": "100"}
        found: list[dict[str, Any]] = []
        while True:
            answer = self._call("GET", self._where, op=op, query=query)
            found += [each for each in things(answer, "batchPredictionJobs", WHO) if not missing(ours, _labels(each))]
            if not (cursor := str(answer.get("nextPageToken") or "")):
                return sorted(found, key=lambda each: (text(each, "createTime", WHO), text(each, "name", WHO)))
            query["pageToken"] = cursor

    def find(self, endpoint: str, batch: Batch) -> BatchResult | None:
        """The job of a batch at an endpoint, however it stands; None where there is none."""
        ours = [each for each in self.of(batch) if not missing(labels(endpoint, batch), _labels(each))]
        return result(ours[0]) if ours else None

    def submit(self, batch: Batch, model: str, body: Mapping[str, Any], op: Op) -> BatchResult:
        """Ask for the job unless there is one, which must be what would be asked for; of two at once the older is kept.

        Vertex AI knows no name of ours for a job, so it is looked before and after.
        """
        if not (standing := self.of(batch, op)):
            made = self._call("POST", self._where, dict(body) | {"model": model}, op)
            standing = self.of(batch, op) or [made]
        for later in standing[1:]:
            self._stop(later, op)
        kept = standing[0]
        different = missing(body, kept) or ("" if _model(kept) == _bare(model) else "model")
        if different:
            raise Conflict(f"{WHO} holds a job of the batch {batch.key} with another {different}.")
        return result(kept)

    def described(self, handle: str, op: Op | None = None) -> dict[str, Any]:
        return self._call("GET", read(handle)["job"], op=op)

    def cancel(self, handle: str, op: Op) -> BatchResult:
        """Stop the job; one that has ended stays as it ended."""
        self._stop(self.described(handle, op), op)
        return result(self.described(handle, op))

    def waiting(self, found: Mapping[str, Any], handle: str) -> BatchResult | None:
        """What to say while the job has not ended, or None; raises where it ended otherwise than with every row scored."""
        if not (standing := result(found)).done:
            return standing
        if _model(found) != read(handle)["model"]:
            raise Conflict(f"{WHO} shows another model behind this job than the one that was asked for.")
        state = _state(found)
        if state == "CANCELLED":
            raise Conflict(f"Somebody stopped the job at {WHO} before every row was scored.")
        if state not in _SUCCEEDED:
            reason = part(found, "error", WHO).get("message") or "without a reason"
            raise Invalid(f"{WHO} says {state}: {str(reason)[:300]}")
        self._require_whole(found)
        return None

    def fetch(self, batch: Batch, file: ArtifactFile, target: IO[bytes]) -> None:
        """The scores of a file in the order sent, while the rows that were scored are those that were sent."""
        try:
            places = lines.places(file, self.folder.lines(_stored_as(batch, file.name)))
        except NotFound:
            raise Integrity(f"The bucket shows no rows in {file.name}, where some were sent.") from None
        jobs = self.of(batch)
        if not jobs or _state(jobs[0]) not in _SUCCEEDED:
            raise Invalid(f"{WHO} left no scores for {file.name}.")
        target.writelines(self._scored(jobs[0]).told(places))

    def clear(self, batch: Batch, names: Iterable[str], op: Op) -> None:
        """Rows, whatever the job wrote, and then the job itself, which Vertex AI deletes only once it has ended."""
        standing = self.of(batch, op)
        for busy in (each for each in standing if _state(each) in _BUSY):
            self._stop(busy, op)
            raise Transient(f"{WHO} still stops a job of the batch {batch.key}.")
        for file in names:
            self.folder.remove(_stored_as(batch, file), op)
        for stored in self.folder.listed(folders(batch)[1], op):
            self.folder.remove(stored.name, op)
        for each in standing:
            try:
                self._call("DELETE", text(each, "name", WHO), op=op)
            except (NotFound, Conflict):  # gone, or being taken away
                pass

    def _stop(self, found: Mapping[str, Any], op: Op) -> None:
        if _state(found) not in _BUSY - {"CANCELLING"}:
            return
        name = text(found, "name", WHO)
        try:
            self._call("POST", f"{name}:cancel", {}, op)
        except Invalid:  # unless it has ended since it was looked at
            if _state(self._call("GET", name, op=op)) in _BUSY:
                raise

    def _output(self, found: Mapping[str, Any], kind: tuple[str, ...]) -> list[str]:
        """The files of a kind that a job wrote."""
        where = self.folder.within(text(part(found, "outputInfo", WHO), "gcsOutputDirectory", WHO)).rstrip("/")
        shown = [each.name for each in self.folder.listed(f"{where}/")]
        return [each for each in shown if each.rpartition("/")[2].startswith(kind)]

    def _scored(self, found: Mapping[str, Any]) -> lines.Scores:
        """Read once, since each file's answers may lie in any of the job's."""
        job = text(found, "name", WHO)
        if job not in self._scores:
            files = self._output(found, _PREDICTIONS)
            self._scores[job] = lines.Scores(line for each in files for line in self.folder.lines(each))
        return self._scores[job]

    def _require_whole(self, found: Mapping[str, Any]) -> None:
        """Every row was scored, by the statistics, by the files of errors and by what it says of files it could not read."""
        told = [str(each.get("message") or "a file was not read") for each in things(found, "partialFailures", WHO)]
        files = self._output(found, _ERRORS)
        told += [lines.failure(line) for each in files for line in islice(filter(bytes.strip, self.folder.lines(each)), _MOST_TOLD + 1)]  # fmt: skip
        failed = _count(found, "failedCount")
        if told or failed or _state(found) != "SUCCEEDED":
            more = " …" if len(told) > _MOST_TOLD else ""
            why = f" {'; '.join(each[:300] for each in told[:_MOST_TOLD])}{more}" if told else ""
            raise Invalid(f"{WHO} did not score every row: {failed or 'some'} failed.{why}")


def read(handle: str) -> dict[str, str]:
    """What a handle holds: the job and its model."""
    try:
        found = json.loads(handle)
        kept = {field: str(found[field]) for field in ("job", "model")}
    except (ValueError, KeyError, TypeError):
        kept = {}
    if "/batchPredictionJobs/" not in kept.get("job", ""):
        raise Invalid(f"This is no handle of a batch at {WHO}.")
    return kept


def stamp(found: Mapping[str, Any]) -> str:
    """Which generation of a model's bytes a job was asked for with."""
    return str(_labels(found).get(_BYTES, ""))


def _of(batch: Batch) -> dict[str, str]:
    return {_BATCH: plan.label(batch.key)}


def _stored_as(batch: Batch, file: str) -> str:
    return f"{folders(batch)[0]}{file}.jsonl"


def _labels(found: Mapping[str, Any]) -> Mapping[str, Any]:
    return part(found, "labels", WHO)


def _state(found: Mapping[str, Any]) -> str:
    return text(found, "state", WHO).removeprefix(_STATE)


def _bare(model: str) -> str:
    """A registered model without its project, which Vertex AI tells by its number, nor its version."""
    return model.rpartition("/")[2].partition("@")[0]


def _model(found: Mapping[str, Any]) -> str:
    """The registered model of a job, empty where it is not the version that we registered."""
    given = text(found, "model", WHO)
    version = str(found.get("modelVersionId") or given.partition("@")[2])
    return _bare(given) if version == "1" else ""


def _count(found: Mapping[str, Any], field: str) -> int:
    value = str(part(found, "completionStats", WHO).get(field, ""))
    return int(value) if value.isdecimal() else 0


def result(found: Mapping[str, Any]) -> BatchResult:
    """How a job stands, with its progress as far as it is told."""
    job, busy = text(found, "name", WHO), _state(found) in _BUSY
    counts = {"scored": "successfulCount", "failed": "failedCount", "left": "incompleteCount"}
    told = ", ".join(f"{what}: {count:,}" for what, field in counts.items() if (count := _count(found, field)))
    said = f"{WHO} says {_state(found)}.{f' Rows {told}.' if told else ''}"
    handle = json.dumps({"job": job, "model": _bare(text(found, "model", WHO))})
    return BatchResult(not busy, job.rpartition("/")[2], handle, None, _POLL_SECONDS if busy else None, said)
