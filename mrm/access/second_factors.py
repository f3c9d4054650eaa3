"""The mathematics of second factors: time-based codes (RFC 6238) and the answers of security keys (WebAuthn)."""

import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings
from fido2 import cbor
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

PERIOD_S = 30
ALGORITHMS = {-7, -8, -257}  # ES256, EdDSA, RS256: every device has one, and the offline verifier checks these
SKEW = 1  # the clocks of phone and server may differ by this many periods
# what parsing an answer raises that is not one
MALFORMED = (ValueError, TypeError, KeyError, AttributeError, IndexError, struct.error)


class Unanswered(Exception):
    """The answer of a security key does not hold; the words say why."""


@dataclass(frozen=True)
class Answer:
    """A verified answer: which credential gave it, how often it had answered, and all that another needs to verify it."""

    credential: str
    counter: int
    evidence: dict[str, str]


@dataclass(frozen=True)
class NewKey:
    """A verified registration."""

    credential: str
    counter: int
    public_key: bytes


def step_of(secret: str, code: str, *, now: float | None = None) -> int | None:
    """The time step that the code belongs to, within the tolerated skew; None when to none."""
    current = int(now if now is not None else time.time()) // PERIOD_S
    for step in range(current - SKEW, current + SKEW + 1):
        if compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, step))):
            return step
    return None


def creation_options(*, handle: bytes, name: str, display: str, known: list[bytes]) -> tuple[dict[str, Any], str]:
    """What a browser needs to make a key, and the challenge that its answer must hold."""
    user = PublicKeyCredentialUserEntity(id=handle, name=name, display_name=display)
    options, state = _server().register_begin(
        user,
        credentials=[_described(credential) for credential in known],
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(options), state["challenge"]


def created(answer: Mapping[str, Any], challenge: str) -> NewKey:
    """The key that was made for the challenge."""
    state = {"challenge": challenge, "user_verification": UserVerificationRequirement.REQUIRED}
    try:
        data = _server().register_complete(state, RegistrationResponse.from_dict(answer))
    except MALFORMED as error:
        raise Unanswered(_in_words(error)) from error
    made = data.credential_data
    if made is None or made.public_key.ALGORITHM not in ALGORITHMS:
        raise Unanswered("its key is of a kind that is not taken")
    return NewKey(websafe_encode(made.credential_id), data.counter, cbor.encode(dict(made.public_key)))


def request_options(challenge: bytes, known: list[bytes]) -> dict[str, Any]:
    """What a browser needs to have a key answer the challenge."""
    options, _ = _server().authenticate_begin(
        credentials=[_described(credential) for credential in known],
        user_verification=UserVerificationRequirement.REQUIRED,
        challenge=challenge,
    )
    return dict(options)


def answered(answer: Mapping[str, Any], challenge: bytes, keys: list[AttestedCredentialData]) -> Answer:
    """The answer of one of the keys to the challenge: origin, relying party, presence, verification and signature hold."""
    state = {"challenge": websafe_encode(challenge), "user_verification": UserVerificationRequirement.REQUIRED}
    try:
        given = AuthenticationResponse.from_dict(answer)
        key = _server().authenticate_complete(state, keys, given)
    except MALFORMED as error:
        raise Unanswered(_in_words(error)) from error
    told = given.response
    evidence = {
        "credential_id": websafe_encode(key.credential_id),
        "public_key": websafe_encode(cbor.encode(dict(key.public_key))),
        "authenticator_data": websafe_encode(bytes(told.authenticator_data)),
        "client_data": websafe_encode(bytes(told.client_data)),
        "signature": websafe_encode(told.signature),
    }
    return Answer(evidence["credential_id"], told.authenticator_data.counter, evidence)


def registered_key(credential: Mapping[str, Any]) -> AttestedCredentialData:
    """The public key within a registration as it is kept."""
    data = RegistrationResponse.from_dict(credential).response.attestation_object.auth_data.credential_data
    assert data is not None  # what was kept was verified
    return data


def decoded(text: str) -> bytes:
    return websafe_decode(text)


def _server() -> Fido2Server:
    """Ours, at exactly one origin."""
    party = PublicKeyCredentialRpEntity(id=settings.RELYING_PARTY, name=settings.BANK_NAME)
    server = Fido2Server(party, attestation=None, verify_origin=lambda origin: origin == settings.KEY_ORIGIN)
    server.allowed_algorithms = [each for each in server.allowed_algorithms if each.alg in ALGORITHMS]
    return server


def _described(credential: bytes) -> Any:
    return {"type": "public-key", "id": credential}


def _in_words(error: Exception) -> str:
    told = str(error)
    for part, words in (
        ("Unknown credential", "it is not one of yours"),
        ("Wrong challenge", "it answered something else"),
        ("origin", "it answered another site"),
        ("RP ID", "it answered another site"),
        ("erification required", "it did not verify that it is you"),
        ("User Present", "nobody touched it"),
        ("signature", "its signature does not hold"),
    ):
        if part in told:
            return words
    return "its answer cannot be read"
