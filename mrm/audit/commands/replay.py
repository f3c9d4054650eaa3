"""Compare the live rows with the log, now, and say what differs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from mrm.audit import services
from mrm.audit.replay import Difference, compared

HELP = "Compare every governed row with what the log says; what differs becomes a finding. Exit 1 when anything does."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--only-look", action="store_true", help="say what differs, and put nothing on record")


def run(command: BaseCommand, options: dict[str, Any]) -> int:
    result = compared(lambda stage, done, total: None)
    if not options["only_look"]:
        services.keep(result, actor=services.INTEGRITY)
    for difference in result.differences:
        command.stdout.write(sentence(difference))
    count = len(result.differences)
    more = "" if result.complete else " or more: the comparison stopped there"
    command.stdout.write(
        f"{result.rows} rows of {result.tables} tables against {result.events} events in {result.seconds:.1f} s:"
        f" {count} differences{more}"
    )
    return 1 if count else 0


def sentence(difference: Difference) -> str:
    """The difference in a line: where, what the log says, what is there."""
    place = " ".join(part for part in (difference.table, difference.row, difference.field) if part)
    last = f" (last event {difference.event})" if difference.event else ""
    return f"{place}: expected {difference.expected}, found {difference.found}{last}"
