"""A version walked to its approval; evidence that a test does not need is asked for as a condition."""

import datetime as dt
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from django.utils import timezone

from mrm.approval import services as approval
from mrm.approval.queries import USUAL
from mrm.inventory import services as inventory
from mrm.inventory.models import Dataset, Model, Version
from mrm.measures.frames import to_parquet
from mrm.signoff import queries, services
from mrm.signoff.models import Decision, GateState, Request
from mrm.validation import services as validation
from tests.factories.access import PASSWORD, Cast, fresh, with_password
from tests.factories.inspection import inspected
from tests.factories.validation import outcome_signed

FEATURES = ["income", "debt"]
ANSWERS = {
    "exposure_size": 2, "exposure_growth": 2, "purpose_weight": 3, "use_frequency": 3, "customer_effect": 3,
    "customer_count": 3, "regulatory_role": 2, "method": 2, "assumptions": 1, "implementation": 0, "data_quality": 1,
    "data_kind": 1, "explanation_gap": 1, "human_role": 2, "adaptation": 0,
}  # fmt: skip


@cache
def onnx(seed: int) -> bytes:
    """A small real classifier; another seed, another model."""
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(200, len(FEATURES))).astype("float32")
    model = LogisticRegression().fit(inputs, (inputs[:, 0] + rng.normal(size=200) > 0).astype(int))
    content: bytes = to_onnx(
        model, inputs[:1], options={id(model): {"zipmap": False}}, target_opset=18
    ).SerializeToString()
    return content


def a_model(cast: Cast, name: str = "Credit decision") -> Model:
    model = inventory.register(
        name=name,
        use_summary="Decides on credit",
        key_features="Logistic regression",
        rationale="Speed and evenness",
        approved_uses=["Retail credit"],
        limitations=["None known"],
        unit=cast.retail,
        owner=cast.owner.person,
        developer=cast.developer.person,
        actor=cast.developer,
    )
    inventory.rate_model(model, answers=dict(ANSWERS), actor=cast.owner)
    return model


def a_dataset(cast: Cast, folder: Path, name: str = "Test data") -> Dataset:
    source = folder / f"{name}.csv"
    rows = "\n".join(
        f"{row},{(row * 37 % 100) / 50 - 1},{(row * 61 % 100) / 50 - 1},{row % 3 == 0:d}" for row in range(60)
    )
    source.write_text(f"row_id,income,debt,default\n{rows}\n")
    target = source.with_suffix(".parquet")
    manifest = to_parquet(source, target).as_dict()
    return inventory.register_dataset(
        name=name, source="Made for a test", unit=cast.retail, parquet=target, manifest=manifest,
        holds_protected=False, actor=cast.developer,
    )  # fmt: skip


def a_draft(cast: Cast, model: Model, folder: Path, label: str = "1.0.0", seed: int = 1) -> Version:
    version = inventory.add_version(
        model, label=label, developer=cast.developer.person, features=FEATURES, target="default", cutoff="0.5",
        methodology="Logistic", actor=cast.developer,
    )  # fmt: skip
    data = Dataset.objects.filter(name="Test data").first() or a_dataset(cast, folder)
    inventory.link_dataset(version, dataset=data, role="test", actor=cast.developer)
    attached = inventory.attach_artifact(
        version, chunks=[onnx(seed)], filename=f"model-{label}.onnx", kind="onnx", actor=cast.developer
    )
    inspected(attached)
    return attached


def a_validated(cast: Cast, model: Model, folder: Path, label: str = "1.0.0", seed: int = 1) -> Version:
    version = a_draft(cast, model, folder, label, seed)
    opened = validation.request(version, actor=cast.developer)
    validation.take(opened, actor=cast.validator)
    validation.write_plan(opened, plan="Read and recompute", actor=cast.validator)
    validation.add_evidence(opened, pillar="soundness", title="Form", text="Sound", actor=cast.validator)
    outcome_signed(
        cast, validation.conclude(opened, outcome="fit", conclusion="Fit", residual_risk="low", actor=cast.validator)
    )
    return Version.objects.select_related("model__unit", "artifact").get(pk=version.pk)


def an_approved(
    cast: Cast, model: Model, folder: Path, label: str = "1.0.0", seed: int = 1, environments: Sequence[str] = USUAL
) -> Version:
    """Signed by both risk officers, under conditions for the evidence that was not made."""
    return approved_for(cast, a_validated(cast, model, folder, label, seed), environments)


def approved_for(cast: Cast, version: Version, environments: Sequence[str]) -> Version:
    """The same version approved, or approved anew, for these environments."""
    signed_for(cast, approval.submit(version, environments=environments, actor=cast.developer))
    return Version.objects.select_related("model__unit", "artifact").get(pk=version.pk)


def signed_for(cast: Cast, request: Request) -> None:
    """By both risk officers, under conditions for the evidence that was not made."""
    due = (timezone.localdate() + dt.timedelta(days=30)).isoformat()
    conditions = [
        {"text": gate.title, "gate": gate.key, "owner": cast.owner.person.email, "due": due, "evidence": "A run"}
        for gate in queries.Reading(request).gates
        if gate.state == GateState.MISSING
    ]
    for officer in (cast.officer, cast.second_officer):
        signer = with_password(fresh(officer))
        _, token = services.compose(
            request, decision=Decision.CONDITIONS, rationale="Agreed", conditions=conditions, actor=signer
        )
        services.sign(request, token=token, password=PASSWORD, actor=signer)
