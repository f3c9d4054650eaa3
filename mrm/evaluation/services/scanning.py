"""In the worker: a permission to run a pickle is granted by a clean inspection of it, and refused by any other."""

from collections.abc import Callable

from mrm.core.actors import System
from mrm.evaluation.models import ExecutionPermission
from mrm.evaluation.services.inspecting import inspect
from mrm.evaluation.services.permission import grant, refuse
from mrm.evaluation.workflow import InspectionOutcome, PermissionState


def carry_out(permission_id: str, progress: Callable[[str, int, int], None]) -> None:
    """Inspect one artifact anew; a permission settled before is left as it is, so a second call changes nothing."""
    permission = ExecutionPermission.objects.select_related("version__model__unit", "artifact").get(pk=permission_id)
    if permission.status != PermissionState.SCANNING:
        return
    progress("Scanning", 0, 0)
    found = inspect(permission.version, permission.artifact)
    if found.outcome == InspectionOutcome.CLEAN:
        grant(permission, names=found.facts.get("names", []), actor=System("evaluation"))
    else:
        refuse(permission, error=" ".join(found.sentences), actor=System("evaluation"))
