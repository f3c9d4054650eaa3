"""Who may change the record, and when."""

import re
from typing import TYPE_CHECKING

from mrm.core.actors import Actor

if TYPE_CHECKING:
    from mrm.inventory.models import Model, Version


def version_open(actor: Actor, version: "Version") -> str | None:
    """What is validated or approved is not edited under the signatures: a change makes a new version."""
    if version.status != "draft":
        return (
            f"{version} is {version.get_status_display().lower()}, so it is closed to changes;"
            " return it to draft or add a new version."
        )
    return None


def artifact_open(actor: Actor, version: "Version") -> str | None:
    if version.status != "draft":
        return f"{version} is {version.get_status_display().lower()}: its artifact is fixed. Add a new version instead."
    return None


def endpoint_open(actor: Actor, version: "Version") -> str | None:
    """Where a version answers is part of what is validated and signed."""
    if version.status != "draft":
        return (
            f"{version} is {version.get_status_display().lower()}: its scoring endpoint is fixed;"
            " return it to draft or add a new version."
        )
    return None


def secret_for_scoring(name: str) -> str | None:
    """A version may name secrets that are meant for scoring, and none that opens something else."""
    if name and not re.fullmatch(r"scoring-[a-z0-9-]{1,40}", name):
        return "The name of the secret starts with scoring-, followed by small letters, digits and -, such as scoring-vendor."
    return None


def label_is_plain(label: str) -> str | None:
    if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z.\-_+]{0,39}", label):
        return "A version label holds letters, digits and . - _ + only, such as 2.1.0."
    return None


def may_decommission(actor: Actor, model: "Model") -> str | None:
    if model.lifecycle == "in production":
        return "This model runs in production: take it out of its serving places first."
    return None


def no_cycle(upstream: "Model", downstream: "Model", reach: set[str]) -> str | None:
    """`reach` holds the ids of everything that downstream feeds."""
    if str(upstream.pk) in reach:
        return f"{upstream.name} already depends on {downstream.name}; a circle of dependencies has no first model."
    return None
