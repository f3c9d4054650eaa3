"""A version on its way to approval, taken there by the real services."""

import datetime as dt
from decimal import Decimal
from typing import Any

from django.utils import timezone

from mrm.access.models import Account
from mrm.evaluation.models import Run
from mrm.evaluation.services import complete
from mrm.inventory import services as inventory
from mrm.inventory.models import Dataset, Model, Pack, Version
from mrm.measures.evaluation import RunOutcome
from mrm.measures.results import Result
from mrm.signoff.models import Proposal, open_request
from mrm.validation import services
from mrm.validation.models import Finding, Validation
from tests.factories.access import Cast
from tests.factories.inspection import inspected, small_onnx
from tests.factories.signing import sign

ANSWERS = {
    "exposure_size": 2,
    "exposure_growth": 1,
    "purpose_weight": 2,
    "use_frequency": 3,
    "customer_effect": 3,
    "customer_count": 2,
    "regulatory_role": 0,
    "method": 1,
    "assumptions": 1,
    "implementation": 1,
    "data_quality": 1,
    "data_kind": 1,
    "explanation_gap": 1,
    "human_role": 1,
    "adaptation": 0,
}
TIER_ONE = ANSWERS | {"regulatory_role": 3}


def model(cast: Cast, name: str = "Retail PD scorecard", answers: dict[str, int] | None = None, **facts: Any) -> Model:
    """A model of the cast's owner and developer, rated; tier 1 unless the answers say otherwise."""
    made = inventory.register(
        name=name,
        use_summary="Application scoring, unsecured retail credit up to SEK 500,000",
        key_features="income, utilisation, time at address",
        rationale="A score decides faster and more evenly than a person.",
        unit=cast.retail,
        owner=cast.owner.person,
        developer=cast.developer.person,
        approved_uses=["Application scoring"],
        limitations=["Not for thin files under 6 months"],
        limitation_conditions=["Manual decision for thin files"],
        actor=cast.owner,
        **facts,
    )
    inventory.rate_model(made, answers=answers or TIER_ONE, actor=cast.owner)
    return Model.objects.get(pk=made.pk)


def version(cast: Cast, of: Model, label: str = "4.0.0", content: bytes | None = None, **facts: Any) -> Version:
    """A draft with its artifact."""
    given = {
        "methodology": "Logistic regression on 17 weight-of-evidence bins, monotone by constraint",
        "intended_use": "Application and behavioural scoring, unsecured retail credit up to SEK 600,000",
        "training_window": "Jan 2020 – Mar 2026",
        "features": ["income", "utilisation"],
        "target": "default",
        "cutoff": Decimal("0.5"),
    }
    made = inventory.add_version(
        of, label=label, developer=cast.developer.person, actor=cast.developer, **given | facts
    )
    payload = content or small_onnx(f"{of.name} {label}")
    inventory.attach_artifact(made, chunks=[payload], filename="model.onnx", kind="onnx", actor=cast.developer)
    inspected(Version.objects.select_related("artifact").get(pk=made.pk))
    data = Dataset.objects.filter(name="Training 2025").first() or dataset(cast, "Training 2025")
    inventory.link_dataset(made, dataset=data, role="training", actor=cast.developer)
    return Version.objects.get(pk=made.pk)


def dataset(cast: Cast, name: str = "Applications 2026") -> Dataset:
    """A data set as the store would hold it; its bytes are not read here."""
    from mrm.audit.trail import recorded

    manifest = {"sha256": name.encode().hex().ljust(64, "0")[:64], "rows": 214006, "columns": []}
    with recorded("inventory.register_dataset", actor=cast.developer) as action:
        made = Dataset.objects.create(
            name=name,
            source="Loan system",
            unit=cast.retail,
            sha256=manifest["sha256"],
            size=1,
            rows=manifest["rows"],
            manifest=manifest,
        )
        action.subject = made
    return made


def outcome(**values: float) -> RunOutcome:
    """A small result, made by hand."""
    numbers = {"auc": 0.812, "ks": 0.462, "ece": 0.0389} | values
    results = tuple(
        Result(name, value, value - 0.01, value + 0.01, 214006, "by hand", "watch below 0.75, fail below 0.65", "pass")
        for name, value in numbers.items()
    )
    group = Result(
        "air",
        0.84,
        0.80,
        0.88,
        2000,
        "by hand",
        "watch below 0.90, fail below 0.80",
        "watch",
        attribute="age_band",
        group="18 to 25",
    )
    return RunOutcome((*results, group), (), {}, {}, {"seed": 1}, "0" * 64)


