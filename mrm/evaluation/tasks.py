"""From the queue: an id in, one service call."""

from mrm.evaluation import services
from mrm.jobs.kinds import Progress, job


def give_up(arguments: dict[str, str], sentence: str) -> None:
    services.give_up(arguments["run"], sentence)


@job("evaluation.run", given_up=give_up)
def run(arguments: dict[str, str], progress: Progress) -> None:
    from mrm.evaluation.services.carry import carry_out  # noqa: PLC0415  pandas and matplotlib load in workers only

    carry_out(arguments["run"], progress)


def give_up_scan(arguments: dict[str, str], sentence: str) -> None:
    services.give_up_scan(arguments["permission"], sentence)


@job("evaluation.scan", given_up=give_up_scan)
def scan(arguments: dict[str, str], progress: Progress) -> None:
    from mrm.evaluation.services.scanning import carry_out  # noqa: PLC0415  the numeric libraries load in workers only

    carry_out(arguments["permission"], progress)


def give_up_inspection(arguments: dict[str, str], sentence: str) -> None:
    services.give_up_inspection(arguments["version"], arguments["sha256"], sentence)


@job("evaluation.inspect", given_up=give_up_inspection)
def inspect(arguments: dict[str, str], progress: Progress) -> None:
    from mrm.evaluation.services.inspecting import carry_out  # noqa: PLC0415  the numeric libraries load in workers only

    carry_out(arguments, progress)


def give_up_conversion(arguments: dict[str, str], sentence: str) -> None:
    services.give_up_conversion(arguments["conversion"], sentence)


@job("evaluation.convert", given_up=give_up_conversion)
def convert(arguments: dict[str, str], progress: Progress) -> None:
    from mrm.evaluation.services.converting import carry_out  # noqa: PLC0415  the numeric libraries load in workers only

    carry_out(arguments["conversion"], progress)


def give_up_comparison(arguments: dict[str, str], sentence: str) -> None:
    services.give_up_comparison(arguments["comparison"], sentence)


@job("evaluation.compare", given_up=give_up_comparison)
def compare(arguments: dict[str, str], progress: Progress) -> None:
    from mrm.evaluation.services.carry_comparison import carry_out  # noqa: PLC0415  the numeric libraries load in workers only

    carry_out(arguments["comparison"], progress)
