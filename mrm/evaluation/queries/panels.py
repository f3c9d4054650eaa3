"""What other areas show on the page of a completed run."""

from collections.abc import Callable

from mrm.access.models import Account
from mrm.core.registry import Registry
from mrm.evaluation.models import Run
from mrm.inventory.queries.tabs import Panel

RunPanel = Callable[[Run, Account], Panel]

RUN_PANELS: Registry[RunPanel] = Registry("panel of the page of a run")


def run_panels(run: Run, account: Account) -> list[Panel]:
    return [draw(run, account) for _name, draw in RUN_PANELS.items()]
