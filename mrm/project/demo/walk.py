"""Walk one model from registration to production, and leave work for everybody."""

import datetime as dt
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.utils import timezone

from mrm.approval import services as approval
from mrm.deployment import services as deployment
from mrm.deployment.models import Revision, Target
from mrm.deployment.queries import release_request
from mrm.deployment.workflow import RevisionState
from mrm.evaluation import services as evaluation
from mrm.evaluation.models import Run
from mrm.evaluation.workflow import RunState
from mrm.inventory import services as inventory
from mrm.inventory.models import Dataset, Model, Version
from mrm.jobs.runner import run_next
from mrm.project.demo.bank import PASSWORD, account_of, plan
from mrm.project.demo.material import Material, Table, chunks, prepare
from mrm.project.reactions import dispatch_all
from mrm.signoff import services as signoff
from mrm.signoff.models import Decision, Request
from mrm.validation import services as validation
from mrm.validation.models import Validation

KINDS = ["performance", "bias", "stability", "explainability"]
Tell = Callable[[str], None]
PATIENCE_S = 600.0


def walk(tell: Tell) -> None:
    """Everything a newcomer should find: a version in production, one waiting for signatures, an open finding."""
    with tempfile.TemporaryDirectory(prefix="mrm-demo-") as folder:
        tell("training two models on generated data")
        material = prepare(Path(folder))
        facts = plan()
        tell("registering the inventory")
        _inventory(facts)
        model, data = _register(facts, material)
        tell("version 1.0.0: evaluation, validation, signatures, deployment")
        first = _version(model, "1.0.0", material, material.logistic, data)
        _evaluate(first, data["test"])
        _validate(first, finding=True)
        _decide(approval.submit(first, actor=account_of("priya"), note="First version for production."))
        _deploy(first)
        tell("version 1.1.0: evaluated, validated, waiting for its second signature")
        second = _version(model, "1.1.0", material, material.boosted, data)
        _evaluate(second, data["test"], evaluation.KINDS)
        _validate(second, finding=False)
        waiting = approval.submit(second, actor=account_of("priya"), note="Boosted trees replace the logistic form.")
        _sign(
            waiting, "jonas", "The gain in discrimination is real; the known gap by sex is written down as a finding."
        )


def drain(record: Run | Revision, waiting: set[str]) -> None:
    """Do the waiting work here and now, as a worker would, until the record is `waiting` no more.

    Workers may run beside: what one of them took before is waited for.
    """
    until = time.monotonic() + PATIENCE_S
    while record.status in waiting and time.monotonic() < until:
        if not run_next():
            time.sleep(0.2)
        record.refresh_from_db()


def _inventory(facts: dict[str, Any]) -> None:
    for entry in facts["inventory"]:
        owner = account_of("sofia" if entry["unit"] == "markets" else "daniel")
        developer = account_of("sofia" if entry["unit"] == "markets" else "priya")
        model = inventory.register(
            name=entry["name"],
            use_summary=entry["use"],
            key_features="Described in the model document.",
            unit=owner.person.unit,
            owner=owner.person,
            developer=developer.person,
            actor=owner,
        )
        inventory.rate_model(
            model, answers={key: entry["answers"].get(key, 1) for key in facts["answers"]}, actor=owner
        )


def _register(facts: dict[str, Any], material: Material) -> tuple[Model, dict[str, Dataset]]:
    daniel, priya = account_of("daniel"), account_of("priya")
    model = inventory.register(
        unit=daniel.person.unit, owner=daniel.person, developer=priya.person, actor=priya, **facts["model"]
    )
    inventory.rate_model(model, answers=facts["answers"], actor=daniel)
    tables: tuple[tuple[str, Table, bool], ...] = (
        ("training", material.training, False),
        ("test", material.test, False),
        ("protected", material.protected, True),
    )
    data = {
        role: inventory.register_dataset(
            name=f"Applications, {role}",
            source="Generated: applications of a bank that never existed, with a documented bias by sex",
            description="Every woman's bureau score is 45 points lower than her credit standing earns her.",
            period="2026",
            unit=model.unit,
            parquet=table.path,
            manifest=table.manifest,
            holds_protected=protected,
            actor=priya,
        )
        for role, table, protected in tables
    }
    return model, data


def _version(model: Model, label: str, material: Material, artifact: bytes, data: dict[str, Dataset]) -> Version:
    priya = account_of("priya")
    boosted = artifact is material.boosted
    version = inventory.add_version(
        model,
        label=label,
        developer=priya.person,
        methodology="Gradient boosted trees, 80 trees of depth 3" if boosted else "Logistic regression, standardised",
        intended_use="Applications for unsecured retail credit",
        training_window="Generated applications 1 to 3,000",
        features=list(material.features),
        target="default",
        cutoff=str(material.cutoff),
        actor=priya,
    )
    for role, dataset in data.items():
        inventory.link_dataset(version, dataset=dataset, role=role, actor=priya)
    name = f"retail-credit-{label}.onnx"
    attached = inventory.attach_artifact(version, chunks=chunks(artifact), filename=name, kind="onnx", actor=priya)
    dispatch_all()  # as the bell does where there are workers: the artifact is inspected with the next job
    return attached


