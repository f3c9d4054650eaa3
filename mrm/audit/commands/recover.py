"""After a restore that lost events: go on in a new epoch, whose first entry says what was lost."""

import getpass
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from mrm.audit import custody, keys, restoring
from mrm.audit.anchors.anchorage import AnchorProblem
from mrm.audit.models import Checkpoint
from mrm.audit.sequencer import origin_of
from mrm.audit.tree import StoredTree
from mrm.core.actors import System
from mrm.core.refusal import Refused

HELP = "After a restore that lost events: open a new epoch of the log, whose first entry says what was lost."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--reason", required=True, help="what happened, for the record and every later verification")


def run(command: BaseCommand, options: dict[str, Any]) -> int:
    last = Checkpoint.objects.first()
    if last is None:
        raise CommandError("The database holds no checkpoint; restore one that does, there is nothing to go on from.")
    try:
        key = keys.load(settings.LOG_KEY)
        with connection.cursor() as cursor:
            tree = StoredTree(cursor)
            size = tree.size()
            root = tree.frontier(size).root()
        places, base = settings.LOG_ANCHORS, settings.LOG_ORIGIN
        seen = restoring.seen_of(origin_of(base, last.epoch), size, root, key, places)
        epoch = restoring.next_epoch(base, size, root, key, places, last.epoch)
        custody.open_epoch(
            last, epoch=epoch, seen={seen.by: seen.size}, operator=getpass.getuser(),
            reason=options["reason"], actor=System("console"),
        )  # fmt: skip
    except (keys.KeyProblem, AnchorProblem, Refused) as problem:
        raise CommandError(str(problem)) from problem
    command.stdout.write(
        f"Epoch {epoch} is opened at size {size}. The sequencer goes on as {origin_of(base, epoch)}; every later"
        " verification says that the log was restored here."
    )
    return 0
