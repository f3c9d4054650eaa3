"""From the queue: an id or nothing in, one service call."""

from mrm.jobs.kinds import Progress, job
from mrm.prediction import services


@job("prediction.archive")
def archive(arguments: dict[str, str], progress: Progress) -> None:
    progress("Making the days ahead ready")
    services.make_ready()
    progress("Moving full days to the archive")
    services.archive_due()
    progress("Comparing archived files with their digests")
    services.check_a_share()


def give_up(arguments: dict[str, str], sentence: str) -> None:
    services.give_up_extract(arguments["extract"], sentence)


@job("prediction.extract", given_up=give_up)
def extract(arguments: dict[str, str], progress: Progress) -> None:
    services.carry_out(arguments["extract"], progress)


def give_up_batch(arguments: dict[str, str], sentence: str) -> None:
    services.give_up_batch(arguments["run"], sentence)


@job("prediction.release")
def release(arguments: dict[str, str], progress: Progress) -> None:
    from mrm.prediction.services.backend import release_batch  # noqa: PLC0415  the same

    progress("Clearing up at the place")
    release_batch(arguments["run"])


@job("prediction.score", given_up=give_up_batch)
def score(arguments: dict[str, str], progress: Progress) -> None:
    from mrm.prediction.services.scoring import score_batch  # noqa: PLC0415  the numeric libraries load in workers only

    score_batch(arguments["run"], progress)
