"""What an account may do with a record now: for each door the sentence why it is closed, or nothing."""

from collections.abc import Iterable
from typing import Any

from mrm.access.models import Account
from mrm.inventory import policies
from mrm.inventory.models import Model, Version
from mrm.inventory.workflow import LIFE, VERSION, Lifecycle
from mrm.signoff.queries import proposed_on

Doors = dict[str, str]
Proposed = dict[str, str]  # kind of proposal to the reference of its open request


def model_doors(model: Model, account: Account, proposed: Proposed) -> Doors:
    ended = f"{model} is decommissioned." if model.lifecycle == Lifecycle.DECOMMISSIONED else None
    return {
        "edit": account.lacks("inventory.edit", model) or "",
        "rate": account.lacks("inventory.rate", model) or "",
        "override": account.lacks("inventory.override_tier", model)
        or ("" if model.tier else "The model is not rated yet: the method computes first.")
        or _proposed(proposed.get("tier_override", "")),
        "confirm": account.lacks("inventory.confirm_tier", model)
        or ("" if model.tier else "The model is not rated yet."),
        "add_version": account.lacks("inventory.add_version", model) or ended or "",
        "link_models": account.lacks("inventory.link_models", model) or "",
        "retire": account.lacks("inventory.retire", model)
        or policies.may_decommission(account, model)
        or _first(LIFE, model, "retire", account)
        or _proposed(proposed.get("decommissioning", "")),
    }


def version_doors(version: Version, account: Account) -> Doors:
    closed = policies.version_open(account, version) or ""
    return {
        "edit": account.lacks("inventory.edit_version", version) or closed,
        "attach": account.lacks("inventory.attach_artifact", version) or policies.artifact_open(account, version) or "",
        "endpoint": account.lacks("inventory.attach_artifact", version)
        or policies.endpoint_open(account, version)
        or "",
        "link_dataset": account.lacks("inventory.link_dataset", version) or closed,
        "retire_version": account.lacks("inventory.retire", version)
        or _first(VERSION, version, "retire_version", account),
    }


def model_moves(model: Model, account: Account) -> list[dict[str, Any]]:
    """The moves a person makes on a model itself; the others follow from validation, approval and deployment."""
    told = Model.objects.filter(pk=model.pk).values_list(proposed_on(str(model.pk))).get()
    return [_move("retire", model_doors(model, account, as_proposed(*told))["retire"])]


def version_moves(version: Version, account: Account) -> list[dict[str, Any]]:
    return [_move("retire_version", version_doors(version, account)["retire_version"])]


def as_proposed(told: Iterable[str]) -> Proposed:
    """What `signoff.queries.proposed_on` tells, by kind."""
    return {kind: ref for kind, _, ref in (each.partition(" ") for each in told)}


def _proposed(ref: str) -> str:
    """That the same is before the signers already."""
    return f"This is proposed already, in {ref}; it waits for its signatures." if ref else ""


def _first(flow: Any, row: Any, move: str, account: Account) -> str:
    return next(iter(flow.closed(row, move, account)), "")


def _move(name: str, reason: str) -> dict[str, Any]:
    return {"name": name, "verb": f"inventory.{name}", "open": not reason, "reasons": [reason] if reason else []}
