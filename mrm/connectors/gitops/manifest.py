"""What stands in the repository for an endpoint: a manifest, and a signed statement about it."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import yaml
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from jsonschema import Draft202012Validator

from ..answers import ObservedVariant
from ..errors import Invalid
from ..values import Desired, Variant

API = "mrm/v1"
_PAYLOAD = "application/vnd.in-toto+json"
_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_VARIANT = {
    "type": "object",
    "required": ["role", "model", "version", "digest", "uri", "weight_bp", "mirror_bp", "approval_id"],
    "properties": dict.fromkeys(["role", "model", "version", "digest", "uri", "approval_id"], _TEXT)
    | dict.fromkeys(["weight_bp", "mirror_bp"], _NUMBER),
}
_MANIFEST = Draft202012Validator(
    {
        "type": "object",
        "required": ["api", "endpoint", "deployment", "revision", "variants"],
        "properties": {
            "api": {"const": API},
            "endpoint": _TEXT,
            "deployment": _TEXT,
            "revision": _NUMBER,
            "variants": {"type": "array", "minItems": 1, "items": _VARIANT},
        },
    }
)


class Signer:
    """Signs with a key of ours and knows its own signature again. Its repr shows no key."""

    def __init__(self, pem: str) -> None:
        try:
            key = load_pem_private_key(pem.encode(), None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise Invalid("The signing secret is not a private key in PEM without a password.") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise Invalid("The signing secret is not an Ed25519 key.")
        self._key = key
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = hashlib.sha256(raw).hexdigest()

    def statement(self, manifest: bytes) -> bytes:
        """A DSSE envelope around an in-toto statement; the same manifest gives the same bytes."""
        payload = _statement(manifest)
        signature = {"keyid": self.key_id, "sig": _b64(self._key.sign(_envelope(payload)))}
        envelope = {"payloadType": _PAYLOAD, "payload": _b64(payload), "signatures": [signature]}
        return json.dumps(envelope, indent=1, sort_keys=True).encode() + b"\n"

    def fits(self, statement: bytes, manifest: bytes) -> bool:
        """Whether the statement is ours and speaks of this manifest."""
        try:
            found = json.loads(statement)
            payload, signature = base64.b64decode(found["payload"]), base64.b64decode(found["signatures"][0]["sig"])
            self._key.public_key().verify(signature, _envelope(payload))
        except (ValueError, KeyError, IndexError, TypeError, InvalidSignature):
            return False
        return payload == _statement(manifest)


def written(desired: Desired) -> bytes:
    """The manifest, always the same bytes for the same plan."""
    content = {
        "api": API,
        "endpoint": desired.endpoint,
        "deployment": desired.deployment,
        "revision": desired.revision,
        "variants": [_variant(variant) for variant in desired.variants],
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000).encode()


def read(content: bytes) -> dict[str, Any]:
    """A manifest, or Invalid where it is none of ours."""
    try:
        found = yaml.safe_load(content)
    except yaml.YAMLError:
        raise Invalid("The manifest in the repository is not YAML.") from None
    error = next(_MANIFEST.iter_errors(found), None)
    if error is not None:
        field = ".".join(str(part) for part in error.absolute_path) or "its top"
        raise Invalid(f"The manifest in the repository is not understood at {field} ({error.validator}).")
    return dict(found)


def observed(manifest: Mapping[str, Any], reason: str) -> tuple[ObservedVariant, ...]:
    """The variants as declared; which bytes run is not seen from here."""
    return tuple(
        ObservedVariant(
            name=item["model"],
            version=item["version"],
            digest=None,
            ready=not reason,
            weight_bp=item["weight_bp"],
            managed=True,
            role=item["role"],
            reason=reason,
            mirror_bp=item["mirror_bp"],
        )
        for item in manifest["variants"]
    )


def _variant(variant: Variant) -> dict[str, Any]:
    version = variant.version
    return {
        "role": str(variant.role),
        "model": version.model,
        "version": version.version,
        "approval_id": version.approval_id,
        "digest": version.artifact.digest,
        "format": version.artifact.format,
        "uri": version.artifact.uri,
        "files": [{"name": f.name, "digest": f.digest, "size": f.size} for f in version.artifact.files],
        "features": list(version.features),
        "weight_bp": variant.weight_bp,
        "mirror_bp": variant.mirror_bp,
    }


def _statement(manifest: bytes) -> bytes:
    """What is signed: the digests of the manifest and of everything it names, and the approvals."""
    found = read(manifest)
    named = [{"name": v["uri"], "digest": {"sha256": v["digest"]}} for v in found["variants"]]
    subject = [{"name": "manifest", "digest": {"sha256": hashlib.sha256(manifest).hexdigest()}}, *named]
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": "mrm/deployment/v1",
        "predicate": {
            "deployment": found["deployment"],
            "revision": found["revision"],
            "approvals": [v["approval_id"] for v in found["variants"]],
        },
    }
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _envelope(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(_PAYLOAD), _PAYLOAD.encode(), len(payload), payload)


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()
