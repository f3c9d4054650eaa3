#!/usr/bin/env python
"""Command line of the application."""

import os
import sys

OWNER_COMMANDS = {"migrate", "makemigrations", "sqlmigrate", "dbshell"}
WITHOUT_DATABASE = {"up", "makemigrations", "collectstatic", "help", "--help", "spectacular"}


def main() -> None:
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mrm.project.settings")
    if command in OWNER_COMMANDS:
        os.environ["MRM_DB_ROLE"] = "owner"
    if command == "sequencer" or sys.argv[1:3] == ["audit", "anchor"]:
        os.environ["MRM_DB_ROLE"] = "log"
    from django.core.management import execute_from_command_line  # noqa: PLC0415  settings must be chosen first

    if command not in WITHOUT_DATABASE and not os.environ.get("DATABASE_URL"):
        from mrm.project.embedded import borrow_postgres  # noqa: PLC0415  not needed with an external server

        borrow_postgres()
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
