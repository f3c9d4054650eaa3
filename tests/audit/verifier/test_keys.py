"""Votes by security key are verified offline: the answer is to the statement, and the key was its owner's."""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from fido2 import cbor
from fido2.cose import RS256
from fido2.utils import websafe_encode
from hypothesis import given, settings
from hypothesis import strategies as st

from mrm.core.canonical import digest
from tests.audit.verifier.loaded import verify
from tests.audit.verifier.story import Story, bank, decide, key_of, submit, vote
from tests.audit.verifier.test_duties import duties
from tests.factories.factors import Key


def told(key: Key, challenge: bytes) -> dict[str, str]:
    """The evidence as a vote keeps it."""
    answer = key.get(websafe_encode(challenge))
    return {
        "credential_id": answer["id"],
        "public_key": websafe_encode(cbor.encode(key.public)),
        "authenticator_data": answer["response"]["authenticatorData"],
        "client_data": answer["response"]["clientDataJSON"],
        "signature": answer["response"]["signature"],
    }


def enrol(story: Story, key: Key, name: str) -> None:
    details = {
        "credential_id": websafe_encode(key.credential),
        "public_key_digest": hashlib.sha256(cbor.encode(key.public)).hexdigest(),
    }
    story.event("access.enrol_key", ("access.account", key_of(f"account {name}")), actor=name, details=details,
                person=key_of(name))  # fmt: skip
    story.pass_time()


def by_key(key: Key, change: Callable[[dict[str, str]], None] = lambda _: None) -> dict[str, Any]:
    """The columns of a vote by key; the statement is the one the story writes for rita."""
    from tests.audit.verifier.story import PEOPLE, POLICY, SUBJECT_DIGEST

    role = PEOPLE["rita"][1]
    statement = {
        "decision": "approve", "rationale": "Evidence read.", "conditions": [], "subject_digest": SUBJECT_DIGEST,
        "person": key_of("rita"), "role": role, "roles": [role], "principal": "", "name": "Rita",
        "policy_digest": digest(POLICY),
    }  # fmt: skip
    evidence = told(key, bytes.fromhex(digest(statement)))
    change(evidence)
    return {"method": "webauthn", "evidence": evidence}


def walked(key: Key, change: Callable[[dict[str, str]], None] = lambda _: None, owner: str = "rita") -> str:
    story = bank()
    if owner:
        enrol(story, key, owner)
    submit(story)
    vote(story, "rita", **by_key(key, change))
    decide(story, "adam")
    return duties(story)


@pytest.mark.parametrize("edwards", [False, True])
def test_a_vote_by_key_follows(edwards: bool) -> None:
    key = Key(origin="https://mrm.bank.example", party="bank.example", edwards=edwards)
    assert walked(key) == "OK 1 decisions follow from their votes and pinned policies"


def altered(name: str) -> Callable[[dict[str, str]], None]:
    def change(evidence: dict[str, str]) -> None:
        content = bytearray(base64.urlsafe_b64decode(evidence[name] + "=="))
        content[-1] ^= 1
        evidence[name] = websafe_encode(bytes(content))

    return change


def of_another(evidence: dict[str, str]) -> None:
    """The operator's own key in place of the person's."""
    client = json.loads(base64.urlsafe_b64decode(evidence["client_data"] + "=="))
    evidence |= told(Key(), base64.urlsafe_b64decode(client["challenge"] + "=="))


def to_something_else(evidence: dict[str, str]) -> None:
    key = Key()
    evidence |= told(key, bytes(32))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (altered("signature"), "the signature of the security key does not hold"),
        (altered("authenticator_data"), "the signature of the security key does not hold"),
        (altered("public_key"), "the signature of the security key does not hold"),
        (altered("client_data"), "cannot be read"),
        (of_another, "a security key that .* had not set up then"),
        (to_something_else, "answered something else than this statement"),
        (lambda evidence: evidence.clear(), "holds no answer of a security key"),
    ],
)
def test_a_forged_answer_is_found(change: Callable[[dict[str, str]], None], sentence: str) -> None:
    import re

    found = walked(Key(), change)
    assert found.startswith("DIFFERS") or not found.startswith("OK")
    assert re.search(sentence, found), found


def test_a_key_of_nobody_or_of_another_is_found() -> None:
    for owner in ("", "adam"):
        assert "had not set up then" in walked(Key(), owner=owner)


def test_a_key_that_was_taken_away_signs_no_more() -> None:
    key, story = Key(), bank()
    enrol(story, key, "rita")
    details = {"credential_id": websafe_encode(key.credential)}
    story.event("access.remove_factor", ("access.account", key_of("account rita")), actor="adam", details=details)
    story.pass_time()
    submit(story)
    vote(story, "rita", **by_key(key))
    decide(story, "adam")
    assert "had not set up then" in duties(story)


@pytest.mark.parametrize(("given_to", "sentence"), [("flags", "did not verify"), ("party", "another site")])
def test_an_answer_that_our_server_would_not_take_is_found(given_to: str, sentence: str) -> None:
    key = Key(**({"flags": 0x01} if given_to == "flags" else {"party": "evil.example"}))
    assert sentence in walked(key)


def test_evidence_beside_a_password_is_found() -> None:
    story = bank()
    submit(story)
    vote(story, "rita", **{**by_key(Key()), "method": "password"})
    decide(story, "adam")
    assert "holds the answer of a security key" in duties(story)


@settings(deadline=None, max_examples=20)
@given(st.binary(max_size=100), st.integers(0, 500))
def test_p256_by_hand_agrees_with_the_library(message: bytes, bit: int) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    signature = private.sign(message, ec.ECDSA(hashes.SHA256()))
    assert verify.p256_holds(numbers.x, numbers.y, message, signature)
    assert not verify.p256_holds(numbers.x, numbers.y, message + b"x", signature)
    assert not verify.p256_holds(numbers.x, numbers.y ^ 1 << bit % 256, message, signature)


def test_rsa_by_hand_agrees_with_the_library() -> None:
    private = rsa.generate_private_key(65537, 2048)
    signature = private.sign(b"message", padding.PKCS1v15(), hashes.SHA256())
    key = verify.parse_cose(cbor.encode(dict(RS256.from_cryptography_key(private.public_key()))))
    assert verify.key_holds(key, b"message", signature)
    assert not verify.key_holds(key, b"another", signature)
    assert not verify.key_holds(key, b"message", signature[:-1] + bytes([signature[-1] ^ 1]))


@given(st.binary(max_size=80))
def test_noise_is_no_public_key(noise: bytes) -> None:
    with pytest.raises(verify.Malformed):
        verify.key_holds(verify.parse_cose(noise), b"", b"")
