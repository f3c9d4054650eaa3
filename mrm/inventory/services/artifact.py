from collections.abc import Iterable

from mrm.audit.trail import audited, describe
from mrm.core import blobs
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.inventory import policies
from mrm.inventory.models import Artifact, ArtifactKind, Version


@audited("inventory.attach_artifact", "attached the artifact {filename} to {subject}")
def attach_artifact(
    version: Version, *, chunks: Iterable[bytes], filename: str, kind: str, actor: Actor, sha256: str | None = None
) -> Version:
    """Store the bytes and bind them to the draft; `sha256` is the digest the sender announces."""
    permit(actor, "inventory.attach_artifact", version)
    version = Version.objects.select_for_update(of=("self",)).select_related("model__unit").get(pk=version.pk)
    if closed := policies.artifact_open(actor, version):
        raise Refused(closed)
    if kind not in ArtifactKind.values:
        raise Invalid(f"{kind} is no kind of artifact.", fields={"kind": ["Choose one of the kinds offered."]})
    blob = blobs.put(chunks, expected=sha256)
    artifact, _ = Artifact.objects.get_or_create(
        sha256=blob.sha256, defaults={"size": blob.size, "kind": kind, "filename": filename[-200:]}
    )
    if artifact.kind != kind:
        raise Invalid(f"The same bytes are recorded as {artifact.get_kind_display()}, not as {kind}.")
    version.artifact = artifact
    version.revision += 1
    version.save(update_fields=["artifact", "revision"])
    describe(filename=filename, sha256=blob.sha256, size=blob.size, kind=kind)
    return version
