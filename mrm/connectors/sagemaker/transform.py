"""A data set scored by SageMaker: one transform job, named by the attempt that asked for it."""

import json
import re
from collections.abc import Mapping
from typing import Any

from ..errors import Conflict, Invalid
from ..names import hashed
from ..values import Op
from . import plan

_PLACE = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+")
BUSY = {"InProgress", "Stopping"}


def name(endpoint: str, op: Op) -> str:
    """The same attempt is the same job."""
    return f"{plan.prefix(endpoint)}-{hashed(endpoint, op.idempotency_key)[:24]}"


def job(endpoint: str, model: str, source: str, target: str, settings: Mapping[str, Any], op: Op) -> dict[str, Any]:
    """The input of CreateTransformJob: rows of CSV under `source`, a line of `target` for each."""
    for what, place in (("source", source), ("target", target)):
        if not _PLACE.fullmatch(place):
            raise Invalid(f"The {what} of a batch at SageMaker is an address s3://bucket/folder, not {place[:100]}.")
    data = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source}}
    return {
        "TransformJobName": name(endpoint, op),
        "ModelName": model,
        "TransformInput": {"DataSource": data, "ContentType": "text/csv", "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": target, "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": settings["instance_type"], "InstanceCount": settings["instances"]},
    }


def handle(job: str, model: str, *, stopped: bool = False) -> str:
    return json.dumps({"TransformJobName": job, "ModelName": model, "stopped": stopped})


def read(given: str) -> dict[str, Any]:
    """What `handle` wrote."""
    try:
        found = json.loads(given)
        return {
            "TransformJobName": str(found["TransformJobName"]),
            "ModelName": str(found["ModelName"]),
            "stopped": found["stopped"] is True,
        }
    except (ValueError, KeyError, TypeError):
        raise Invalid("This is no handle of a batch at SageMaker.") from None


def settled(found: Mapping[str, Any], status: str, waited: Mapping[str, Any]) -> str:
    """What to tell of a job that has ended as it was wanted; raises where it has not."""
    if found.get("ModelName") != waited["ModelName"]:
        raise Conflict("SageMaker shows another model behind this job than the one that was asked for.")
    if status == "Failed":
        raise Invalid(f"SageMaker says Failed: {str(found.get('FailureReason') or 'without a reason')[:300]}")
    if status == "Stopped" and not waited["stopped"]:
        raise Conflict("Somebody stopped the job before every row was scored.")
    return f"SageMaker says {status}."
