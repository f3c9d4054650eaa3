"""The policy of environments: what follows a difference, who may deploy, and when nothing new comes in."""

import datetime as dt

from django.utils import timezone

from mrm.access.models import Account, Person
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.deployment.models import (
    Deployer,
    DriftPolicy,
    Environment,
    Freeze,
    LoggedInputs,
    LogPolicy,
    OnWithdrawn,
    Stage,
)
from mrm.deployment.policies import Least


@audited("deployment.define_environment", "defined the environment {subject}: {policy}")
def define_environment(
    *, key: str, name: str, stage: str, actor: Actor, drift_policy: str = DriftPolicy.REPORT, look_every: int = 300
) -> Environment:
    """Name a group of serving places that share a policy."""
    permit(actor, "deployment.define_environment", None)
    if Environment.objects.filter(key=key).exists():
        raise Invalid(f"There is an environment {key} already.", fields={"key": ["Taken."]})
    _check(stage, drift_policy, look_every)
    made = Environment.objects.create(key=key, name=name, stage=stage, drift_policy=drift_policy, look_every=look_every)
    describe(policy=_told(made))
    return made


@audited("deployment.set_policy", "changed the policy of {subject} from {former} to {policy}")
def set_policy(
    environment: Environment,
    *,
    drift_policy: str,
    look_every: int,
    named_only: bool,
    reason: str,
    actor: Account,
    least: Least | None = None,
) -> Environment:
    """Decide anew what follows a difference, how often is looked, who deploys, and the least that rules of serving say.

    The least stays as it is where none is given; what serves already is held to it from its next revision on.
    """
    permit(actor, "deployment.set_policy", environment)
    _check(environment.stage, drift_policy, look_every)
    if not reason.strip():
        raise Invalid("A change of policy needs its reason.", fields={"reason": ["Needed."]})
    environment = Environment.objects.select_for_update().get(pk=environment.pk)
    former = _told(environment)
    environment.drift_policy, environment.look_every, environment.named_only = drift_policy, look_every, named_only
    if least is not None:
        _set_least(environment, least)
    environment.save(
        update_fields=[
            "drift_policy",
            "look_every",
            "named_only",
            "log_least",
            "inputs_least",
            "withdrawn_least",
            "segment_required",
        ]
    )
    describe(former=former, policy=_told(environment))
    return environment


def _set_least(environment: Environment, least: Least) -> None:
    for value, known, field in (
        (least.log, LogPolicy, "log_least"),
        (least.inputs, LoggedInputs, "inputs_least"),
        (least.on_withdrawn, OnWithdrawn, "withdrawn_least"),
    ):
        if value not in known.values:
            raise Invalid(f"{field} is one of {', '.join(known.values)}.", fields={field: ["Unknown."]})
        setattr(environment, field, value)
    environment.segment_required = least.segment


@audited("deployment.name_deployer", "named {person} for the environment {subject}")
def name_deployer(environment: Environment, *, person: Person, actor: Account) -> Environment:
    """Let a person deploy to an environment that only named people deploy to; the role is needed as well."""
    permit(actor, "deployment.name_deployer", environment)
    _, made = Deployer.objects.get_or_create(environment=environment, person=person)
    if not made:
        raise Refused(f"{person.name} is named for {environment} already.")
    describe(person=person.name)
    return environment


@audited("deployment.unname_deployer", "took {person} off the people named for {subject}")
def unname_deployer(environment: Environment, *, person: Person, actor: Account) -> Environment:
    """A person deploys to this environment no longer."""
    permit(actor, "deployment.unname_deployer", environment)
    found = Deployer.objects.filter(environment=environment, person=person).first()
    if found is None:
        raise Refused(f"{person.name} is not named for {environment}.")
    found.delete()
    describe(person=person.name)
    return environment


@audited("deployment.declare_freeze", "froze {environment} from {starts} to {ends}")
def declare_freeze(
    environment: Environment, *, starts_at: dt.datetime, ends_at: dt.datetime, reason: str, actor: Account
) -> Freeze:
    """Let nothing new into an environment for a time; going back in an emergency and taking out stay open."""
    permit(actor, "deployment.declare_freeze", environment)
    if not reason.strip():
        raise Invalid(
            "A freeze needs its reason; people who want to deploy will read it.", fields={"reason": ["Needed."]}
        )
    if ends_at <= max(starts_at, timezone.now()):
        raise Invalid("A freeze ends after it starts, and not in the past.", fields={"ends_at": ["Too early."]})
    made = Freeze.objects.create(
        environment=environment, starts_at=starts_at, ends_at=ends_at, reason=reason, declared_by=actor
    )
    describe(environment=environment.name, starts=starts_at.isoformat(), ends=ends_at.isoformat())
    return made


@audited("deployment.lift_freeze", "lifted the {subject}")
def lift_freeze(freeze: Freeze, *, reason: str, actor: Account) -> Freeze:
    """End a freeze before its time."""
    permit(actor, "deployment.lift_freeze", freeze.environment)
    if not reason.strip():
        raise Invalid("Lifting a freeze needs its reason.", fields={"reason": ["Needed."]})
    freeze = Freeze.objects.select_for_update().get(pk=freeze.pk)
    if not freeze.is_open:
        raise Refused("This freeze is over already.")
    freeze.lifted_at, freeze.lifted_because = timezone.now(), reason
    freeze.save(update_fields=["lifted_at", "lifted_because"])
    return freeze


def _check(stage: str, drift_policy: str, look_every: int) -> None:
    if stage not in Stage.values:
        raise Invalid(f"A stage is {' or '.join(Stage.values)}.", fields={"stage": ["Unknown."]})
    if drift_policy not in DriftPolicy.values:
        known = ", ".join(DriftPolicy.values)
        raise Invalid(f"What follows a difference is one of {known}.", fields={"drift_policy": ["Unknown."]})
    if not 10 <= look_every <= 86_400:
        raise Invalid("It is looked every 10 seconds to every day.", fields={"look_every": ["10 to 86400 seconds."]})


def _told(environment: Environment) -> str:
    who = "named people" if environment.named_only else "every deployer"
    least = (
        f"{environment.log_least}, inputs {environment.inputs_least}, {environment.withdrawn_least} when approvals fall"
    )
    segment = ", a segment" if environment.segment_required else ""
    return f"{environment.drift_policy}, looked at every {environment.look_every} s, {who}; rules at least {least}{segment}"
