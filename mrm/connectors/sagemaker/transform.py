"""A data set scored by SageMaker: one transform job, named by the batch that it is for, over files in our bucket."""

import json
from collections.abc import Iterable, Mapping
from typing import IO, Any

from ..answers import BatchResult
from ..errors import Conflict, Integrity, Invalid, NotFound
from ..names import hashed
from ..values import ArtifactFile, Batch, Op
from . import plan
from .api import Bucket, Sagemaker, text

BUSY = {"InProgress", "Stopping"}
_POLL_SECONDS = 10.0
# the row's place is kept from the model and joined again to what the model says of the row; the score is the last it says
_JOINED = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}


def name(endpoint: str, batch: Batch) -> str:
    """The same batch is the same job."""
    return f"{plan.prefix(endpoint)}-{hashed(endpoint, batch.key)[:24]}"


def folders(batch: Batch) -> tuple[str, str]:
    """Where the rows lie, and where the scores come."""
    return f"batches/{batch.key}/rows", f"batches/{batch.key}/scores"


def answer(file: str) -> str:
    """What SageMaker calls the scores of a file."""
    return f"{file}.out"


def job(endpoint: str, model: str, batch: Batch, bucket: Bucket, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The input of CreateTransformJob: every file of the batch, line by line."""
    source, target = (bucket.uri(each) for each in folders(batch))
    data = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source}}
    return {
        "TransformJobName": name(endpoint, batch),
        "ModelName": model,
        "TransformInput": {"DataSource": data, "ContentType": "text/csv", "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": target, "Accept": "text/csv", "AssembleWith": "Line"},
        "DataProcessing": _JOINED,
        "TransformResources": {"InstanceType": settings["instance_type"], "InstanceCount": settings["instances"]},
    }


class Transforms:
    """The jobs and their files."""

    def __init__(self, sagemaker: Sagemaker, bucket: Bucket) -> None:
        self._sagemaker, self._bucket = sagemaker, bucket

    def stage(self, batch: Batch, file: ArtifactFile, content: IO[bytes], op: Op) -> None:
        """Put a file where the job reads it; one that lies there already is left."""
        rows, _ = folders(batch)
        if self._bucket.checksum(rows, file.name, op) != file.digest:
            self._bucket.put(rows, file, content, op)
        self._require_as_sent(rows, file, op)

    def find(self, endpoint: str, batch: Batch) -> BatchResult | None:
        """The job of a batch, however it stands; None where there is none."""
        found = self._sagemaker.found("DescribeTransformJob", {"TransformJobName": name(endpoint, batch)})
        if found is None:
            return None
        handle = _handle(text(found, "TransformJobName"), text(found, "ModelName"))
        return _result(found, handle)

    def describe(self, waited: Mapping[str, Any], op: Op | None = None) -> dict[str, Any]:
        return self._sagemaker.call("DescribeTransformJob", {"TransformJobName": waited["TransformJobName"]}, op)

    def cancel(self, handle: str, op: Op) -> BatchResult:
        """Stop the job; one that has ended stays as it ended."""
        waited = read(handle)
        found = self.describe(waited, op)
        if text(found, "TransformJobStatus") == "InProgress":
            self._sagemaker.call("StopTransformJob", {"TransformJobName": waited["TransformJobName"]}, op)
            found = self.describe(waited, op)
        return _result(found, handle)

    def fetch(self, batch: Batch, file: ArtifactFile, target: IO[bytes]) -> None:
        """The scores of a file, while the rows that were scored are those that were sent."""
        rows, scores = folders(batch)
        self._require_as_sent(rows, file)
        try:
            self._bucket.get(scores, answer(file.name), target)
        except NotFound:
            raise Invalid(f"SageMaker left no scores for {file.name}.") from None

    def clear(self, batch: Batch, names: Iterable[str], op: Op) -> None:
        rows, scores = folders(batch)
        for each in names:
            self._bucket.remove(rows, each, op)
            self._bucket.remove(scores, answer(each), op)

    def _require_as_sent(self, rows: str, file: ArtifactFile, op: Op | None = None) -> None:
        if self._bucket.checksum(rows, file.name, op) != file.digest:
            raise Integrity(f"The bucket shows other rows in {file.name} than those that were sent.")


def submitted(body: Mapping[str, Any], digest: str, said: str) -> BatchResult:
    """The answer about a job that was just asked for."""
    job = body["TransformJobName"]
    return BatchResult(False, job, _handle(job, body["ModelName"]), digest, _POLL_SECONDS, said)


def read(given: str) -> dict[str, str]:
    """What a handle holds: the job and its model."""
    try:
        found = json.loads(given)
        return {field: str(found[field]) for field in ("TransformJobName", "ModelName")}
    except (ValueError, KeyError, TypeError):
        raise Invalid("This is no handle of a batch at SageMaker.") from None


def waiting(found: Mapping[str, Any], handle: str) -> BatchResult | None:
    """What to say while the job has not ended, or None; raises where it ended otherwise than with every row scored."""
    result = _result(found, handle)
    if not result.done:
        return result
    if text(found, "ModelName") != read(handle)["ModelName"]:
        raise Conflict("SageMaker shows another model behind this job than the one that was asked for.")
    status = text(found, "TransformJobStatus")
    if status == "Failed":
        raise Invalid(f"SageMaker says Failed: {str(found.get('FailureReason') or 'without a reason')[:300]}")
    if status == "Stopped":
        raise Conflict("Somebody stopped the job at SageMaker before every row was scored.")
    return None


def _handle(job: str, model: str) -> str:
    return json.dumps({"TransformJobName": job, "ModelName": model})


def _result(found: Mapping[str, Any], handle: str) -> BatchResult:
    status = text(found, "TransformJobStatus")
    busy = status in BUSY
    said = f"SageMaker says {status}."
    return BatchResult(not busy, text(found, "TransformJobName"), handle, None, _POLL_SECONDS if busy else None, said)
