"""A message under an Ed25519 signature, in a DSSE envelope: the payload travels as the bytes that were signed."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class NotSealed(Exception):
    """No envelope of this kind, or not sealed with this key; the words say which."""


def new_key() -> bytes:
    """A private key for envelopes, as PEM."""
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_of(private: bytes) -> bytes:
    """The public half of a private key, as PEM."""
    return (
        _private(private)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def sealed(content: Mapping[str, Any], kind: str, private: bytes) -> dict[str, Any]:
    """The envelope of a JSON object; `kind` keeps one sort of message from being taken for another."""
    payload = json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
    signature = _private(private).sign(_to_sign(payload, kind))
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": kind,
        "signatures": [{"sig": base64.b64encode(signature).decode()}],
    }


def opened(envelope: Any, kind: str, public: bytes) -> dict[str, Any]:
    """The content of a genuine envelope, or NotSealed."""
    try:
        payload = base64.b64decode(envelope["payload"], validate=True)
        signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
        named = envelope["payloadType"]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise NotSealed("it carries no signature") from error
    if named != kind:
        raise NotSealed(f"it is a {named} where a {kind} is due")
    key = serialization.load_pem_public_key(public)
    if not isinstance(key, Ed25519PublicKey):
        raise NotSealed("the key to check it with is no Ed25519 key")
    try:
        key.verify(signature, _to_sign(payload, kind))
    except InvalidSignature as error:
        raise NotSealed("its signature does not fit: it was changed, or another key signed it") from error
    content: dict[str, Any] = json.loads(payload)
    return content


def _to_sign(payload: bytes, kind: str) -> bytes:
    """DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(payload), payload)


def _private(pem: bytes) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        raise NotSealed("the key to sign with is no private key in PEM") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise NotSealed("the key to sign with is no Ed25519 key")
    return key
