"""Second factors: an authenticator app, security keys, recovery codes; set up, named and taken away."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.mfa.webauthn.internal.auth import WebAuthn
from django.conf import settings

from mrm.access import policies, queries
from mrm.access.models import Account, Factor, Method
from mrm.access.sealing import seal, unseal
from mrm.access.second_factors import Unanswered, created, creation_options, step_of
from mrm.access.services.confirming import Proof, confirm_identity
from mrm.audit.trail import audited, describe, veiled
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused

UNDONE = "nothing was changed"
BEGUN_S = 600
MOST_KEYS = 10


def begin_enrolment(account: Account, *, proof: Proof, actor: Actor) -> tuple[str, str]:
    """Confirm who it is; the secret that an authenticator app is given, and the sealed token that brings it back."""
    confirm_identity(account, proof=proof, actor=actor, undone=UNDONE)
    _refuse_second_app(account)
    secret = generate_totp_secret()
    return secret, _begun(account, Method.TOTP, secret)


def secret_of(account: Account, token: str) -> str:
    """The secret that an enrolment was begun with, for showing it again."""
    return _taken_up(account, Method.TOTP, token)


def app_address(account: Account, secret: str) -> str:
    """What the picture holds that an app reads, in the form apps agreed on."""
    issuer = quote(settings.BANK_NAME)
    return f"otpauth://totp/{issuer}:{quote(account.username)}?secret={secret}&issuer={issuer}"


def enrol_totp(account: Account, *, token: str, code: str, actor: Actor) -> Factor:
    """Take the authenticator app that shows the right code; recovery codes come with the first factor, as `codes`."""
    secret = _taken_up(account, Method.TOTP, token)
    step = step_of(secret, code)
    if step is None:
        told = "The code is not the one of this moment; look at the app's clock and type the next."
        raise Invalid(told, fields={"code": [told]})
    return _enrol_totp(account, secret=secret, step=step, actor=actor)


@audited("access.enrol_totp", "set up an authenticator app for {account}")
def _enrol_totp(account: Account, *, secret: str, step: int, actor: Actor) -> Factor:
    """The code that showed it works serves no second time."""
    _refuse_second_app(account)
    made = Factor.objects.get(pk=TOTP.activate(account, secret).instance.pk)
    made.data["last_step"] = step
    made.save(update_fields=["data"])
    describe(account=veiled(account.person_id, account.username))
    return _with_codes(made, account)


def begin_key(account: Account, *, proof: Proof, actor: Actor) -> tuple[dict[str, Any], str]:
    """Confirm who it is; what the browser needs to make a key, and the sealed token that brings its challenge back."""
    confirm_identity(account, proof=proof, actor=actor, undone=UNDONE)
    if queries.factors_of(account).filter(type=Method.WEBAUTHN).count() >= MOST_KEYS:
        raise Refused(f"{MOST_KEYS} keys are set up; remove one first.")
    options, challenge = creation_options(
        handle=account.pk.bytes,
        name=account.username,
        display=account.person.name,
        known=queries.credential_ids(account),
    )
    return options, _begun(account, Method.WEBAUTHN, challenge)


@audited("access.enrol_key", "set up a security key for {account}")
def enrol_key(account: Account, *, token: str, name: str, answer: Mapping[str, Any], actor: Actor) -> Factor:
    """Take the key that the browser made. The trail names its public key, so that signatures are held against it."""
    challenge = _taken_up(account, Method.WEBAUTHN, token)
    try:
        key = created(answer, challenge)
    except Unanswered as error:
        raise Refused(f"The security key was not accepted: {error}; {UNDONE}.") from error
    if queries.is_known_credential(key.credential):
        raise Refused("This security key is set up already.")
    made = Factor.objects.get(pk=WebAuthn.add(account, _named(name), dict(answer)).instance.pk)
    made.data["counter"] = key.counter
    made.save(update_fields=["data"])
    describe(
        account=veiled(account.person_id, account.username),
        name=veiled(account.person_id, made.name),
        credential_id=key.credential,
        public_key_digest=hashlib.sha256(key.public_key).hexdigest(),
    )
    return _with_codes(made, account)


@audited("access.name_key", "named the security key {name}")
def name_key(factor: Factor, *, name: str, actor: Actor) -> Factor:
    """Only the person himself names his key."""
    _refuse_others(factor, actor)
    factor.data["name"] = _named(name)
    factor.save(update_fields=["data"])
    describe(name=veiled(factor.user.person_id, factor.name))
    return factor


def drop_factor(factor: Factor, *, proof: Proof, actor: Actor) -> Account:
    """A person takes his own factor away, confirming who he is."""
    _refuse_others(factor, actor)
    confirm_identity(factor.user, proof=proof, actor=actor, undone=UNDONE)
    return _drop_factor(factor, actor=actor)


@audited("access.drop_factor", "took away {factor} of {account}")
def _drop_factor(factor: Factor, *, actor: Actor) -> Account:
    return _taken_away(factor)


@audited("access.remove_factor", "removed {factor} of {account}")
def remove_factor(factor: Factor, *, reason: str, actor: Actor) -> Account:
    """An administrator helps who lost his factor; never himself."""
    permit(actor, "access.remove_factor", factor.user)
    if refusal := policies.not_own_factor(actor.identity.person, factor):
        raise Refused(refusal)
    return _taken_away(factor)


def renew_recovery_codes(account: Account, *, proof: Proof, actor: Actor) -> Factor:
    """New recovery codes, on the returned object as `codes`; the former serve no more."""
    confirm_identity(account, proof=proof, actor=actor, undone=UNDONE)
    return _renew_recovery_codes(account, actor=actor)


@audited("access.renew_recovery_codes", "made new recovery codes for {account}")
def _renew_recovery_codes(account: Account, *, actor: Actor) -> Factor:
    if not queries.has_second_factor(account):
        raise Refused("Recovery codes stand in for a second factor; set one up first.")
    queries.factors_of(account).filter(type=Factor.Type.RECOVERY_CODES).delete()
    describe(account=veiled(account.person_id, account.username))
    kept = RecoveryCodes.activate(account)
    return _showing(Factor.objects.get(pk=kept.instance.pk), kept)


def _taken_away(factor: Factor) -> Account:
    account: Account = factor.user
    describe(factor=str(factor.get_type_display()).lower(), account=veiled(account.person_id, account.username))
    if factor.type == Method.WEBAUTHN:
        describe(credential_id=factor.credential)
    factor.delete()
    if not queries.has_second_factor(account):
        queries.factors_of(account).delete()
    return account


def _with_codes(made: Factor, account: Account) -> Factor:
    """The first factor brings recovery codes; they are shown this once."""
    if queries.factors_of(account).filter(type=Factor.Type.RECOVERY_CODES).exists():
        return made
    return _showing(made, RecoveryCodes.activate(account))


def _showing(factor: Factor, kept: Any) -> Factor:
    factor.codes = tuple(kept.generate_codes())
    return factor


def _begun(account: Account, kind: str, kept: str) -> str:
    return seal(json.dumps([str(account.pk), kind, kept]))


def _taken_up(account: Account, kind: str, token: str) -> str:
    owner, told, kept = json.loads(unseal(token, within_s=BEGUN_S))
    if (owner, told) != (str(account.pk), kind):
        raise Refused("This was begun for another account; begin again.")
    return str(kept)


def _refuse_second_app(account: Account) -> None:
    if queries.factors_of(account).filter(type=Method.TOTP).exists():
        raise Refused("An authenticator app is set up already; remove it first.")


def _refuse_others(factor: Factor, actor: Actor) -> None:
    if actor.identity.key != factor.user.username:
        raise Refused("Only the person himself does this.")


def _named(name: str) -> str:
    return " ".join(name.split())[:60] or "Security key"
