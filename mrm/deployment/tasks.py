"""From the queue: an id in, one service call."""

from mrm.deployment import services
from mrm.jobs.kinds import Progress, job


def give_up(arguments: dict[str, str], sentence: str) -> None:
    services.give_up(arguments["revision"], sentence)


@job("deployment.reconcile", given_up=give_up)
def reconcile(arguments: dict[str, str], progress: Progress) -> None:
    from mrm.deployment.services.reconcile import reconcile as bring_about  # noqa: PLC0415  scores the golden rows

    bring_about(arguments["revision"], progress)


@job("deployment.observe")
def observe(arguments: dict[str, str], progress: Progress) -> None:
    progress("Looking at what runs")
    services.observe(arguments["deployment"])
