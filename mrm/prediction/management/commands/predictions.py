import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mrm.prediction import services

PAUSE_S = 1.0


class Command(BaseCommand):
    help = (
        "The prediction log: `take` takes in the files that gateways left, with --follow it stays; `archive` moves full"
        " days out of the database; `check` compares every archived file with its digest."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["take", "archive", "check"])
        parser.add_argument("--follow", action="store_true", help="go on taking until stopped")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "take":
            self._take(follow=options["follow"])
        elif options["what"] == "archive":
            for made in services.archive_due():
                self.stdout.write(f"Archived the {made}: {made.rows} rows, SHA-256 {made.sha256}.")
        elif changed := services.check_archives():
            raise CommandError(" ".join(f"The archived {file}: {sentence}" for file, sentence in changed))
        else:
            self.stdout.write("Every archived file has its recorded digest.")

    def _take(self, *, follow: bool) -> None:
        while True:
            taken = services.take()
            if taken.files or not follow:
                self.stdout.write(f"Taken: {taken.files} files, {taken.rows} rows; {taken.bad} lines were set aside.")
            if not follow:
                return
            time.sleep(PAUSE_S)
