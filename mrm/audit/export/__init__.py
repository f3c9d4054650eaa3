"""The bundle that an outsider verifies without us: the log or a part of it, with everything that proves it."""

from mrm.audit.export.bundle import Made, NotReady, write_bundle
from mrm.audit.export.scope import Scope
from mrm.audit.export.snapshot import PINNED

__all__ = ["PINNED", "Made", "NotReady", "Scope", "write_bundle"]
