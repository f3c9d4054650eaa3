"""What scores a batch, in the words of Azure Machine Learning. Names follow from content: equal content, equal name."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import Invalid
from ..names import hashed
from ..reading import part, text
from ..values import Batch
from . import plan
from .plan import WHO

SCRIPT = Path(__file__).with_name("scoring.py").read_bytes()
SCRIPT_DIGEST = hashlib.sha256(SCRIPT).hexdigest()
SCRIPT_NAME = "score.py"
DATASTORE = "workspaceblobstore"  # of every workspace, in its own storage account
FORMAT = "onnx"
_ENDPOINT, _DEPLOYMENT = "mrm.endpoint", "mrm.deployment"
_VERSION, _DIGEST, _SCRIPT = "mrm.version", "mrm.digest", "mrm.script"
_DIGEST_VARIABLE, _SCRIPT_VARIABLE, _FEATURES_VARIABLE = "MRM_DIGEST", "MRM_SCRIPT", "MRM_FEATURES"
# what decides how a batch is scored; an address or a time limit gives no new deployment
_SCORING = ("storage", "batches", "batch_datastore", "cluster", "environment", "batch_environment")


@dataclass(frozen=True)
class Scores:
    """Where one job writes: the deployment that was asked, which bytes were seen just before, and which attempt it is."""

    deployment: str
    stamp: str
    attempt: str

    @classmethod
    def new(cls, deployment: str, stamp: str) -> "Scores":
        return cls(deployment, stamp, secrets.token_hex(8))

    @classmethod
    def of(cls, name: str) -> "Scores | None":
        words = name.split(".")
        return cls(*words) if len(words) == 3 and all(words) else None

    def __str__(self) -> str:
        return f"{self.deployment}.{self.stamp}.{self.attempt}"


def require_fit(batch: Batch) -> None:
    """Our script opens ONNX and nothing else."""
    if batch.format != FORMAT:
        raise Invalid(
            f"{WHO} scores batches with {FORMAT.upper()} models alone, and version {batch.version} is"
            f" {batch.format or 'of no known format'}; let a worker score it."
        )


def endpoint_name(endpoint: str, path: str) -> str:
    """Unique in the region, and not the name of an online endpoint of ours."""
    return f"b-{hashed(path.lower(), endpoint)[:30]}"


def code_name(config: Mapping[str, Any]) -> str:
    return f"mrm-{hashed(SCRIPT_DIGEST, str(config['batches']))[:40]}"


def deployment_name(version: str, digest: str, features: str, config: Mapping[str, Any]) -> str:
    settings = json.dumps({name: config.get(name) for name in _SCORING}, sort_keys=True)
    return f"v-{hashed(version, digest, features, SCRIPT_DIGEST, settings)[:28]}"


def code_folder() -> str:
    return f"code/{SCRIPT_DIGEST}/"


def code(uri: str) -> dict[str, Any]:
    return {"properties": {"codeUri": uri, "properties": {_SCRIPT: SCRIPT_DIGEST}}}


def endpoint(owner: tuple[str, str], config: Mapping[str, Any]) -> dict[str, Any]:
    """A batch endpoint with the online endpoint and the deployment of ours that it belongs to."""
    return {
        "location": config["location"],
        "tags": {_ENDPOINT: owner[0], _DEPLOYMENT: owner[1]},
        "properties": {"authMode": "AADToken"},
    }


def owner(found: Mapping[str, Any]) -> tuple[str, str]:
    tags = part(found, "tags", WHO)
    return str(tags.get(_ENDPOINT, "")), str(tags.get(_DEPLOYMENT, ""))


def cluster(path: str, config: Mapping[str, Any]) -> str:
    named = str(config["cluster"])
    return named if named.startswith("/") else f"{path}/computes/{named}"


def deployment(version: str, digest: str, features: str, path: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The script over the registered model of a version, one file at a time, on one node; a file that fails ends it all."""
    return {
        "location": config["location"],
        "properties": {
            "codeConfiguration": {
                "codeId": f"{path}/codes/{code_name(config)}/versions/1",
                "scoringScript": SCRIPT_NAME,
            },
            "compute": cluster(path, config),
            "environmentId": config.get("batch_environment", config["environment"]),
            "environmentVariables": {
                _DIGEST_VARIABLE: digest,
                _SCRIPT_VARIABLE: SCRIPT_DIGEST,
                _FEATURES_VARIABLE: features,
            },
            "errorThreshold": 0,
            "loggingLevel": "Info",
            "maxConcurrencyPerInstance": 1,
            "miniBatchSize": 1,
            "model": {"referenceType": "Id", "assetId": f"{path}/models/{plan.model_name(digest, config)}/versions/1"},
            "outputAction": "SummaryOnly",
            "properties": {_VERSION: version, _DIGEST: digest},
            "resources": {"instanceCount": 1},
            "retrySettings": {"maxRetries": 3, "timeout": "PT30M"},
        },
    }


def told(found: Mapping[str, Any]) -> tuple[str, str, str]:
    """Version, digest and features of a deployment as it shows them."""
    settings = part(found, "properties", WHO)
    kept, variables = part(settings, "properties", WHO), part(settings, "environmentVariables", WHO)
    return text(kept, _VERSION, WHO), text(kept, _DIGEST, WHO), text(variables, _FEATURES_VARIABLE, WHO)


def altered(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """What of a deployment is not as we wrote it, also where a variable was added, which may decide what is loaded."""
    if field := plan.dropped(wanted, found):
        return f"Its {field} is not as it was deployed."
    here, there = (part(part(each, "properties", WHO), "environmentVariables", WHO) for each in (found, wanted))
    return "" if set(here) == set(there) else "Somebody gave it other environment variables."


def job(datastore: str, rows: str, summary: str) -> dict[str, Any]:
    """A job over a folder of rows. `summary` is Azure's own file; what the script writes lies beside it."""
    return {
        "properties": {
            "inputData": {"rows": {"jobInputType": "UriFolder", "uri": f"{datastore}/paths/{rows}"}},
            "outputData": {"score": {"jobOutputType": "UriFile", "uri": f"{datastore}/paths/{summary}"}},
        }
    }
