"""A person shows again who he is: by his password, a code of his authenticator app, or the answer of his security key."""

import datetime as dt
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core import signing
from django.utils import timezone

from mrm.access import queries
from mrm.access.models import Account, Factor, Method
from mrm.access.sealing import unseal
from mrm.access.second_factors import Unanswered, answered, registered_key, step_of
from mrm.audit.trail import audited, describe, recorded, register_verb
from mrm.core.actors import Actor
from mrm.core.canonical import digest, timestamp
from mrm.core.refusal import Forbidden, Invalid, Refused

MOST_FAILURES = 5
FRESH = dt.timedelta(minutes=5)
RECOVERY, SIGN_IN = "recovery", "sign_in"  # beside the methods that sign

register_verb("access.sign_in", "signed in")
register_verb("access.sign_out", "signed out")
register_verb("access.fail_sign_in", "failed to sign in")


class Unconfirmed(Refused):
    """Nobody was confirmed: what was shown does not hold, or was wrong too often."""


@dataclass(frozen=True)
class Proof:
    """What a person shows: a password or a code as `secret`, or a security key's `answer` to a `challenge`."""

    method: str
    secret: str = ""
    answer: Mapping[str, Any] = field(default_factory=dict)
    challenge: bytes = b""
    signed_in_at: dt.datetime | None = None


@dataclass(frozen=True)
class Confirmed:
    """How a person was confirmed; `evidence` lets others verify it, where the method gives any."""

    method: str
    evidence: dict[str, str] = field(default_factory=dict)


def composed(facts: Mapping[str, Any], *, actor: Account, salt: str) -> tuple[dict[str, Any], str]:
    """What this person may sign once, and the sealed token that brings it back word for word."""
    statement = {
        **facts,
        "name": actor.person.name,
        "person": str(actor.person_id),
        "nonce": secrets.token_hex(16),
        "time": timestamp(timezone.now()),
    }
    return statement, signing.dumps(statement, salt=salt)


def opened(token: str, *, salt: str, seconds: int, where: str) -> dict[str, Any]:
    """The statement that was shown, word for word, while it may be signed; `where` is the page that shows it."""
    try:
        statement: dict[str, Any] = signing.loads(token, salt=salt, max_age=seconds)
    except signing.SignatureExpired as error:
        raise Refused("The statement was shown too long ago; read it again and sign.") from error
    except signing.BadSignature as error:
        raise Refused(f"This is not a statement that was shown here; open the {where} and sign again.") from error
    return statement


def proof_under(
    statement: Mapping[str, Any], *, password: str = "", code: str = "", answer: Mapping[str, Any] | None = None
) -> Proof:
    """What was shown under a statement, in one way: a security key answers the statement's digest."""
    if sum(map(bool, (password, code, answer))) != 1:
        raise Invalid("Confirm that it is you in one way: by password, by code, or by security key.")
    if answer:
        return Proof(Method.WEBAUTHN, answer=answer, challenge=bytes.fromhex(digest(statement)))
    return Proof(Method.TOTP, secret=code) if code else Proof(Method.PASSWORD, secret=password)


@audited("access.confirm_identity", "confirmed who signs")
def confirm_identity(account: Account, *, proof: Proof, actor: Actor, undone: str = "nothing was signed") -> Confirmed:
    """Ask again who it is before what is binding; five failures close the door for a quarter of an hour."""
    if actor.identity.key != account.username:
        raise Refused("A signature is given by the person who is signed in.")
    if getattr(actor, "scopes", None) is not None or account.is_service:
        raise Forbidden("Service accounts and tokens cannot sign: only a person does, signed in.")
    if queries.failures(account, "access.confirm_identity") >= MOST_FAILURES:
        raise Unconfirmed("Too many wrong passwords, codes or keys; sign again in a quarter of an hour.")
    confirmed = _check(account, proof, undone)
    describe(method=confirmed.method)
    return confirmed


def signed(
    token: str,
    *,
    salt: str,
    seconds: int,
    where: str,
    actor: Account,
    undone: str = "nothing was signed",
    password: str = "",
    code: str = "",
    answer: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], Confirmed]:
    """The statement that was shown, word for word, and how the person showed who signs it."""
    statement = opened(token, salt=salt, seconds=seconds, where=where)
    proof = proof_under(statement, password=password, code=code, answer=answer)
    return statement, confirm_identity(actor, proof=proof, actor=actor, undone=undone)


