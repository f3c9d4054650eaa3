from pathlib import Path

from mrm.access.models import BusinessUnit
from mrm.audit.trail import audited, describe
from mrm.core import blobs
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.inventory import policies
from mrm.inventory.models import Dataset, DatasetRole, Version, VersionDataset


@audited("inventory.register_dataset", "registered the data set {subject}, {rows} rows")
def register_dataset(
    *,
    name: str,
    source: str,
    unit: BusinessUnit,
    parquet: Path,
    manifest: dict[str, object],
    holds_protected: bool,
    actor: Actor,
    description: str = "",
    period: str = "",
) -> Dataset:
    """Store a data set that was converted to Parquet, with the manifest of what it holds."""
    permit(actor, "inventory.register_dataset", unit)
    blob = blobs.put_file(parquet)
    if blob.sha256 != manifest["sha256"]:
        raise Refused("The stored data are not those of the manifest; send the file again.")
    if Dataset.objects.filter(sha256=blob.sha256, unit=unit, name=name).exists():
        raise Invalid(f"The same data are registered as {name} already.", fields={"file": ["Registered already."]})
    describe(rows=manifest["rows"], sha256=blob.sha256)
    return Dataset.objects.create(
        name=name,
        source=source,
        description=description,
        period=period,
        unit=unit,
        sha256=blob.sha256,
        size=blob.size,
        rows=manifest["rows"],
        manifest=manifest,
        holds_protected=holds_protected,
    )


@audited("inventory.link_dataset", "linked {subject} to {version}")
def link_dataset(version: Version, *, dataset: Dataset, role: str, actor: Actor) -> VersionDataset:
    """Say what part a data set plays for a version."""
    permit(actor, "inventory.link_dataset", version)
    if closed := policies.version_open(actor, version):
        raise Refused(closed)
    if (role == DatasetRole.PROTECTED) != dataset.holds_protected:
        raise Invalid(
            "Protected attributes are kept in a data set of their own: link it as protected, and nothing else so.",
            fields={"role": ["Does not fit the data set."]},
        )
    if VersionDataset.objects.filter(version=version, dataset=dataset, role=role).exists():
        raise Refused(f"{dataset} is linked in this role already.")
    describe(version=str(version))
    return VersionDataset.objects.create(version=version, dataset=dataset, role=role)
