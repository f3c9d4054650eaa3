"""Give the log a new key; the old one signs beside it until the rotation is ended."""

import getpass
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from mrm.audit import custody, keys
from mrm.core.actors import System
from mrm.core.refusal import Refused

HELP = "Give the log a new key. Both keys sign until --finish; tell the new public half to whoever checks the log."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--finish", action="store_true", help="the old key signs no more")
    parser.add_argument("--reason", default="", help="why, for the record")


def run(command: BaseCommand, options: dict[str, Any]) -> int:
    told = {"operator": getpass.getuser(), "reason": options["reason"], "actor": System("console")}
    try:
        if options["finish"]:
            custody.end_key_rotation(settings.LOG_KEY, **told)
            command.stdout.write("The old key signs no more.")
        else:
            custody.rotate_key(settings.LOG_KEY, **told)
            new = keys.load(settings.LOG_KEY).vkey
            command.stdout.write(f"Both keys sign now. The new public key:\n{new}")
    except (keys.KeyProblem, Refused) as problem:
        raise CommandError(str(problem)) from problem
    return 0
