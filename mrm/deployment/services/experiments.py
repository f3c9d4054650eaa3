"""Experiments between approved versions: registered before anybody looks, read on schedule, ended, and acted on."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.core import blobs
from mrm.core.actors import permit
from mrm.core.refusal import Invalid, Refused
from mrm.deployment import policies, queries
from mrm.deployment.models import Deployment, Ending, Experiment, ExperimentArm, Reading, ReadingKind, Revision
from mrm.deployment.policies import Drift, Kind
from mrm.deployment.services.control import deploy
from mrm.deployment.services.incidents import open_incident
from mrm.deployment.services.wanting import locked
from mrm.measures.experiments import Arm, at_look, guarded, look_due, sample_ratio

Rows = Sequence[tuple[str, str, int]]


@audited("deployment.register_experiment", "registered {subject}: {metric}, {horizon} units in each arm, {looks} looks")
def register_experiment(
    deployment: Deployment,
    *,
    metric: str,
    higher_is_better: bool,
    base_rate: float,
    smallest_effect: float,
    horizon: int,
    stop_rules: str,
    actor: Account,
    looks: int = 5,
    alpha: float = 0.05,
    power: float = 0.8,
    guardrail_tau: float = 0.01,
) -> Experiment:
    """Say before anybody looks what is compared, how many are needed, how often it is read, and when it stops."""
    permit(actor, "deployment.register_experiment", deployment)
    deployment = locked(deployment)
    if not metric.strip() or not stop_rules.strip():
        raise Invalid("An experiment names its metric and its stop rules.", fields={"stop_rules": ["Needed."]})
    compared = queries.compared(deployment)
    refusal = (
        policies.not_comparable([each.version.label for each in compared])
        or policies.under_experiment(queries.running_experiment(deployment))
        or policies.too_small(base_rate, smallest_effect, horizon, alpha, power)
    )
    if refusal:
        raise Refused(refusal)
    revision = compared[0].revision
    before = Experiment.objects.filter(salt=revision.salt).values_list("number", flat=True).first()
    if refusal := policies.salted_before(before):
        raise Refused(refusal)
    made = Experiment.objects.create(
        deployment=deployment, number=deployment.experiments.count() + 1, revision=revision, metric=metric.strip(),
        higher_is_better=higher_is_better, unit_of_assignment=revision.unit_field, salt=revision.salt,
        base_rate=base_rate, smallest_effect=smallest_effect, horizon=horizon, looks=looks, alpha=alpha, power=power,
        guardrail_tau=guardrail_tau, stop_rules=stop_rules.strip(), registered_by=actor,
    )  # fmt: skip
    for place, each in enumerate(compared, start=1):
        ExperimentArm.objects.create(
            experiment=made, place=place, version=each.version, approval=each.approval, weight_bp=each.weight_bp
        )
    describe(metric=made.metric, horizon=horizon, looks=looks, arms=[each.version.label for each in compared])
    return made


@audited("deployment.read_experiment", "read {subject}, {what}: {answer}")
def read_experiment(experiment: Experiment, *, rows: Rows, actor: Account, guardrail: bool = False) -> Reading:
    """Read a table of units, arms and outcomes: the sample ratio first, and nothing else where it is off.

    A planned look is taken when its units are there; the guardrail may be read at any time and stops for harm.
    """
    permit(actor, "deployment.read_experiment", experiment)
    locked(experiment.deployment)
    arms = list(experiment.arms.select_related("version"))
    labels = [each.version.label for each in arms]
    if refusal := queries.why_no_reading(experiment):
        raise Refused(refusal)
    if refusal := policies.wrong_table(rows, labels):
        raise Invalid(refusal, fields={"outcomes": [refusal]})
    counted = [_counted(label, rows) for label in labels]
    per_arm, last = min(each.units for each in counted), queries.last_look(experiment)
    look = None
    if not guardrail:
        taken = last.look if last and last.look else 0
        if refusal := policies.off_schedule(per_arm, experiment.horizon, experiment.looks, taken):
            raise Refused(refusal)
        look = look_due(per_arm, experiment.horizon, experiment.looks)
    ratio = sample_ratio(counted, {each.version.label: each.weight_bp for each in arms})
    results, stops = ([], False) if ratio.alarming else _results(experiment, counted, look)
    reading = Reading.objects.create(
        experiment=experiment, kind=ReadingKind.GUARDRAIL if guardrail else ReadingKind.LOOK, look=look,
        per_arm=per_arm, table_sha256=_kept(rows), units={each.name: each.units for each in counted},
        ratio_p=ratio.p_value, results=results, stops=stops, read_by=actor,
    )  # fmt: skip
    if stops:
        told = f"The guardrail of experiment {experiment.number} stopped it for harm: take {_harmful(reading)} back."
        open_incident(
            experiment.deployment, Drift(Kind.HARM, told), seen=experiment.deployment.observed,
            revision=experiment.revision, actor=actor,
        )  # fmt: skip
    describe(what=f"look {look}" if look else "guardrail", answer=answer(reading), table=reading.table_sha256)
    return reading


def _counted(label: str, rows: Rows) -> Arm:
    outcomes = [outcome for _, arm, outcome in rows if arm == label]
    return Arm(label, len(outcomes), sum(outcomes))


def _results(experiment: Experiment, counted: list[Arm], look: int | None) -> tuple[list[dict[str, Any]], bool]:
    alpha, higher = experiment.alpha, experiment.higher_is_better
    if look is None:
        found = guarded(counted, alpha, experiment.guardrail_tau, higher)
        return [asdict(each) for each in found], any(each.stops for each in found)
    return [asdict(each) for each in at_look(counted, look, experiment.looks, alpha, higher)], False


def _harmful(reading: Reading) -> str:
    return ", ".join(each["arm"] for each in reading.results if each["stops"])


def _kept(rows: Rows) -> str:
    """The table under its digest, in an order of its own, so that the same table has the same digest."""
    return blobs.put_bytes(json.dumps(sorted(rows)).encode()).sha256


def answer(reading: Reading) -> str:
    """What a reading says, in one line."""
    if reading.closed:
        return f"closed, the units did not fall into the arms as assigned (p = {reading.ratio_p:.2g})"
    if reading.kind == ReadingKind.GUARDRAIL:
        return "stop for harm" if reading.stops else "no harm shown"
    crossed = [
        f"{each['arm']} {'better' if each['better'] else 'worse'}" for each in reading.results if each["crossed"]
    ]
    return ", ".join(crossed) or "nothing shown yet"


@audited("deployment.end_experiment", "ended {subject}")
def end_experiment(experiment: Experiment, *, reason: str, actor: Account) -> Experiment:
    """Say that it is over, and why; nothing is read after that."""
    permit(actor, "deployment.end_experiment", experiment)
    locked(experiment.deployment)
    if not reason.strip():
        raise Invalid("The end of an experiment needs its reason.", fields={"reason": ["Needed."]})
    if refusal := policies.ended(str(experiment), Ending.objects.filter(experiment=experiment).exists()):
        raise Refused(refusal)
    Ending.objects.create(experiment=experiment, reason=reason.strip(), ended_by=actor)
    return experiment


@audited("deployment.promote", "asked to promote {version} on {experiment}")
def promote(experiment: Experiment, *, label: str, reason: str, actor: Account) -> Revision:
    """Ask that the version which an experiment showed to be better takes everything; others sign where the tier asks.

    The experiment ends with it.
    """
    if refusal := queries.why_no_promotion(experiment, label):
        raise Refused(refusal)
    version = experiment.arms.get(version__label=label).version
    describe(version=str(version), experiment=str(experiment))
    if not queries.is_over(experiment):
        end_experiment(experiment, reason=f"{label} is promoted. {reason}".strip(), actor=actor)
    told = f"Promoted on experiment {experiment.number}: {experiment.metric}. {reason}".strip()
    return deploy(experiment.deployment, version=version, reason=told, actor=actor)