def _evaluate(version: Version, dataset: Dataset, kinds: Sequence[str] = KINDS) -> Run:
    settings = {
        "label": "default",
        "positive": 1,
        "cutoff": str(version.cutoff),
        "favourable": "below",
        "references": {"sex": "M"},
        "event_name": "Default",
    }
    asked = list(kinds)
    run = evaluation.start(version, dataset=dataset, kinds=asked, settings=settings, actor=account_of("priya"))
    drain(run, {RunState.QUEUED})
    if run.status != "done":
        raise RuntimeError(f"{run.ref} did not complete: {run.error}")
    return run


def _validate(version: Version, *, finding: bool) -> Validation:
    tomas = account_of("tomas")
    run = version.runs.get(status="done")
    opened = validation.request(version, actor=account_of("priya"))
    opened = validation.take(opened, actor=tomas)
    opened = validation.write_plan(
        opened,
        plan="Recompute outcomes and fairness on the test data; challenge the form; check the artifact.",
        actor=tomas,
    )
    for pillar, title in (
        ("outcomes", "Discrimination and calibration on the test data"),
        ("fairness", "Outcome and score disparity by sex, age and region"),
        ("explainability", "Attributions and their additivity"),
    ):
        validation.add_evidence(opened, pillar=pillar, title=title, run=run, actor=tomas)
    validation.add_evidence(
        opened,
        pillar="soundness",
        title="Choice of form and characteristics",
        text="Signs agree with expectation; the bureau score carries the largest weight.",
        actor=tomas,
    )
    if finding:
        _finding(opened)
    given = validation.conclude(
        opened,
        outcome="fit_with_findings",
        conclusion="Discriminates and calibrates well; women are approved less often at equal risk, see the finding.",
        residual_risk="moderate",
        actor=tomas,
    )
    _sign(given.request, "elena", "Plan and evidence read; the outcome follows from them.")
    version.refresh_from_db()
    return opened


def _finding(opened: Validation) -> None:
    """One finding goes all the way to closed, one stays open."""
    tomas, daniel = account_of("tomas"), account_of("daniel")
    closed = validation.raise_finding(
        opened,
        title="Handling of missing income is not described",
        description="The development document does not say what happens to an application without income.",
        severity="medium",
        owner=daniel.person,
        actor=tomas,
    )
    closed = validation.accept_finding(closed, response="Agreed.", actor=daniel)
    answer = "Section 4.2 now says that such applications go to a person."
    closed = validation.remediate_finding(closed, remediation=answer, actor=daniel)
    asked = closed.asked
    assert asked is not None
    _sign(asked, "elena", "Section 4.2 read and tried on ten applications.")
    validation.raise_finding(
        opened,
        title="Bureau score lies lower for women at equal risk",
        description="The approval ratio of women lies below the 0.90 watch line; the bureau score explains the gap.",
        severity="medium",
        owner=daniel.person,
        actor=tomas,
    )


def _decide(request: Request) -> None:
    due = (timezone.localdate() + dt.timedelta(days=90)).isoformat()
    condition = {
        "text": "Review the bureau score for women and report the approval ratio",
        "owner": "daniel@nordhaven.example",
        "due": due,
        "evidence": "Report by Model Validation",
    }
    _sign(request, "jonas", "Outcomes hold; the gap by sex must be looked at within the quarter.", [condition])
    _sign(request, "maria", "Evidence read; I agree with the condition that was set.")


def _sign(request: Request, who: str, rationale: str, conditions: list[dict[str, str]] | None = None) -> None:
    signer = account_of(who)
    decision = Decision.CONDITIONS if conditions else Decision.APPROVE
    _, token = signoff.compose(
        request, decision=decision, rationale=rationale, conditions=conditions or [], actor=signer
    )
    signoff.sign(request, token=token, password=PASSWORD, actor=signer)


def _deploy(version: Version) -> Revision:
    lucia = account_of("lucia")
    target = Target.objects.get(key="decision-engine")
    deployment.check_target(target, actor=account_of("admin"))
    place = deployment.create(version.model, target=target, endpoint="retail-credit", actor=lucia)
    revision = deployment.deploy(place, version=Version.objects.get(pk=version.pk), reason="First go-live", actor=lucia)
    asked = release_request(revision)
    assert asked is not None
    _sign(asked, "maria", "The approved bytes, to the place that was tested.")
    drain(revision, {RevisionState.AWAITING, RevisionState.PENDING})
    if revision.status != RevisionState.APPLIED:
        raise RuntimeError(f"the deployment failed: {revision.error}")
    return revision
