"""One SageMaker endpoint per endpoint; its configurations are immutable, so a rollback is an older one."""

import json
from collections.abc import Iterable, Mapping
from typing import IO, Any, ClassVar

from ..base import BaseConnector, refuse_unapproved_bytes
from ..guide import ROWS_ARE_REMOVED
from ..http import Backend
from ..names import short_name
from ..protocol import (
    Artifact,
    ArtifactFile,
    ArtifactStore,
    Batch,
    BatchResult,
    Cap,
    Conflict,
    Desired,
    Integrity,
    Invalid,
    Listed,
    NotFound,
    Observed,
    ObservedVariant,
    Op,
    Page,
    Result,
    Role,
    artifact_digest,
)
from ..settings import ADDRESS, CONNECTION, TEXT
from ..values import require_endpoint
from . import plan, transform
from .api import Bucket, Sagemaker, objects, special, text
from .signing import AmazonAuth, credentials
from .transform import Transforms

_ARN = r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$"
_BUSY = {"Creating", "Updating", "SystemUpdating", "RollingBack"}
_POLL_SECONDS = 10.0
# what decides how a version is served; an address or a time limit gives no new configuration
_SERVING = ("image", "execution_role", "instance_type", "instances", "bucket", "prefix")


class SagemakerConnector(BaseConnector):
    """Signs its own requests; the keys come from a role, or from named secrets."""

    id: ClassVar[str] = "sagemaker"
    title: ClassVar[str] = "Amazon SageMaker"
    guide: ClassVar[tuple[str, ...]] = (
        (
            "For batches the container takes lines of numbers in the order of the version's features and answers a line for"
            " each, of which the last number is the score."
        ),
        "The role that we take on reads, writes and deletes objects under batches/ in the folder of the bucket.",
        ROWS_ARE_REMOVED,
    )
    caps = Cap.DEPLOY | Cap.SPLIT | Cap.SHADOW | Cap.OBSERVE_VERSION | Cap.OBSERVE_DIGEST | Cap.INVENTORY | Cap.BATCH
    most_minutes: ClassVar[float] = 45.0  # machines are started for it
    secret_fields: ClassVar[tuple[str, ...]] = ("access_key_secret", "secret_key_secret")
    config_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["region", "bucket", "image", "execution_role", "instance_type"],
        "dependentRequired": {
            "access_key_secret": ["secret_key_secret"],
            "secret_key_secret": ["access_key_secret"],
        },
        "properties": {
            "region": TEXT | {"pattern": "^[a-z]{2}(-[a-z]+)+-\\d$", "title": "Region", "examples": ["eu-central-1"]},
            "bucket": TEXT
            | {
                "pattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
                "title": "Bucket for the bytes",
                "examples": ["approved-models"],
            },
            "prefix": TEXT | {"pattern": "^[\\w./-]+$", "title": "Folder in the bucket", "examples": ["models"]},
            "image": TEXT
            | {
                "title": "Image of the container, by digest",
                "examples": ["images.bank.example/onnx@sha256:…"],
            },
            "execution_role": TEXT
            | {
                "pattern": _ARN,
                "title": "Role of the endpoint",
                "examples": ["arn:aws:iam::123456789012:role/endpoints"],
            },
            "instance_type": TEXT | {"pattern": "^ml\\.", "title": "Kind of instance", "examples": ["ml.m5.large"]},
            "instances": {"type": "integer", "minimum": 1, "maximum": 100, "title": "Instances per variant"},
            "assume_role": TEXT
            | {
                "pattern": _ARN,
                "title": "Role that we take on",
                "examples": ["arn:aws:iam::123456789012:role/deployer"],
            },
            "access_key_secret": TEXT | {"title": "Name of the secret with the access key"},
            "secret_key_secret": TEXT | {"title": "Name of the secret with the secret key"},
            "base_url": ADDRESS | {"title": "Another address of SageMaker, as a private endpoint"},
            "s3_url": ADDRESS | {"title": "Another address of S3, as a private endpoint"},
            **CONNECTION,
        },
    }

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str], store: ArtifactStore) -> None:
        super().__init__(config, secrets, store)
        self._settings = {"instances": 1} | {name: config[name] for name in _SERVING if name in config}
        region, self._keys = config["region"], credentials(config, secrets)
        self._sagemaker = Sagemaker(
            self._backend("SageMaker", "sagemaker", f"https://api.sagemaker.{region}.amazonaws.com")
        )
        bucket = self._backend("The bucket", "s3", f"https://s3.{region}.amazonaws.com")
        self._bucket = Bucket(bucket, config["bucket"], config.get("prefix", "mrm"))
        self._transforms = Transforms(self._sagemaker, self._bucket)

    def check(self) -> str:
        """Reach SageMaker with our credentials and read its endpoints."""
        objects(self._sagemaker.call("ListEndpoints", {"MaxResults": 1}), "Endpoints")
        return f"SageMaker in {self.config['region']} answers and lets us read its endpoints."

    def observe(self, endpoint: str) -> Observed:
        """The configuration in use, its models, the weights in force, and the bytes' checksums."""
        require_endpoint(endpoint)
        found = self._found(endpoint)
        if found is None:
            return Observed(exists=False)
        name = text(found, "EndpointConfigName")
        config = self._sagemaker.call("DescribeEndpointConfig", {"EndpointConfigName": name})
        reason = _reason(found)
        weights = _weights(found)
        live = [self._variant(item, weights.get(text(item, "VariantName"), 0), reason) for item in _live(config)]
        shadows = objects(config, "ShadowProductionVariants")
        variants = [*live, *(self._variant(item, 0, reason) for item in shadows)]
        return Observed(True, tuple(variants), revision=plan.revision(name))

    def apply(self, desired: Desired, *, op: Op, expect_etag: str | None = None) -> Result:
        """Bytes, models and a configuration under names that follow from their content; then the switch."""
        self.refuse_undeclared(desired, expect_etag)
        refuse_unapproved_bytes(desired)
        wanted = plan.config(desired, self._settings)
        standing = self._found(desired.endpoint, op)
        self._require_ours(desired, standing, wanted["EndpointConfigName"])
        for variant in desired.variants:
            artifact = variant.version.artifact
            for file in artifact.files:
                self._put(artifact, file, op)
            body = plan.model(desired, variant, self._settings, self._bucket.uri(artifact.digest))
            self._create("Model", body, op)
        self._create("EndpointConfig", wanted, op)
        where = {"EndpointName": short_name(desired.endpoint), "EndpointConfigName": wanted["EndpointConfigName"]}
        if standing is None:
            self._sagemaker.call("CreateEndpoint", where | {"Tags": plan.tags(desired)}, op)
        elif (
            standing.get("EndpointStatus") not in _BUSY
            and standing.get("EndpointConfigName") != where["EndpointConfigName"]
        ):
            self._sagemaker.call("UpdateEndpoint", where, op)
        return Result(done=False, handle=json.dumps(where), poll_after=_POLL_SECONDS)

    def poll(self, handle: str) -> Result:
        """Done when the endpoint is in service with our configuration."""
        waited = _handle(handle)
        found = self._sagemaker.found("DescribeEndpoint", {"EndpointName": waited["EndpointName"]})
        status = text(found, "EndpointStatus") if found else "Gone"
        if waited["EndpointConfigName"] is None:
            gone = found is None
            return Result(gone, None if gone else handle, _POLL_SECONDS, f"SageMaker says {status}.")
        if status in _BUSY:
            return Result(False, handle, _POLL_SECONDS, f"SageMaker says {status}.")
        if found is None or status == "Deleting":
            raise Conflict("Somebody deleted the endpoint while it was being changed.")
        if status != "InService":
            raise Invalid(f"SageMaker says {status}: {str(found.get('FailureReason') or 'without a reason')[:300]}")
        if found.get("EndpointConfigName") != waited["EndpointConfigName"]:
            raise Conflict("SageMaker went back to another configuration, or somebody else changed it.")
        return Result(True, message="SageMaker says InService.")

    def delete(self, endpoint: str, *, op: Op) -> Result:
        """Remove the endpoint when it is ours, its configurations and its models; the bytes stay."""
        require_endpoint(endpoint)
        found = self._found(endpoint, op)
        if found is None:
            return Result(done=True, message="There was nothing to remove.")
        name, ours = short_name(endpoint), plan.prefix(endpoint)
        if not plan.from_tags(self._tags(found)):
            return Result(done=True, message="The endpoint of that name is not ours; it stays.")
        self._sagemaker.call("DeleteEndpoint", {"EndpointName": name}, op)
        for kind in ("EndpointConfig", "Model"):
            field = f"{kind}Name"
            for item in self._sagemaker.pages(f"List{kind}s", f"{kind}s", {"NameContains": ours}):
                if text(item, field).startswith(ours):
                    self._sagemaker.call(f"Delete{kind}", {field: text(item, field)}, op)
        handle = json.dumps({"EndpointName": name, "EndpointConfigName": None})
        return Result(done=False, handle=handle, poll_after=_POLL_SECONDS)

    def predict(self, endpoint: str, version: str | None, body: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        raise self.unsupported("scoring; ask the endpoint through the gateway")

    def stage_batch(self, batch: Batch, file: ArtifactFile, content: IO[bytes], *, op: Op) -> None:
        """Put a file of rows into the bucket; the store keeps it only with the bytes of its digest."""
        self._transforms.stage(batch, file, content, op)

    def find_batch(self, endpoint: str, batch: Batch) -> BatchResult | None:
        """The transform job of this batch, whether it runs or has ended; None when none was made."""
        require_endpoint(endpoint)
        return self._transforms.find(endpoint, batch)

    def submit_batch(self, endpoint: str, batch: Batch, *, op: Op) -> BatchResult:
        """Score the files of a batch with the champion that serves there, once it is the version and bytes of the batch."""
        require_endpoint(endpoint)
        if (found := self._found(endpoint, op)) is None:
            raise NotFound(f"Nothing serves at {endpoint}; deploy the version first.")
        config = self._sagemaker.call(
            "DescribeEndpointConfig", {"EndpointConfigName": text(found, "EndpointConfigName")}, op
        )
        champions = [each for each in _live(config) if plan.role_of(text(each, "VariantName")) == Role.CHAMPION]
        if len(champions) != 1:
            raise Conflict(f"The endpoint {endpoint} has no champion of ours, so nobody can say what would score.")
        model = text(champions[0], "ModelName")
        seen = self._verified_model(model)
        if (seen.version, seen.digest) != (batch.version, batch.digest):
            raise Conflict(f"The endpoint {endpoint} serves version {seen.version}, not {batch.version} as approved.")
        body = transform.job(endpoint, model, batch, self._bucket, self._settings)
        self._create("TransformJob", body, op)
        return transform.submitted(body, batch.digest, _scores(seen))

    def poll_batch(self, handle: str) -> BatchResult:
        """Done when every row is scored, by the model of the handle, whose bytes are still those it says."""
        waited = transform.read(handle)
        found = self._transforms.describe(waited)
        if result := transform.waiting(found, handle):
            return result
        seen = self._verified_model(waited["ModelName"])
        said = f"SageMaker says {text(found, 'TransformJobStatus')}. {_scores(seen)}"
        return BatchResult(True, waited["TransformJobName"], handle, seen.digest, message=said)

    def cancel_batch(self, handle: str, *, op: Op) -> BatchResult:
        """Stop the job; one that has ended stays as it ended."""
        return self._transforms.cancel(handle, op)

    def fetch_batch(self, batch: Batch, file: ArtifactFile, target: IO[bytes]) -> None:
        """The scores of one file, place and score in each line."""
        self._transforms.fetch(batch, file, target)

    def clear_batch(self, batch: Batch, names: Iterable[str], *, op: Op) -> None:
        """Take rows and scores out of the bucket."""
        self._transforms.clear(batch, names, op)

    def list_models(self, cursor: str | None = None) -> Page:
        """One page of endpoints with what serves behind them, also those of others."""
        asked = {"MaxResults": min(self.page_size, 100), "SortBy": "Name"} | ({"NextToken": cursor} if cursor else {})
        found = self._sagemaker.call("ListEndpoints", asked)
        items = tuple(item for summary in objects(found, "Endpoints") for item in self._listed(summary))
        return Page(items, found.get("NextToken") or None)

    def _backend(self, name: str, service: str, address: str) -> Backend:
        given = self.config.get("s3_url" if service == "s3" else "base_url", address)
        auth = AmazonAuth(service, self.config["region"], self._keys)
        return Backend.configured(name, given, self.config, auth=auth, special=special)

    def _found(self, endpoint: str, op: Op | None = None) -> dict[str, Any] | None:
        name = short_name(endpoint)
        found = self._sagemaker.found("DescribeEndpoint", {"EndpointName": name}, op)
        if found is not None and text(found, "EndpointName") != name:
            raise Invalid("SageMaker described another endpoint than was asked for.")
        return None if found is None or found.get("EndpointStatus") == "Deleting" else found

    def _tags(self, found: Mapping[str, Any], op: Op | None = None) -> list[dict[str, Any]]:
        return objects(self._sagemaker.call("ListTags", {"ResourceArn": text(found, "EndpointArn")}, op), "Tags")

    def _require_ours(self, desired: Desired, standing: dict[str, Any] | None, wanted: str) -> None:
        if standing is None:
            return
        if not plan.is_of(self._tags(standing), desired.deployment):
            raise Conflict(f"The endpoint {desired.endpoint} belongs to somebody else.")
        pending = standing.get("PendingDeploymentSummary") or {}
        name = str(pending.get("EndpointConfigName") or text(standing, "EndpointConfigName"))
        if (plan.revision(name) or 0) > desired.revision:
            raise Conflict(f"The endpoint {desired.endpoint} is already at revision {plan.revision(name)}.")
        if standing.get("EndpointStatus") in _BUSY and name != wanted:
            raise Conflict(f"SageMaker is still changing {desired.endpoint}; wait until it is done.")

    def _put(self, artifact: Artifact, file: ArtifactFile, op: Op) -> None:
        with self.verified(artifact, file) as content:
            if self._bucket.checksum(artifact.digest, file.name, op) == file.digest:
                return
            self._bucket.put(artifact.digest, file, content, op)
        if self._bucket.checksum(artifact.digest, file.name, op) != file.digest:
            raise Integrity("The bucket shows another checksum than that of the bytes that were sent.")

    def _create(self, kind: str, body: dict[str, Any], op: Op) -> None:
        """A name that exists must hold exactly what we would have written: every field is compared."""
        self._sagemaker.create(f"Create{kind}", body, op)
        found = self._sagemaker.call(f"Describe{kind}", {f"{kind}Name": body[f"{kind}Name"]}, op)
        different = [field for field, value in body.items() if not _covers(found.get(field), value)]
        if different:
            raise Conflict(f"SageMaker holds {body[f'{kind}Name']} with another {', '.join(different)}.")

    def _verified_model(self, name: str) -> ObservedVariant:
        """Which version a model is; Integrity unless the bytes it reads are those of its digest."""
        told = plan.told(self._sagemaker.call("DescribeModel", {"ModelName": name}))
        seen = self._variant({"ModelName": name, "VariantName": Role.CHAMPION}, 0, "")
        if not told or seen.reason or seen.digest is None or seen.digest != told.get("digest"):
            raise Integrity(f"The bytes behind {name} are not those of the digest it was made with.")
        return seen

    def _variant(self, item: Mapping[str, Any], weight: int, reason: str) -> ObservedVariant:
        described = self._sagemaker.call("DescribeModel", {"ModelName": text(item, "ModelName")})
        told = plan.told(described)
        if not told:
            return ObservedVariant(text(item, "ModelName"), "", None, not reason, weight, False, reason=reason)
        digest = str(told.get("digest"))
        source = described["PrimaryContainer"].get("ModelDataSource") or {}
        if source.get("S3DataSource", {}).get("S3Uri") != self._bucket.uri(digest):
            reason = reason or "It reads its model from a place that is not ours."
        files = {str(name): self._bucket.checksum(digest, str(name)) for name in told.get("files", [])}
        seen = {name: checksum for name, checksum in files.items() if checksum}
        return ObservedVariant(
            name=str(told.get("model")),
            version=str(told.get("version")),
            digest=artifact_digest(seen) if seen and len(seen) == len(files) else None,
            ready=not reason,
            weight_bp=weight,
            managed=True,
            role=plan.role_of(text(item, "VariantName")),
            reason=reason,
        )

    def _listed(self, summary: Mapping[str, Any]) -> list[Listed]:
        name = text(summary, "EndpointName")
        if summary.get("EndpointStatus") == "Deleting":
            return []
        ours = plan.from_tags(self._tags(summary))
        endpoint = ours.get(plan.ENDPOINT)
        if endpoint is None or short_name(endpoint) != name:
            return [Listed(name, "", None, text(summary, "EndpointArn"), managed=bool(ours))]
        return [
            Listed(endpoint, item.version, item.digest, text(summary, "EndpointArn"), item.managed, (item.role,))
            for item in self.observe(endpoint).variants
        ]


def _scores(seen: ObservedVariant) -> str:
    return f"Version {seen.version} of {seen.name}, digest {seen.digest}."


def _live(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = objects(config, "ProductionVariants")
    if not found:
        raise Invalid("SageMaker's answer has no variants.")
    return found


def _weights(found: Mapping[str, Any]) -> dict[str, int]:
    """The weights in force; before the first instance runs, SageMaker shows none."""
    shown = {text(item, "VariantName"): item.get("CurrentWeight") for item in objects(found, "ProductionVariants")}
    return plan.basis_points({name: float(weight) for name, weight in shown.items() if isinstance(weight, int | float)})


def _reason(found: Mapping[str, Any]) -> str:
    status = text(found, "EndpointStatus")
    if status == "InService":
        return ""
    return f"SageMaker says {status}. {str(found.get('FailureReason') or '')[:300]}".strip()


def _covers(found: Any, wanted: Any) -> bool:
    """Whether what was read back holds all that was written; defaults of the backend do not count."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_covers(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(_covers(a, b) for a, b in zip(found, wanted, strict=True))
        )
    return bool(found == wanted)


def _handle(handle: str) -> dict[str, Any]:
    try:
        found = json.loads(handle)
        return {"EndpointName": str(found["EndpointName"]), "EndpointConfigName": found["EndpointConfigName"]}
    except (ValueError, KeyError, TypeError):
        raise Invalid("This is no handle of the SageMaker connector.") from None