@audited("access.confirm_second_factor", "confirmed the second factor")
def confirm_second_factor(account: Account, *, proof: Proof, actor: Actor) -> Confirmed:
    """The second step of signing in; a recovery code serves as well, once."""
    if not account.is_active:
        raise Refused("This account is closed.")
    if queries.failures(account, "access.confirm_second_factor") >= MOST_FAILURES:
        raise Refused("Too many wrong codes or keys; sign in again in a quarter of an hour.")
    if proof.method not in {Method.TOTP, Method.WEBAUTHN}:
        raise Refused("The second factor is a code or a security key.")
    confirmed = _check_code_or_recovery(account, proof) if proof.method == Method.TOTP else _check(account, proof, "")
    describe(method=confirmed.method)
    return confirmed


def note_sign_in(account: Account, verb: str) -> None:
    """Put a sign-in, its failure, or a sign-out on the account's timeline."""
    with recorded(verb, actor=account, subject=account):
        pass


def _check(account: Account, proof: Proof, undone: str) -> Confirmed:
    if proof.method not in CHECKS:
        raise Unconfirmed(f"{proof.method or 'Nothing'} is no way to confirm who you are.")
    after = f"; {undone}" if undone else ""
    return CHECKS[proof.method](account, proof, after)


def _check_password(account: Account, proof: Proof, after: str) -> Confirmed:
    if not account.has_usable_password():
        raise Unconfirmed(f"Your account has no password{after}.")
    if not account.check_password(proof.secret):
        raise Unconfirmed(f"The password is wrong{after}.")
    return Confirmed(Method.PASSWORD)


def _check_code(account: Account, proof: Proof, after: str) -> Confirmed:
    """A code serves once, and after it none that is older: its step is kept under lock."""
    factor = _locked(account, Method.TOTP).first()
    if factor is None:
        raise Unconfirmed(f"No authenticator app is set up for your account{after}.")
    step = step_of(_secret(factor), proof.secret)
    if step is None:
        raise Unconfirmed(f"The code is wrong{after}.")
    if step <= factor.data.get("last_step", 0):
        raise Unconfirmed(f"This code was used before; wait for the next one{after}.")
    _note_use(factor, last_step=step)
    return Confirmed(Method.TOTP)


def _secret(factor: Factor) -> str:
    try:
        return unseal(factor.data["secret"])
    except Refused as error:
        raise Unconfirmed(
            "The secret key of this system was replaced since your app was set up; an administrator removes the factor,"
            " then set it up anew."
        ) from error


def _check_key(account: Account, proof: Proof, after: str) -> Confirmed:
    """The key's counter only grows: one that stands still or goes back is a copy."""
    factors = list(_locked(account, Method.WEBAUTHN))
    if not factors:
        raise Unconfirmed(f"No security key is set up for your account{after}.")
    try:
        answer = answered(proof.answer, proof.challenge, [registered_key(each.data["credential"]) for each in factors])
    except Unanswered as error:
        raise Unconfirmed(f"The security key was not accepted: {error}{after}.") from error
    factor = next(each for each in factors if each.credential == answer.credential)
    known = factor.data.get("counter", 0)
    if (known or answer.counter) and answer.counter <= known:
        raise Unconfirmed(
            f"The security key was not accepted: it answered before what it answers now, as a copy of it would{after}."
        )
    _note_use(factor, counter=answer.counter)
    return Confirmed(Method.WEBAUTHN, answer.evidence)


def _check_fresh(account: Account, proof: Proof, after: str) -> Confirmed:
    """For who has no password here: the sign-in itself, while it is fresh."""
    if account.has_usable_password():
        raise Unconfirmed(f"Your account has a password: confirm with it{after}.")
    if proof.signed_in_at is None or timezone.now() - proof.signed_in_at > FRESH:
        raise Unconfirmed(f"Your sign-in is older than five minutes: sign out, sign in, and do this first{after}.")
    return Confirmed(SIGN_IN)


def _check_code_or_recovery(account: Account, proof: Proof) -> Confirmed:
    kept = _locked(account, Factor.Type.RECOVERY_CODES).first()
    if len(proof.secret.strip()) > 6 and kept:
        if not RecoveryCodes(kept).validate_code(proof.secret):
            raise Refused("The recovery code is wrong, or was used before.")
        return Confirmed(RECOVERY)
    return _check_code(account, proof, "")


def _locked(account: Account, kind: str) -> Any:
    return Factor.objects.select_for_update().filter(user=account, type=kind).order_by("pk")


def _note_use(factor: Factor, **told: int) -> None:
    factor.data |= told
    factor.last_used_at = timezone.now()
    factor.save(update_fields=["data", "last_used_at"])


CHECKS: dict[str, Callable[[Account, Proof, str], Confirmed]] = {
    Method.PASSWORD: _check_password,
    Method.TOTP: _check_code,
    Method.WEBAUTHN: _check_key,
    SIGN_IN: _check_fresh,
}
