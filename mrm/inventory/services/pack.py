from django.db.models import QuerySet

from mrm.access.queries import account_of
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, permit
from mrm.core.packs import PackFile
from mrm.core.refusal import Invalid, Refused
from mrm.inventory import policies
from mrm.inventory.models import Pack, PackKind
from mrm.signoff.models import Proposal, Request
from mrm.signoff.services import must_be_signed

ONE_IN_FORCE = (PackKind.TIERING_METHOD, PackKind.FINDINGS_POLICY)


@audited("inventory.load_pack", "loaded the pack {subject}")
def load_pack(file: PackFile, *, actor: Actor) -> Pack:
    """Put the first version of a pack in force, as when an institution is founded; a later one is signed for."""
    permit(actor, "inventory.load_pack", None)
    if known := loaded(file):
        return known
    must_be_usable(file)
    if account_of(actor) or _others(file).exists():
        raise Refused(f"A change of {file.key} is proposed and signed for; it is not loaded.")
    return _put_in_force(file)


@audited("inventory.change_pack", "put the pack {subject} in force, as it was signed for in {request}")
def change_pack(file: PackFile, *, proposal: Proposal, request: Request, actor: Actor) -> Pack:
    """Put a version in force that was signed for; those before it stay for the records judged by them."""
    must_be_signed("pack_change", request, proposal)
    describe(request=request.ref)
    return _put_in_force(file)


def must_be_usable(file: PackFile) -> None:
    """Refuse content that its schema takes and that nothing could be judged by."""
    if reason := policies.why_not_pack(file.kind, file.content):
        raise Invalid(reason, fields={"content": [reason]})


def loaded(file: PackFile) -> Pack | None:
    """The same version as it is known here; with other content it is refused."""
    known = Pack.objects.filter(kind=file.kind, key=file.key, version=file.version).first()
    if known is not None and known.digest != file.digest:
        raise Refused(f"{known} is loaded with other content: a changed pack needs a new version.")
    return known


def _others(file: PackFile) -> QuerySet[Pack]:
    """What the pack would take the place of: its other versions; of a kind of which one is in force, every other."""
    kind = Pack.objects.filter(kind=file.kind)
    return kind if file.kind in ONE_IN_FORCE else kind.filter(key=file.key)


def _put_in_force(file: PackFile) -> Pack:
    Pack.objects.filter(kind=file.kind, key=file.key, current=True).update(current=False)
    return Pack.objects.create(
        kind=file.kind, key=file.key, version=file.version, title=file.title, digest=file.digest, content=file.content
    )
