"""What was approved and is sent, as signed statements that an outsider verifies without us."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings

from mrm.core import attestation
from mrm.core.refusal import Refused
from mrm.deployment.models import Revision, Variant
from mrm.deployment.services.record import plain_name

KEY = "statement-key"


def make(revision: Revision, variant: Variant) -> dict[str, Any]:
    """The model's signature and the approval's, over the same bytes, with the public key to verify both by."""
    version, granted = variant.version, variant.approval
    files = _files(variant)
    name, private = f"{version.model.ref} {version.label}", _private_key()
    facts = {
        "model": version.model.ref,
        "version": version.label,
        "role": variant.role,
        "approval": str(granted.pk),
        "request": granted.request.ref,
        "policy": granted.request.policy.digest,
        "approvers": sorted(vote.person.name for vote in granted.request.votes.select_related("person")),
        "conditions": [condition.text for condition in granted.conditions.all()],
        "granted_at": granted.granted_at.isoformat(),
        "expires_at": granted.expires_at.isoformat(),
        "approved_for": granted.environments,
        "environment": revision.deployment.target.environment.key,
        "endpoint": revision.deployment.endpoint,
        "revision": revision.number,
    }
    return {
        "model": attestation.sign(attestation.model_statement(name, files), private),
        "approval": attestation.sign(attestation.approval_statement(name, files, facts), private),
        "public_key": attestation.public_of(private).decode(),
    }


def check(revision: Revision) -> None:
    """Before what was verified once is sent again: its statements must be ours, and about these bytes."""
    for variant in revision.variants.all():
        kept = revision.proof_of(variant.version.label).get("statements")
        if kept:
            _check(kept, attestation.subject_digest(_files(variant)))


def _check(kept: dict[str, Any], expected: str) -> None:
    public = attestation.public_of(_private_key())
    for which in ("model", "approval"):
        try:
            told = attestation.verify(kept[which], public)
        except attestation.NotGenuine as fault:
            raise Refused(f"The signed statement about the {which} is not ours. {fault}") from fault
        if told["subject"][0]["digest"]["sha256"] != expected:
            raise Refused(f"The signed statement about the {which} is about other bytes.")


def _files(variant: Variant) -> dict[str, str]:
    assert variant.version.artifact is not None
    return {plain_name(variant.version.artifact.filename): variant.artifact_sha256}


def _private_key() -> bytes:
    """The institution's own key: given to every worker alike, or made once where there is one machine."""
    if given := os.environ.get(f"MRM_SECRET_{KEY.upper().replace('-', '_')}"):
        return given.encode()
    path: Path = settings.DATA_DIR / "secrets" / KEY
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{KEY}.{os.getpid()}")
    if not path.exists():
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(attestation.new_key())
        try:
            os.link(draft, path)  # whoever links first has made the key; nobody reads half of one
        except FileExistsError:
            pass
        draft.unlink()
    return path.read_bytes()
