"""In the worker: have a pickle read by the confined process, which makes nothing it does not know."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from mrm.core import blobs
from mrm.core.actors import System
from mrm.core.refusal import Refused
from mrm.evaluation.models import ExecutionPermission
from mrm.evaluation.services.permission import grant, refuse
from mrm.evaluation.workflow import PermissionState
from mrm.measures.results import EvaluationFailed
from mrm.measures.scoring import scan_artifact


def carry_out(permission_id: str, progress: Callable[[str, int, int], None]) -> None:
    """Scan one artifact; one that was settled before is left as it is, so a second call changes nothing."""
    permission = ExecutionPermission.objects.get(pk=permission_id)
    if permission.status != PermissionState.SCANNING:
        return
    progress("Scanning", 0, 0)
    try:
        with tempfile.TemporaryDirectory(prefix="mrm-scan-") as folder:
            sha256 = permission.artifact_id
            names = scan_artifact(blobs.fetch(sha256, Path(folder)), sha256)
    except (EvaluationFailed, Refused) as fault:
        refuse(permission, error=str(fault), actor=System("evaluation"))
    else:
        grant(permission, names=names, actor=System("evaluation"))
