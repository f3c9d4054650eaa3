from mrm.audit.trail import audited
from mrm.core.actors import Actor, permit
from mrm.core.packs import PackFile
from mrm.core.refusal import Refused
from mrm.inventory.models import Pack


@audited("inventory.load_pack", "loaded the pack {subject}")
def load_pack(file: PackFile, *, actor: Actor) -> Pack:
    """Put a version of a pack in force; the versions before it stay for the records judged by them."""
    permit(actor, "inventory.load_pack", None)
    known = Pack.objects.filter(kind=file.kind, key=file.key, version=file.version).first()
    if known is not None:
        if known.digest != file.digest:
            raise Refused(f"{known} is loaded with other content: a changed pack needs a new version.")
        return known
    Pack.objects.filter(kind=file.kind, key=file.key, current=True).update(current=False)
    return Pack.objects.create(
        kind=file.kind, key=file.key, version=file.version, title=file.title, digest=file.digest, content=file.content
    )
