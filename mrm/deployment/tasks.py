"""From the queue: an id in, one service call."""

from mrm.deployment import services
from mrm.jobs.kinds import Progress, job


def give_up(arguments: dict[str, str], sentence: str) -> None:
    services.give_up(arguments["revision"], sentence)


@job("deployment.reconcile", given_up=give_up)
def reconcile(arguments: dict[str, str], progress: Progress) -> None:
    from mrm.deployment.services.reconcile import reconcile as bring_about  # noqa: PLC0415  scores the golden rows

    bring_about(arguments["revision"], progress)


@job("deployment.heal")
def heal(arguments: dict[str, str], progress: Progress) -> None:
    from mrm.deployment.services.reconcile import heal as bring_right  # noqa: PLC0415  scores the golden rows

    bring_right(arguments["revision"], progress)


@job("deployment.observe")
def observe(arguments: dict[str, str], progress: Progress) -> None:
    from mrm.deployment.services.looking import look  # noqa: PLC0415  the same

    progress("Looking at what runs")
    look(arguments["deployment"])


@job("deployment.look")
def look_at_due(arguments: dict[str, str], progress: Progress) -> None:
    from mrm.deployment.services.looking import look_at_due as look_around  # noqa: PLC0415  the same

    look_around(progress)
