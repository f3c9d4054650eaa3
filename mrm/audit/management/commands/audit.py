from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from mrm.audit.commands import found


class Command(BaseCommand):
    help = "Look after the audit log: each word below does one thing."

    def add_arguments(self, parser: CommandParser) -> None:
        words = parser.add_subparsers(dest="word", required=True, metavar="WORD")
        for name, module in found().items():
            module.add_arguments(words.add_parser(name, help=module.HELP, description=module.HELP))

    def handle(self, *args: Any, **options: Any) -> None:
        status = found()[options["word"]].run(self, options)
        if status:
            raise SystemExit(status)
