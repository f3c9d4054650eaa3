"""Anchor the newest checkpoint now, due or not, at every place of the setting."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from mrm.audit import anchoring

HELP = (
    "Anchor the newest checkpoint at every place, now, and say where it is anchored. Exit 1 when a place does not hold."
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--only-look", action="store_true", help="say where the log is anchored, and ask nobody")


def run(command: BaseCommand, options: dict[str, Any]) -> int:
    if not options["only_look"]:
        with anchoring.connected() as connection:
            anchoring.anchor_now(connection, settings.LOG_ANCHORS)
    found = anchoring.anchored()
    for place in found:
        command.stdout.write(sentence(place))
    if not found:
        command.stdout.write("UNANCHORED: no place is named in MRM_LOG_ANCHORS, so nobody outside has seen this log.")
    return 0 if found and all(place.verified and not place.problem for place in found) else 1


def sentence(place: anchoring.Anchored) -> str:
    """Up to where a place holds the log, and what is wrong with it."""
    wrong = " ".join(dict.fromkeys(words for words in (place.problem, place.why) if words))
    if place.size is None or place.at is None:
        return f"{place.name}: {wrong}"
    held = f"size {place.size}, seen {place.at:%Y-%m-%d %H:%M:%S} UTC by {place.by}"
    return f"{place.name}: {held}. {wrong}".strip() if wrong else f"{place.name}: {held}, and it holds."
