from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mrm.project.modelscan import NotMade, make


class Command(BaseCommand):
    help = "Install ModelScan into an environment of its own, from its pinned requirements."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--folder", type=Path, default=None, help="of the environment; else where it is looked for")

    def handle(self, *args: Any, **options: Any) -> None:
        looked_for: Path = settings.MODELSCAN["program"]
        folder = options["folder"] or looked_for.parent.parent
        try:
            program = make(folder)
        except NotMade as fault:
            raise CommandError(str(fault)) from fault
        self.stdout.write(f"ModelScan is installed: {program}")
        if program != looked_for:
            self.stdout.write(f"Set MRM_MODELSCAN={program} in the worker's environment.")
