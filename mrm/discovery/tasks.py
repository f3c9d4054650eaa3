"""From the queue: an id in, one service call."""

from mrm.discovery import services
from mrm.jobs.kinds import Progress, job


def give_up(arguments: dict[str, str], sentence: str) -> None:
    services.note_failure(arguments["target"], sentence)


@job("discovery.list", given_up=give_up)
def list_place(arguments: dict[str, str], progress: Progress) -> None:
    services.list_place(arguments["target"], progress)
