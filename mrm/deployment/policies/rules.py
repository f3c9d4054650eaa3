"""By which rules an endpoint may serve: sentences why not, or None."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from mrm.connectors.protocol import Cap, LoggedInputs, LogPolicy, OnWithdrawn, Role, Serving
from mrm.deployment.policies.traffic import Share

LOGS, INPUTS, WITHDRAWN = list(LogPolicy), list(LoggedInputs), list(OnWithdrawn)  # each from least to most


@dataclass(frozen=True)
class Least:
    """The least that an environment asks of the rules of every endpoint in it."""

    log: str = LogPolicy.BEST_EFFORT
    inputs: str = LoggedInputs.NONE
    on_withdrawn: str = OnWithdrawn.ALERT
    segment: bool = False


def less_than_asked(environment: str, rules: Serving, least: Least) -> str | None:
    """Rules say no less than the environment asks."""
    asked = (
        (LOGS, rules.log, least.log, "of the log"),
        (INPUTS, rules.inputs, least.inputs, "of logged inputs"),
        (WITHDRAWN, rules.on_withdrawn, least.on_withdrawn, "when an approval falls"),
    )
    for order, given, wanted, what in asked:
        if not reaches(order, given, wanted):
            return f"{environment} asks for {wanted} or more {what}; these rules say {given}."
    if least.segment and not rules.segment:
        return f"{environment} asks every endpoint whom its model is for; these rules name no segment."
    return None


def reaches(order: Sequence[str], given: str, least: str) -> bool:
    """Whether a choice is the least that is asked, or more."""
    return order.index(given) >= order.index(least)


def raised(rules: Serving, least: Least) -> Serving:
    """The rules, raised where the environment asks for more than they say."""
    return replace(
        rules,
        log=LOGS[max(LOGS.index(rules.log), LOGS.index(LogPolicy(least.log)))],
        inputs=INPUTS[max(INPUTS.index(rules.inputs), INPUTS.index(LoggedInputs(least.inputs)))],
        on_withdrawn=WITHDRAWN[
            max(WITHDRAWN.index(rules.on_withdrawn), WITHDRAWN.index(OnWithdrawn(least.on_withdrawn)))
        ],
    )


def backup_missing(rules: Serving, shares: Iterable[Share]) -> str | None:
    """Requests are sent to a backup only where there is one."""
    if rules.needs_backup and Role.FALLBACK not in {each.role for each in shares}:
        return (
            "These rules send requests to a backup, and no version is a fallback here: add one with a traffic plan,"
            " or change the rules first."
        )
    return None


def not_of_model(rules: Serving, label: str, features: Collection[str]) -> str | None:
    """A segment is told by the features that the model takes."""
    for rule in rules.segment:
        for condition in rule.conditions:
            if condition.feature not in features:
                known = ", ".join(features)
                return f"The segment rule {rule.name} names {condition.feature}; version {label} takes {known}."
    return None


def rules_cannot(place: str, connector: str, rules: Serving, caps: Cap) -> str | None:
    """A place that keeps no rules is asked for none."""
    if rules != Serving() and Cap.RULES not in caps:
        return (
            f"{place} keeps no rules of serving: its connector {connector} does not offer it. Serve through the"
            " gateway, or ask for no rules here."
        )
    return None


@dataclass(frozen=True)
class Spare:
    """What is known of the deployment at which a backup is to answer: the version in force there, and whether it is as wanted."""

    name: str
    model: str
    environment: str
    target: str
    connector: str
    version: str = ""
    digest: str = ""
    in_step: bool = False


def not_a_spare(here: Spare, there: Spare, telling: Collection[str]) -> str | None:
    """A backup answers elsewhere only where just its bytes are in force, approved for the same environment and seen there.

    `here` is the endpoint with the version and digest of its fallback; `telling` names the connectors whose places tell
    version and digest with each answer.
    """
    if there.model != here.model:
        return f"{there.name} serves another model; the backup answers only where its own is served."
    if there.target == here.target:
        return f"{there.name} is at the same place; a backup there falls with it."
    if there.environment != here.environment:
        return f"{there.name} is in another environment; a version is approved for the one it answers in."
    if there.connector not in telling:
        return f"{there.name} does not tell with each answer which bytes gave it; choose one at a gateway."
    if not there.version:
        return f"Nothing is in force at {there.name}; deploy version {here.version} there first."
    if (there.version, there.digest) != (here.version, here.digest):
        return f"{there.name} serves version {there.version}; the fallback here is {here.version}."
    if not there.in_step:
        return f"{there.name} is not as wanted now; look at it, and bring it right first."
    return None


def backup_moved(place: str, asked: str, now: str) -> str | None:
    """The backup is asked at the address that was signed for, which is still that of its place."""
    if asked.rstrip("/") == now.rstrip("/"):
        return None
    return f"The backup is asked at {asked}, and its place {place} is at {now} now: set the rules anew to name that."


def rules_changed(before: Serving, after: Serving) -> str | None:
    """A change of rules changes something."""
    return "These rules are in force already." if before == after else None


def canary_under_way(steps: Sequence[int], step: int | None) -> str | None:
    """The rules of a canary stay until its last step."""
    if step is not None and step < len(steps):
        return (
            f"A canary is under way here, at step {step} of {len(steps)}: its rules stay until the last, or plan anew."
        )
    return None
