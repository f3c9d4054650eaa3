"""An authenticator app and a security key in software: they compute what the real ones do."""

import hashlib
import json
import struct
import time
from dataclasses import dataclass, field
from typing import Any

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from django.conf import settings
from fido2 import cbor
from fido2.cose import ES256, EdDSA
from fido2.utils import websafe_encode

from mrm.access import services
from mrm.access.models import Account, Factor, Method
from tests.factories.access import PASSWORD, fresh, with_password

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def by_password(secret: str = PASSWORD) -> services.Proof:
    return services.Proof(Method.PASSWORD, secret=secret)


def code_of(secret: str, ahead: int = 0) -> str:
    """What the app shows now, or some periods from now."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + ahead))


def with_app(account: Account) -> tuple[Any, str]:
    """The account with an authenticator app, and the app's secret. The code of this period is not used yet."""
    account = account if account.has_usable_password() else with_password(fresh(account))
    secret, token = services.begin_enrolment(account, proof=by_password(), actor=account)
    services.enrol_totp(account, token=token, code=code_of(secret, -1), actor=account)
    return fresh(account), secret


@dataclass
class Key:
    """A security key: one credential, a counter, and buttons for every way to misbehave."""

    origin: str = ""
    party: str = ""
    flags: int = PRESENT | VERIFIED
    counter: int = 0
    steps: int = 1
    edwards: bool = False
    credential: bytes = field(default_factory=lambda: hashlib.sha256(str(time.perf_counter_ns()).encode()).digest())

    def __post_init__(self) -> None:
        self.origin = self.origin or settings.KEY_ORIGIN
        self.party = self.party or settings.RELYING_PARTY
        self.private: Any = (
            ed25519.Ed25519PrivateKey.generate() if self.edwards else ec.generate_private_key(ec.SECP256R1())
        )

    @property
    def public(self) -> dict[int, Any]:
        kind = EdDSA if self.edwards else ES256
        return dict(kind.from_cryptography_key(self.private.public_key()))

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """What the browser answers when a key is made."""
        held = bytes(16) + struct.pack(">H", len(self.credential)) + self.credential + cbor.encode(self.public)
        made = cbor.encode({"fmt": "none", "attStmt": {}, "authData": self._data(ATTESTED) + held})
        told = {
            "clientDataJSON": self._client("webauthn.create", options["publicKey"]["challenge"]),
            "attestationObject": websafe_encode(made),
        }
        return self._as_credential(told)

    def get(self, challenge: str) -> dict[str, Any]:
        """What the browser answers when the key signs a challenge."""
        self.counter += self.steps
        data, client = self._data(0), self._client("webauthn.get", challenge)
        signed = data + hashlib.sha256(_bytes(client)).digest()
        signature = self.private.sign(signed) if self.edwards else self.private.sign(signed, ec.ECDSA(hashes.SHA256()))
        told = {
            "authenticatorData": websafe_encode(data),
            "clientDataJSON": client,
            "signature": websafe_encode(signature),
        }
        return self._as_credential(told)

    def _data(self, flags: int) -> bytes:
        party = hashlib.sha256(self.party.encode()).digest()
        return party + bytes([self.flags | flags]) + struct.pack(">I", self.counter)

    def _client(self, kind: str, challenge: str) -> str:
        told = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return websafe_encode(json.dumps(told).encode())

    def _as_credential(self, response: dict[str, str]) -> dict[str, Any]:
        name = websafe_encode(self.credential)
        return {"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}}


def _bytes(text: str) -> bytes:
    from fido2.utils import websafe_decode

    return websafe_decode(text)


def enrolled(account: Account, key: Key, name: str = "Blue key") -> Factor:
    """Set the key up for the account."""
    options, token = services.begin_key(account, proof=by_password(), actor=account)
    return services.enrol_key(account, token=token, name=name, answer=key.create(options), actor=account)


def with_key(account: Account, **given: Any) -> tuple[Any, Key]:
    """The account with a security key."""
    account = account if account.has_usable_password() else with_password(fresh(account))
    key = Key(**given)
    enrolled(account, key)
    return fresh(account), key
