"""The main job, walked through the real services: from registration to a decision in force."""

import datetime as dt
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from django.utils import timezone

from mrm.access.models import Account
from mrm.approval import services as approval
from mrm.approval.models import Approval
from mrm.evaluation import services as evaluation
from mrm.evaluation.models import Run
from mrm.inventory import services as inventory
from mrm.inventory.models import Dataset, Pack, Version
from mrm.jobs.runner import run_next
from mrm.project.demo.bank import plan
from mrm.project.demo.material import Material, prepare
from mrm.signoff import services as signoff
from mrm.signoff.models import Decision, Request
from mrm.validation import services as validation
from mrm.validation.models import Validation
from tests.factories.access import PASSWORD, Cast, fresh, with_password
from tests.factories.inspection import inspected
from tests.factories.validation import outcome_signed

KINDS = ["performance", "bias", "explainability"]


@cache
def material() -> Material:
    """Data and models, made once per process."""
    return prepare(Path(tempfile.mkdtemp(prefix="mrm-journey-")), rows=2_000, seed=2028)


def drain() -> None:
    while run_next():
        pass


def version(cast: Cast, *, kind: str = "onnx", label: str = "1.0.0") -> Version:
    """A rated model with a draft that has data and an artifact."""
    made, facts = material(), plan()
    model = inventory.register(
        unit=cast.retail,
        owner=cast.owner.person,
        developer=cast.developer.person,
        actor=cast.developer,
        **facts["model"],
    )
    inventory.rate_model(model, answers=facts["answers"], actor=cast.owner)
    draft = inventory.add_version(
        model,
        label=label,
        developer=cast.developer.person,
        methodology="Logistic regression",
        intended_use="Unsecured retail credit",
        features=list(made.features),
        target="default",
        cutoff=str(made.cutoff),
        actor=cast.developer,
    )
    for role in ("training", "test", "protected"):
        inventory.link_dataset(draft, dataset=_dataset(cast, role), role=role, actor=cast.developer)
    attached = inventory.attach_artifact(
        draft, chunks=iter([made.logistic]), filename=f"model.{kind}", kind=kind, actor=cast.developer
    )
    inspected(attached)
    return attached


def _dataset(cast: Cast, role: str) -> Dataset:
    table = getattr(material(), role)
    return inventory.register_dataset(
        name=f"Applications, {role}",
        source="Generated",
        unit=cast.retail,
        parquet=table.path,
        manifest=table.manifest,
        holds_protected=role == "protected",
        actor=cast.developer,
    )


def settings(**changed: Any) -> dict[str, Any]:
    chosen = {"label": "default", "positive": 1, "cutoff": str(material().cutoff), "favourable": "below"}
    return {**chosen, "references": {"sex": "M"}, "event_name": "Default", **changed}


def started(
    cast: Cast,
    draft: Version,
    kinds: list[str] | None = None,
    suite: Pack | None = None,
    by: Account | None = None,
    **changed: Any,
) -> Run:
    """A run that waits for a worker; the developer asks for it unless somebody else does."""
    dataset = draft.datasets.get(role="test").dataset
    return evaluation.start(
        draft, dataset=dataset, kinds=kinds or KINDS, settings=settings(**changed), suite=suite,
        actor=fresh(by or cast.developer),
    )  # fmt: skip


def evaluated(
    cast: Cast,
    draft: Version,
    kinds: list[str] | None = None,
    suite: Pack | None = None,
    by: Account | None = None,
    **changed: Any,
) -> Run:
    run = started(cast, draft, kinds, suite, by, **changed)
    drain()
    run.refresh_from_db()
    return run


def validated(cast: Cast, draft: Version, run: Run) -> Validation:
    opened = validation.request(draft, actor=cast.developer)
    validation.take(opened, actor=cast.validator)
    validation.write_plan(opened, plan="Recompute outcomes on the test data.", actor=cast.validator)
    for pillar, title in (
        ("outcomes", "Discrimination on the test data"),
        ("fairness", "Disparity by sex, age and region"),
        ("explainability", "Attributions and their additivity"),
    ):
        validation.add_evidence(opened, pillar=pillar, title=title, run=run, actor=cast.validator)
    validation.add_evidence(
        opened, pillar="soundness", title="Choice of form", text="Signs agree with expectation.", actor=cast.validator
    )
    validation.raise_finding(
        opened,
        title="Bureau score lies lower for women",
        description="The approval ratio of women lies below the watch line.",
        severity="medium",
        owner=cast.owner.person,
        actor=cast.validator,
    )
    given = validation.conclude(
        opened,
        outcome="fit_with_findings",
        conclusion="Discriminates well; women are approved less often at equal risk.",
        residual_risk="moderate",
        actor=cast.validator,
    )
    return outcome_signed(cast, given)


def approved(cast: Cast) -> Version:
    """A version in force with one condition, signed by two risk officers."""
    draft = version(cast)
    validated(cast, draft, evaluated(cast, draft))
    draft.refresh_from_db()
    request = approval.submit(draft, actor=cast.developer, note="For production.")
    condition = {
        "text": "Review the bureau score for women",
        "owner": cast.owner.person.email,
        "due": (timezone.localdate() + dt.timedelta(days=90)).isoformat(),
        "evidence": "Report by Model Validation",
    }
    _sign(request, with_password(cast.officer), "Outcomes hold; the gap must be looked at.", [condition])
    _sign(request, with_password(cast.second_officer), "Evidence read.")
    assert Approval.objects.filter(version=draft, status="valid").exists()
    return Version.objects.select_related("model__unit").get(pk=draft.pk)


def _sign(request: Request, signer: Any, rationale: str, conditions: list[dict[str, str]] | None = None) -> None:
    decision = Decision.CONDITIONS if conditions else Decision.APPROVE
    _, token = signoff.compose(
        request, decision=decision, rationale=rationale, conditions=conditions or [], actor=signer
    )
    signoff.sign(request, token=token, password=PASSWORD, actor=signer)
