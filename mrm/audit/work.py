"""Long work of this area. The area above that carries work out takes its kinds from here, and is asked by name."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from mrm.audit import services
from mrm.audit.replay import compared
from mrm.core.actors import Actor
from mrm.core.registry import Registry

Progress = Callable[[str, int, int], None]
WORK: Registry[Callable[[dict[str, str], Progress], None]] = Registry("long work of the trail")


def replay(arguments: dict[str, str], progress: Progress) -> None:
    """Compare the live rows with the log and put what came of it on record."""
    services.keep(compared(progress), actor=services.INTEGRITY)


WORK.add("audit.replay", replay)


def ask_for_replay(*, actor: Actor) -> Any:
    """Ask a worker to compare; one that waits or runs already is not asked for twice."""
    return import_string(settings.AUDIT_WORK)("audit.replay", label="Comparison of live rows and log", actor=actor)
