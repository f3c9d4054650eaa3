"""From the queue: an id in, one service call."""

from mrm.assurance import services
from mrm.jobs.kinds import Progress, job


def give_up(arguments: dict[str, str], sentence: str) -> None:
    services.give_up(arguments["export"], sentence)


@job("assurance.export", given_up=give_up)
def export(arguments: dict[str, str], progress: Progress) -> None:
    services.carry_out(arguments["export"], progress)
