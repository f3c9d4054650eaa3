"""From the queue: an id in, one service call."""

from mrm.jobs.kinds import Progress, job
from mrm.reporting import services


def give_up(arguments: dict[str, str], sentence: str) -> None:
    services.give_up(arguments["document"], sentence)


@job("reporting.render", given_up=give_up)
def render(arguments: dict[str, str], progress: Progress) -> None:
    from mrm.reporting.services.render import carry_out  # noqa: PLC0415  the PDF libraries load in workers only

    carry_out(arguments["document"], progress)