def run(
    cast: Cast, of: Version, kinds: tuple[str, ...] = ("performance", "bias", "explainability"), **values: float
) -> Run:
    """A completed run, as a worker would leave it."""
    from mrm.audit.trail import recorded

    data = Dataset.objects.filter(name="Applications 2026").first() or dataset(cast)
    suite = Pack.objects.get(kind="test_suite", key="credit-decision", current=True)
    with recorded("evaluation.start", actor=cast.developer) as action:
        made = Run.objects.create(
            version=of,
            dataset=data,
            suite=suite,
            artifact_sha256=of.artifact_id,
            kinds=list(kinds),
            settings={"seed": 1},
            requested_by=cast.developer,
        )
        made.refresh_from_db()
        action.subject = made
    return complete(made, outcome=outcome(**values), actor=cast.developer)


def under_way(cast: Cast, of: Version) -> Validation:
    """Taken on by the cast's validator, with its plan."""
    asked = services.request(of, actor=cast.developer)
    taken = services.take(Validation.objects.get(pk=asked.pk), actor=cast.validator)
    return services.write_plan(taken, plan="Soundness, outcomes, fairness.", actor=cast.validator)


def finding(cast: Cast, on: Validation, severity: str = "medium", title: str = "Utilisation ratio shifted") -> Finding:
    return services.raise_finding(
        on,
        title=title,
        description="The stability index is over its threshold since 2024.",
        severity=severity,
        owner=cast.owner.person,
        actor=cast.validator,
    )


def concluded(cast: Cast, on: Validation, result: str = "fit") -> Validation:
    services.add_evidence(on, pillar="soundness", title="Review", text="Read and challenged.", actor=cast.validator)
    return outcome_signed(
        cast,
        services.conclude(
            on, outcome=result, conclusion="Fit for its use.", residual_risk="moderate", actor=cast.validator
        ),
    )


def outcome_signed(cast: Cast, proposal: Proposal) -> Validation:
    """The validation, after a second validator signed its outcome."""
    sign(proposal.request, cast.second_validator)
    return Validation.objects.get(pk=proposal.target)


def validated(cast: Cast, of: Version, *, runs: bool = True, result: str = "fit") -> Version:
    """A version that passed validation, with evidence of every kind unless told otherwise."""
    if runs:
        run(cast, of)
    concluded(cast, under_way(cast, of), result)
    return Version.objects.get(pk=of.pk)


def answer(cast: Cast, found: Finding, to: str) -> Finding:
    """The finding taken to a state by the people whose part it is."""
    steps: dict[str, list[tuple[str, dict[str, str], Account]]] = {
        "open": [],
        "rebutted": [("rebut_finding", {"rebuttal": "The shift is the product's."}, cast.owner)],
        "accepted": [("accept_finding", {"response": "Agreed."}, cast.owner)],
    }
    steps["planned"] = [*steps["accepted"], ("plan_finding", {"plan": "Refit by May."}, cast.owner)]
    steps["in_progress"] = [*steps["planned"], ("begin_finding", {}, cast.owner)]
    steps["evidence_submitted"] = [
        *steps["in_progress"],
        ("remediate_finding", {"remediation": "Refitted."}, cast.owner),
    ]
    before = {"closed": "evidence_submitted", "withdrawn": "open", "risk_accepted": "accepted"}
    for name, words, actor in steps[before.get(to, to)]:
        found = getattr(services, name)(found, **words, actor=actor)
    if to == "withdrawn":
        services.withdraw_finding(found, reason="Seen again, it holds.", actor=cast.validator)
    if to == "risk_accepted":
        until = timezone.localdate() + dt.timedelta(days=90)
        services.accept_risk(
            found, reason="The refit waits for data.", compensation="Manual review.", until=until, actor=cast.owner
        )
    if to in before:
        asked = open_request(str(found.pk))
        assert asked is not None
        for signer in (cast.lead, cast.officer) if to == "risk_accepted" else (cast.second_validator,):
            sign(asked, signer)
    return Finding.objects.get(pk=found.pk)
