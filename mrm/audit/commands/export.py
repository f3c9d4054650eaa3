"""Write a bundle that an outsider verifies without us."""

import getpass
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mrm.audit import custody
from mrm.audit.export import Scope, write_bundle
from mrm.audit.models import Checkpoint
from mrm.audit.queries import object_called
from mrm.core.actors import System
from mrm.core.refusal import Refused

HELP = "Write the log, one model's part of it, or what came since a size, as a bundle that verify.py checks."
MODEL = "inventory.model"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("target", type=Path, help="the zip to write; nothing stands there before it is whole")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--model", default="", help="only the part of the model with this id or name")
    part.add_argument("--since", type=int, default=0, help="only what came after this size")


def run(command: BaseCommand, options: dict[str, Any]) -> int:
    target: Path = options["target"]
    if target.exists():
        raise CommandError(f"{target} is there already; name a new file.")
    if not target.absolute().parent.is_dir():
        raise CommandError(f"There is no folder {target.absolute().parent}; make it first.")
    try:
        made = write_bundle(target, _scope(options), lambda stage, done, total: None)
        last = Checkpoint.objects.get(size=made.size, epoch=Checkpoint.objects.latest("epoch").epoch)
        custody.note_export(
            last, file=target.name, events=made.events, sha256=made.sha256, operator=getpass.getuser(),
            actor=System("console"),
        )  # fmt: skip
    except Refused as refusal:
        raise CommandError(str(refusal)) from refusal
    command.stdout.write(f"{target}: {made.events} events of a log of size {made.size}, SHA-256 {made.sha256}")
    return 0


def _scope(options: dict[str, Any]) -> Scope:
    if options["since"]:
        return Scope.after(options["since"])
    if not options["model"]:
        return Scope()
    key = object_called(MODEL, options["model"])
    if key is None:
        raise CommandError(f"The trail knows no model with the id or name {options['model']}.")
    return Scope.of_object(MODEL, key)
