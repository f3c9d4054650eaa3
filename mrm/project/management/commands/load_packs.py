from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mrm.core.actors import System
from mrm.core.packs import parse
from mrm.core.refusal import Refused
from mrm.project.packs import load, load_shipped


class Command(BaseCommand):
    help = "Put packs and policies in force: the shipped ones, or the files named."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="*", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        actor = System("load_packs")
        try:
            if files := options["files"]:
                count = load([parse(path.read_text(), path.name) for path in files], actor=actor)
            else:
                count = load_shipped(actor=actor)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(
            f"{count} packs and policies were put in force or were known; others are changed by proposal."
        )
