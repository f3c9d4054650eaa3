"""Signed statements about files, in the layout that other tools verify offline.

An in-toto statement (v1) whose subject is the digest over the files' digests, in a DSSE envelope, in a
Sigstore bundle (v0.3) with the hash of the public key as its hint. The predicate of a model's signature is
that of OpenSSF model signing 1.0, so its own command verifies what is signed here; keys are ECDSA P-256.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SIGNATURE = "https://model_signing/signature/v1.0"
APPROVAL = "urn:mrm:approval:v1"
_STATEMENT = "https://in-toto.io/Statement/v1"
_PAYLOAD = "application/vnd.in-toto+json"
_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


class NotGenuine(Exception):
    """The statement was not signed by this key, or does not hang together."""


def new_key() -> bytes:
    """A private key for statements, as PEM."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_of(private: bytes) -> bytes:
    """The public half of a private key, as PEM."""
    return _pem(_private(private).public_key())


def subject_digest(files: Mapping[str, str]) -> str:
    """SHA-256 over the files' SHA-256 (hex), in the order of their names: what both statements are about."""
    return hashlib.sha256(b"".join(bytes.fromhex(files[name]) for name in sorted(files))).hexdigest()


def model_statement(name: str, files: Mapping[str, str]) -> dict[str, Any]:
    """Which files make up a model: file name to SHA-256 in hex."""
    resources = [{"name": each, "algorithm": "sha256", "digest": files[each]} for each in sorted(files)]
    how = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": []}
    return _statement(name, files, SIGNATURE, {"serialization": how, "resources": resources})


def approval_statement(name: str, files: Mapping[str, str], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Who approved the same files for what, until when."""
    return _statement(name, files, APPROVAL, dict(facts))


def sign(statement: Mapping[str, Any], private: bytes) -> dict[str, Any]:
    """The bundle of a statement signed with a private key."""
    key = _private(private)
    payload = json.dumps(statement, sort_keys=True, ensure_ascii=False).encode()
    signature = key.sign(_to_sign(payload), ec.ECDSA(hashes.SHA256()))
    return {
        "mediaType": _BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": _hint(_pem(key.public_key()))}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": _PAYLOAD,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }


def verify(bundle: Mapping[str, Any], public: bytes) -> dict[str, Any]:
    """The statement of a bundle, or NotGenuine with what is wrong with it."""
    try:
        envelope = bundle["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"], validate=True)
        signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
        hint, kind = bundle["verificationMaterial"]["publicKey"]["hint"], envelope["payloadType"]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise NotGenuine("This is no bundle of a signed statement.") from error
    if hint != _hint(public):
        raise NotGenuine("The statement names another key than this one.")
    key = serialization.load_pem_public_key(public)
    try:
        if not isinstance(key, ec.EllipticCurvePublicKey) or kind != _PAYLOAD:
            raise NotGenuine("The statement or the key is of another kind.")
        key.verify(signature, _to_sign(payload), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise NotGenuine("The signature does not fit the statement: one of them was changed.") from error
    statement: dict[str, Any] = json.loads(payload)
    return statement


def _statement(name: str, files: Mapping[str, str], kind: str, predicate: dict[str, Any]) -> dict[str, Any]:
    subject = {"name": name, "digest": {"sha256": subject_digest(files)}}
    return {"_type": _STATEMENT, "subject": [subject], "predicateType": kind, "predicate": predicate}


def _to_sign(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is signed cannot be read as another type."""
    return b"DSSEv1 %d %s %d %s" % (len(_PAYLOAD), _PAYLOAD.encode(), len(payload), payload)


def _hint(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()


def _pem(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _private(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise NotGenuine("Statements are signed with an ECDSA key on the curve P-256.")
    return key
