"""By which rules an endpoint serves, what its environment asks of them, and what the development data show."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings

from mrm.access.models import Account
from mrm.connectors.protocol import Cap
from mrm.connectors.registry import declaring
from mrm.deployment import policies
from mrm.deployment.models import (
    Deployment,
    Environment,
    LoggedInputs,
    LogPolicy,
    OnWithdrawn,
    Revision,
    Sync,
    VariantRole,
)
from mrm.deployment.policies import Least, Spare
from mrm.deployment.queries.deployments import current, visible_to
from mrm.deployment.workflow import RevisionState
from mrm.inventory.models import DatasetRole, Version
from mrm.serving import Condition, Elsewhere, Failover, SegmentRule, Serving, serving_of

ASSIGNMENT = ("salt", "unit_field")  # stand in fields of their own


@dataclass(frozen=True)
class Range:
    """What the development data show of one feature: smallest and largest value, and how many rows have none."""

    feature: str
    kind: str = ""
    low: Any = None
    high: Any = None
    missing: int = 0
    dataset: str = ""

    @property
    def numeric(self) -> bool:
        return isinstance(self.low, int | float) and not isinstance(self.low, bool)

    @property
    def words(self) -> str:
        """Such as: number, seen -1 to 0.98."""
        if not self.kind:
            return "not in the development data"
        low, high = (f"{each:.6g}" if self.numeric else str(each) for each in (self.low, self.high))
        return self.kind if self.low is None else f"{self.kind}, seen {low} to {high}"


def least_of(environment: Environment) -> Least:
    return Least(
        environment.log_least, environment.inputs_least, environment.withdrawn_least, environment.segment_required
    )


def rules_of(revision: Revision | None) -> Serving:
    """The rules of a revision, without how units are assigned; as usual where it has none."""
    return serving_of(revision.rules) if revision else Serving()


def rules_told(rules: Serving) -> dict[str, Any]:
    """Rules as they are kept with a revision."""
    return {name: value for name, value in rules.told().items() if name not in ASSIGNMENT}


def rules_wanted(deployment: Deployment) -> Serving:
    """The rules in force, raised to what the environment asks by now."""
    return policies.raised(rules_of(current(deployment)), least_of(deployment.target.environment))


def below_least(environment: Environment, account: Account) -> list[tuple[Deployment, str]]:
    """Endpoints that the account sees and that still serve by rules of before the environment asked for more, and in what."""
    found = Revision.objects.filter(
        deployment__in=visible_to(account), deployment__target__environment=environment, status=RevisionState.APPLIED
    ).exclude(version=None)
    told = [
        (each.deployment, policies.less_than_asked(environment.name, rules_of(each), least_of(environment)))
        for each in found.select_related("deployment__target", "deployment__model")
    ]
    return [(deployment, why) for deployment, why in told if why]


def ranges(version: Version) -> list[Range]:
    """Each feature of the version with its range in the training data, or in other data of it that are not protected."""
    links = version.datasets.exclude(role=DatasetRole.PROTECTED).select_related("dataset")
    by_role = {link.role: link.dataset for link in links}
    source = by_role.get(DatasetRole.TRAINING) or next(iter(by_role.values()), None)
    columns = {each["name"]: each for each in source.manifest.get("columns", [])} if source else {}
    told = f"{source.ref}, {source.name}" if source else ""
    return [_range(feature, columns.get(feature), told) for feature in version.features]


def _range(feature: str, column: Mapping[str, Any] | None, source: str) -> Range:
    if column is None:
        return Range(feature)
    return Range(feature, column["type"], column["min"], column["max"], column["nulls"], source)


def rules_in_words(rules: Serving) -> dict[str, str]:
    """The rules line by line, fit to stand in a plan."""
    return {
        "Whom it is for": "; ".join(_rule(each) for each in rules.segment) or "everybody: no segment is named",
        "Log": LogPolicy(rules.log).label,
        "Inputs in the log": LoggedInputs(rules.inputs).label,
        "When an approval falls": OnWithdrawn(rules.on_withdrawn).label,
        "Fail-over": _failover(rules.failover),
        "Where the backup answers": _place(rules.elsewhere),
    }


def _place(elsewhere: Elsewhere | None) -> str:
    if elsewhere is None:
        return "in the same place"
    shown = f", shown the token {elsewhere.secret}" if elsewhere.secret else ""
    return f"as {elsewhere.endpoint} at {elsewhere.url}{shown}"


def placed(rules: Serving) -> Serving:
    """The rules with the address of the deployment at which the backup is to answer; nobody gives another."""
    there = _spare(rules.elsewhere)
    if rules.elsewhere is None or there is None:
        return rules
    found = replace(rules.elsewhere, url=_address(there), endpoint=there.endpoint)
    return replace(rules, elsewhere=found)


def _address(there: Deployment) -> str:
    return str(there.target.config.get("base_url", ""))


def spares(deployment: Deployment) -> list[Deployment]:
    """The other deployments of the model in the same environment whose places tell which bytes gave an answer."""
    found = Deployment.objects.filter(
        model=deployment.model_id,
        target__environment=deployment.target.environment_id,
        target__connector__in=_telling(),
    )
    return list(
        found.exclude(target=deployment.target_id).select_related("target").order_by("target__name", "endpoint")
    )


def why_not_elsewhere(deployment: Deployment, rules: Serving, label: str, digest: str) -> str | None:
    """Why the fallback, of this label and these bytes, may not be asked where the rules say that it answers."""
    if rules.elsewhere is None:
        return None
    there = _spare(rules.elsewhere)
    if there is None:
        return "The deployment at which the backup is to answer is not there; choose another."
    return policies.not_a_spare(_as_spare(deployment, label, digest), _in_force(there), _telling())


def backup_moved(revision: Revision) -> str | None:
    """That the place of the backup got another address since the rules of the revision named one, in words, or None."""
    elsewhere = rules_of(revision).elsewhere
    there = _spare(elsewhere)
    if elsewhere is None or there is None:
        return None
    return policies.backup_moved(there.target.name, elsewhere.url, _address(there))


def why_backup_not_there(revision: Revision) -> str | None:
    """The same of a revision, just before it is sent; what goes back in an emergency is not held up by its backup."""
    backup = next((each for each in revision.variants.all() if each.role == VariantRole.FALLBACK), None)
    if backup is None or revision.emergency:
        return None
    refusal = why_not_elsewhere(revision.deployment, rules_of(revision), backup.version.label, backup.artifact_sha256)
    return refusal or backup_moved(revision)


def _telling() -> frozenset[str]:
    """The connectors whose places name version and digest with each answer."""
    return declaring(Cap.TELLS, settings.CONNECTORS)


def _spare(elsewhere: Elsewhere | None) -> Deployment | None:
    try:
        key = uuid.UUID(elsewhere.deployment if elsewhere else "")
    except ValueError:
        return None
    return Deployment.objects.select_related("target").filter(pk=key).first()


def _in_force(there: Deployment) -> Spare:
    found = current(there)
    serves = found is not None and found.version is not None
    label, digest = (found.version.label, found.artifact_sha256) if serves else ("", "")  # type: ignore[union-attr]
    return replace(_as_spare(there, label, digest), in_step=there.sync == Sync.IN_SYNC)


def _as_spare(deployment: Deployment, label: str, digest: str) -> Spare:
    target = deployment.target
    return Spare(
        f"{deployment.endpoint} at {target.name}", str(deployment.model_id), str(target.environment_id), str(target.pk),
        target.connector, label, digest,
    )  # fmt: skip


def _rule(rule: SegmentRule) -> str:
    if rule.within:
        missing = " or missing" if rule.missing else ""
        return f"{condition_in_words(rule.within)}{missing}, else {rule.action}"
    return f"never {' and '.join(condition_in_words(each) for each in rule.never_all)}, else {rule.action}"


def condition_in_words(condition: Condition) -> str:
    """Such as `age 18..95` or `purpose in car|house`, as the form takes it."""
    if condition.categories:
        return f"{condition.feature} in {'|'.join(map(str, condition.categories))}"
    return f"{condition.feature} {_bound(condition.low)}..{_bound(condition.high)}"


def _failover(rules: Failover) -> str:
    bounds = (
        f", or {rules.output} outside {_bound(rules.output_low)}..{_bound(rules.output_high)}" if rules.output else ""
    )
    return (
        f"when {rules.error_bp / 100:g} % of at least {rules.minimum} requests within {rules.window_seconds} s fail or"
        f" take longer than {rules.timeout_ms} ms{bounds}; back by a person after {rules.cool_down_seconds} s, at most"
        f" {rules.flips_an_hour} times an hour"
    )


def _bound(value: float | None) -> str:
    return "" if value is None else f"{value:.12g}"
