"""Ask for a part of the log as a file, make it, say why it was not made, hand it out."""

import csv
import datetime as dt
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import transaction
from django.utils import timezone

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.core import blobs
from mrm.core.actors import Actor, permit
from mrm.core.blobs import Blob
from mrm.core.refusal import Invalid, Refused
from mrm.core.sheets import safe
from mrm.inventory.models import Model
from mrm.jobs import services as jobs
from mrm.jobs.kinds import Progress
from mrm.prediction import queries
from mrm.prediction.models import Extract, ExtractFormat, Prediction
from mrm.prediction.services.alerts import LOG
from mrm.prediction.workflow import EXTRACTS, ExtractState

LONGEST = dt.timedelta(days=366)
GIVEN = ("inputs", "outputs")


@audited("prediction.request_extract", "asked for the {subject}")
def request_extract(
    model: Model, *, since: dt.date, until: dt.date, actor: Account, format: str = "parquet", with_inputs: bool = False
) -> Extract:
    """Ask a worker for the log of a model over some days; inputs and outputs only for who may read them."""
    permit(actor, "prediction.request_extract", model)
    if with_inputs:
        permit(actor, queries.VIEW_INPUTS, model)
    if format not in ExtractFormat.values:
        raise Invalid(f"{format} is no format; it is parquet or csv.", fields={"format": ["Unknown."]})
    if until < since or until - since > LONGEST:
        raise Invalid(
            "The last day is the first or a later one, 366 days at most.", fields={"until": ["See the first day."]}
        )
    extract = Extract.objects.create(
        model=model, since=since, until=until, format=format, with_inputs=with_inputs, requested_by=actor
    )
    extract.refresh_from_db()
    describe(with_inputs=with_inputs, format=format)
    jobs.request("prediction.extract", label=str(extract), subject=extract, actor=actor, extract=str(extract.pk))
    return extract


def carry_out(extract_id: str, progress: Progress) -> None:
    """Write and keep the file; an extract that ended before is left as it is."""
    extract = Extract.objects.select_related("model__unit").get(pk=extract_id)
    if extract.status != ExtractState.QUEUED:
        return
    progress("Reading the log")
    with TemporaryDirectory(prefix="mrm-extract-") as folder, transaction.atomic():
        target = Path(folder) / "extract"
        rows = _write(extract, target)
        with target.open("rb") as source:
            kept = blobs.put(iter(lambda: source.read(blobs.CHUNK), b""), largest=sys.maxsize)
        issue_extract(extract, file=kept, rows=rows, actor=LOG)


def _write(extract: Extract, target: Path) -> int:
    from mrm.prediction.queries import parquet  # noqa: PLC0415  pyarrow loads in workers only

    left_out = ("file", "line") if extract.with_inputs else ("file", "line", *GIVEN)
    if extract.format == ExtractFormat.PARQUET:
        return parquet.write(queries.rows_of(extract), target, without=left_out)
    return _write_csv(queries.rows_of(extract), target, [name for name in parquet.SCHEMA.names if name not in left_out])


def _write_csv(rows: Iterable[Prediction], target: Path, names: list[str]) -> int:
    count = 0
    with target.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(names)
        for count, row in enumerate(rows, start=1):  # noqa: B007  the last number is how many there were
            told = {name: getattr(row, name) for name in names} | {
                "flags": " | ".join(row.flags),
                "at": row.at.isoformat(),
            }
            writer.writerow([safe(told[name]) for name in names])
    return count


@audited("prediction.issue_extract", "issued the {subject}: {rows} rows, digest {digest}")
def issue_extract(extract: Extract, *, file: Blob, rows: int, actor: Actor) -> Extract:
    """Put the file on record; from here on it never changes."""
    extract = _locked(extract)
    EXTRACTS.move(extract, "issue_extract", actor)
    extract.sha256, extract.size, extract.rows, extract.issued_at = file.sha256, file.size, rows, timezone.now()
    extract.save(update_fields=["status", "sha256", "size", "rows", "issued_at"])
    describe(rows=rows, digest=f"{file.sha256[:12]}…", sha256=file.sha256)
    return extract


@audited("prediction.fail_extract", "could not make the {subject}: {error}")
def fail_extract(extract: Extract, *, error: str, actor: Actor) -> Extract:
    """Record that an extract was not made."""
    extract = _locked(extract)
    EXTRACTS.move(extract, "fail_extract", actor)
    extract.error = error
    extract.save(update_fields=["status", "error"])
    describe(error=error)
    return extract


@audited("prediction.download_extract", "downloaded the {subject}")
def download_extract(extract: Extract, *, actor: Account) -> Extract:
    """Hand the file out, to nobody who might not have asked for it; who took it is on record."""
    permit(actor, "prediction.request_extract", extract)
    if extract.with_inputs:
        permit(actor, queries.VIEW_INPUTS, extract)
    if extract.status != ExtractState.ISSUED:
        raise Refused(f"{extract.ref} is {extract.get_status_display().lower()}; there is no file to download.")
    describe(sha256=extract.sha256)
    return extract


def give_up_extract(extract_id: str, sentence: str) -> None:
    """Record that an extract was not made, unless it ended meanwhile."""
    extract = Extract.objects.select_related("model__unit").get(pk=extract_id)
    if extract.status == ExtractState.QUEUED:
        fail_extract(extract, error=sentence, actor=LOG)


def _locked(extract: Extract) -> Extract:
    return Extract.objects.select_for_update(of=("self",)).select_related("model__unit").get(pk=extract.pk)
