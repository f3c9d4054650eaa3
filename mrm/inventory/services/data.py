import hashlib
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings

from mrm.access.models import BusinessUnit
from mrm.audit.trail import audited, describe
from mrm.core import blobs
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.inventory import policies
from mrm.inventory.models import Dataset, DatasetRole, Version, VersionDataset

LARGEST_TABLE = 64 * 1024 * 1024


@audited("inventory.register_dataset", "registered the data set {subject}, {rows} rows")
def register_dataset(
    *,
    name: str,
    source: str,
    unit: BusinessUnit,
    parquet: Path,
    manifest: dict[str, Any],
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


def register_upload(
    chunks: Iterable[bytes], *, unit: BusinessUnit, actor: Actor, sha256: str | None = None, **facts: Any
) -> Dataset:
    """Convert an uploaded CSV, Parquet or XLSX file and register it; `sha256` is the digest the sender announces."""
    permit(actor, "inventory.register_dataset", unit)
    with tempfile.TemporaryDirectory(prefix="mrm-upload-") as folder:
        received = _received(chunks, Path(folder) / "received", sha256)
        target = Path(folder) / "data.parquet"
        manifest = _converted(received, target)
        return register_dataset(parquet=target, manifest=manifest, unit=unit, actor=actor, **facts)


def _converted(received: Path, target: Path) -> dict[str, Any]:
    """Write the table as Parquet and return its manifest."""
    from mrm.measures.engine import Engine  # noqa: PLC0415  duckdb loads with the first upload only
    from mrm.measures.frames import BadData, to_parquet  # noqa: PLC0415

    try:
        return to_parquet(received, target, engine=Engine(**settings.TABLE_ENGINE)).as_dict()
    except BadData as fault:
        raise Invalid(str(fault), fields={"file": [str(fault)]}) from fault


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


def _received(chunks: Iterable[bytes], target: Path, sha256: str | None) -> Path:
    size, digest = 0, hashlib.sha256()
    with target.open("wb") as file:
        for chunk in chunks:
            size += len(chunk)
            if size > LARGEST_TABLE:
                limit = f"{LARGEST_TABLE // (1024 * 1024)} MiB"
                sentence = (
                    f"The table is larger than {limit}, the largest that is taken here; send Parquet, or a sample."
                )
                raise Invalid(sentence, fields={"file": [sentence]})
            digest.update(chunk)
            file.write(chunk)
    if sha256 and sha256.lower() != digest.hexdigest():
        sentence = (
            f"The bytes received have SHA-256 {digest.hexdigest()}, but {sha256.lower()} was announced;"
            " the upload was cut short or is another file. Send it again."
        )
        raise Invalid(sentence, fields={"sha256": [sentence]})
    return target
