"""Have an artifact converted to ONNX, and keep what came of it: a new draft beside it, or why there is none."""

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils import timezone

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.evaluation import policies, queries
from mrm.evaluation.models import Conversion
from mrm.evaluation.workflow import CONVERSION, RunState
from mrm.inventory import services as inventory
from mrm.inventory.models import ArtifactKind, Dataset, Version
from mrm.inventory.policies import label_is_plain
from mrm.jobs import services as jobs

if TYPE_CHECKING:
    from mrm.measures.parity import Converted


@audited("evaluation.convert", "asked for the {subject}, compared on {dataset}")
def convert(version: Version, *, label: str, dataset: Dataset, tolerance: Decimal, actor: Account) -> Conversion:
    """Ask a worker to convert the artifact, and to compare both models on rows linked to the version."""
    permit(actor, "evaluation.convert", version)
    version = (
        Version.objects.select_for_update(of=("self",)).select_related("model__unit", "artifact").get(pk=version.pk)
    )
    if closed := policies.why_not_convert(version, queries.is_being_converted(version)):
        raise Refused(closed)
    if closed := queries.why_not_run_here(version.artifact):
        raise Refused(f"{closed}.")
    _check(version, label, dataset, tolerance)
    assert version.artifact_id
    made = Conversion.objects.create(
        source=version,
        source_sha256=version.artifact_id,
        dataset=dataset,
        label=label,
        tolerance=tolerance,
        requested_by=actor,
    )
    jobs.request("evaluation.convert", label=str(made)[:200], subject=made, actor=actor, conversion=str(made.pk))
    describe(dataset=dataset.name, label=label, tolerance=str(tolerance), sha256=version.artifact_id)
    return made


def _check(version: Version, label: str, dataset: Dataset, tolerance: Decimal) -> None:
    faults: dict[str, str | None] = {
        "label": label_is_plain(label)
        or (
            f"{version.model} has a version {label} already."
            if version.model.versions.filter(label=label).exists()
            else None
        ),
        "dataset": None
        if version.datasets.filter(dataset=dataset).exists()
        else f"{dataset} is not linked to {version}; choose one that is.",
        "tolerance": None if 0 < tolerance < 1 else "The tolerance lies between 0 and 1, such as 0.000001.",
    }
    if absent := [name for name in version.features if name not in dataset.columns]:
        faults["dataset"] = f"{dataset} has no column {', '.join(absent)}, which the model needs."
    found = {name: sentence for name, sentence in faults.items() if sentence}
    if found:
        raise Invalid(*found.values(), fields={name: [sentence] for name, sentence in found.items()})


@audited("evaluation.complete_conversion", "completed the {subject}: {made}")
def complete_conversion(
    conversion: Conversion, *, found: "Converted", chunks: Iterable[bytes], actor: Account
) -> Conversion:
    """Put the converted model beside its source as a draft of its own, with the same facts and data."""
    conversion = _locked(conversion)
    CONVERSION.move(conversion, "complete_conversion", actor)
    made = _draft(conversion, found, chunks, actor)
    conversion.made, conversion.made_sha256, conversion.finished_at = made, found.sha256, timezone.now()
    conversion.converter, conversion.parity = found.converter, _told(conversion, found)
    conversion.save(update_fields=["status", "made", "made_sha256", "finished_at", "converter", "parity"])
    describe(made=str(made), source_sha256=conversion.source_sha256, sha256=found.sha256, **conversion.parity)
    return conversion


def _draft(conversion: Conversion, found: "Converted", chunks: Iterable[bytes], actor: Account) -> Version:
    source = conversion.source
    facts = {name: getattr(source, name) for name in inventory.version.EDITABLE}
    facts["notes"] = f"Converted from {source.label} by {found.converter}. {source.notes}".strip()
    draft = inventory.add_version(
        source.model, label=conversion.label, developer=source.developer, actor=actor, **facts
    )
    for link in source.datasets.select_related("dataset"):
        inventory.link_dataset(draft, dataset=link.dataset, role=link.role, actor=actor)
    name = f"{source.model.ref}-{conversion.label}.onnx"
    return inventory.attach_artifact(
        draft, chunks=chunks, filename=name, kind=ArtifactKind.ONNX, sha256=found.sha256, actor=actor
    )


def _told(conversion: Conversion, found: "Converted") -> dict[str, int | str]:
    """Numbers as text: what is on record is the same everywhere."""
    parity, cutoff = found.parity, conversion.source.cutoff
    told: dict[str, int | str] = {"rows": parity.rows, "max_difference": f"{parity.largest:.3g}"}
    if parity.decisions is not None and cutoff is not None:
        told |= {"decisions_differ": parity.decisions, "cutoff": str(cutoff.normalize())}
    return told


@audited("evaluation.fail_conversion", "could not complete the {subject}: {error}")
def fail_conversion(conversion: Conversion, *, error: str, actor: Actor) -> Conversion:
    """Keep why there is no converted model."""
    conversion = _locked(conversion)
    CONVERSION.move(conversion, "fail_conversion", actor)
    conversion.error, conversion.finished_at = error, timezone.now()
    conversion.save(update_fields=["status", "error", "finished_at"])
    describe(error=error)
    return conversion


def give_up_conversion(conversion_id: str, sentence: str) -> None:
    """Record that a conversion did not end well, unless it ended meanwhile."""
    found = Conversion.objects.select_related("requested_by").get(pk=conversion_id)
    if found.status == RunState.QUEUED:
        fail_conversion(found, error=sentence, actor=found.requested_by)


def _locked(conversion: Conversion) -> Conversion:
    rows = Conversion.objects.select_for_update(of=("self",)).select_related("source__model__unit", "source__developer")
    return rows.get(pk=conversion.pk)
