from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from mrm.project.demo import bank


class Command(BaseCommand):
    help = "Found the demo bank, unless there are accounts already."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--people", action="store_true", help="only people, packs and the serving place, no models")
        parser.add_argument("--gateway", default="http://127.0.0.1:8090", help="address of the gateway that serves")

    def handle(self, *args: Any, **options: Any) -> None:
        if bank.is_founded():
            return
        from mrm.project.demo.walk import walk  # noqa: PLC0415  loads the training libraries

        self.stdout.write("Founding the demo bank")
        bank.found(options["gateway"])
        if options["people"]:
            return
        walk(lambda step: self.stdout.write(f"  {step}"))
