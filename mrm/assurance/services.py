"""Ask for an export, issue it, say why it was not made, hand it out."""

from pathlib import Path
from tempfile import TemporaryDirectory

from django.utils import timezone

from mrm.access.models import Account
from mrm.assurance import queries
from mrm.assurance.models import Export, ScopeKind
from mrm.assurance.workflow import FLOW, ExportState
from mrm.audit.export import Made, write_bundle
from mrm.audit.queries import reads_everything
from mrm.audit.trail import audited, describe
from mrm.core import blobs
from mrm.core.actors import Actor, System, permit
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.inventory.models import Model
from mrm.jobs import services as jobs
from mrm.jobs.kinds import Progress


@audited("assurance.request_export", "asked for an export, {what}")
def request(*, actor: Account, scope: str = ScopeKind.LOG, model: Model | None = None, since: int = 0) -> Export:
    """Ask a worker for a bundle; one of a scope is made at a time."""
    permit(actor, "assurance.export", model)
    _check(actor, scope, model, since)
    if waiting := queries.waiting_like(scope, model, since):
        raise Refused(f"{waiting.ref}, {waiting.what}, is being made already; it will hold the same.")
    export = Export.objects.create(scope=scope, model=model, since=since, requested_by=actor)
    export.refresh_from_db()
    describe(what=export.what)
    jobs.request(
        "assurance.export", label=f"Export {export.ref} of {export.what}"[:200], subject=export, actor=actor,
        export=str(export.pk),
    )  # fmt: skip
    return export


def carry_out(export_id: str, progress: Progress) -> None:
    """Write and keep the bundle; an export that ended before is left as it is."""
    export = Export.objects.select_related("model__unit").get(pk=export_id)
    if export.status != ExportState.QUEUED:
        return
    try:
        with TemporaryDirectory(prefix="mrm-export-") as folder:
            target = Path(folder) / "bundle.zip"
            made = write_bundle(target, export.bundle_scope, progress)
            progress("Keeping the file", made.events, made.events)
            blobs.put_file(target)
        issue(export, made=made, actor=System("assurance"))
    except Refused as refusal:
        give_up(export_id, str(refusal))
        raise


@audited("assurance.issue_export", "issued {subject}: {events} events, log size {log_size}, digest {digest}")
def issue(export: Export, *, made: Made, actor: Actor) -> Export:
    """Put the bundle on record; from here on it never changes."""
    export = _locked(export)
    FLOW.move(export, "issue", actor)
    export.sha256, export.size = made.sha256, made.bytes
    export.log_size, export.events, export.issued_at = made.size, made.events, timezone.now()
    export.save(update_fields=["status", "sha256", "size", "log_size", "events", "issued_at"])
    describe(events=made.events, log_size=made.size, digest=f"{made.sha256[:12]}…", sha256=made.sha256)
    return export


@audited("assurance.fail_export", "could not make {subject}: {error}")
def fail(export: Export, *, error: str, actor: Actor) -> Export:
    export = _locked(export)
    FLOW.move(export, "fail", actor)
    export.error = error
    export.save(update_fields=["status", "error"])
    describe(error=error)
    return export


@audited("assurance.download_export", "downloaded {subject}")
def download(export: Export, *, actor: Account) -> Export:
    """Hand the bundle out; who took it is on record."""
    permit(actor, "assurance.export", export)
    if export.status != ExportState.ISSUED:
        raise Refused(f"{export.ref} is {export.get_status_display().lower()}; there is no file to download.")
    describe(sha256=export.sha256)
    return export


def give_up(export_id: str, sentence: str) -> None:
    """Record that an export was not made, unless it ended meanwhile."""
    export = Export.objects.select_related("model__unit").get(pk=export_id)
    if export.status == ExportState.QUEUED:
        fail(export, error=sentence, actor=System("assurance"))


def _check(actor: Account, scope: str, model: Model | None, since: int) -> None:
    if scope not in ScopeKind.values:
        raise Invalid(f"{scope} is no scope; it is {', '.join(ScopeKind.values)}.", fields={"scope": ["Unknown."]})
    if (scope == ScopeKind.OBJECT) != (model is not None):
        raise Invalid("An export of one model names the model, and no other does.", fields={"model": ["See scope."]})
    if scope != ScopeKind.OBJECT and not reads_everything(actor):
        raise Forbidden("The whole log opens to who audits the whole institution; export a model's instead.")
    size = queries.log_state().size
    if (scope == ScopeKind.SINCE and not 0 < since <= size) or (scope != ScopeKind.SINCE and since):
        raise Invalid(
            f"The size to go on from is between 1 and {size}, and only for that scope.",
            fields={"since": [f"1 to {size}."]},
        )


def _locked(export: Export) -> Export:
    return Export.objects.select_for_update(of=("self",)).select_related("model__unit").get(pk=export.pk)
