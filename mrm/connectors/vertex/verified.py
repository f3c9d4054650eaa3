"""What would score a batch: a registered model as we wrote it, whose bytes are read back where it reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import Integrity
from ..http import Backend
from ..names import hashed
from ..reading import text
from ..values import Op, artifact_digest
from . import plan
from .plan import WHO
from .storage import Folder


@dataclass(frozen=True)
class Verified:
    """The model and version, the digest of the bytes that lie there, and which generation of them that is."""

    model: str
    version: str
    digest: str
    stamp: str

    def __str__(self) -> str:
        return f"Version {self.version} of {self.model}, digest {self.digest}."


def verified(
    name: str, registered: Mapping[str, Any], storage: Backend, config: Mapping[str, Any], op: Op | None
) -> Verified:
    """Raises Integrity unless the model of this name is as we wrote it and its bytes are those of its digest.

    The digest is computed over every object in the folder that the model reads, each in exactly the generation listed.
    """
    told = plan.told(registered)
    reason = plan.altered_model(told, registered, config) if told else "It is not one that we registered."
    if not reason and not name.endswith(f"/models/{plan.model_id(told, config)}@1"):
        reason = "It was registered under another name than that of its version."
    if reason:
        raise Integrity(f"The model {name.rpartition('/')[2]} does not score a batch. {reason}")
    folder = Folder(storage, text(registered, "artifactUri", WHO))
    files = folder.listed(op=op)
    digests = {each.name: folder.sha256(each, op) for each in files}
    if not digests or artifact_digest(digests) != told["digest"]:
        raise Integrity(
            f"The bytes behind version {told['version']} are not those of the digest it was registered with."
        )
    stamp = hashed(*(word for each in files for word in (each.name, each.generation)))[:40]
    return Verified(told["model"], told["version"], told["digest"], stamp)
