import datetime as dt
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mrm.access.models import Account
from mrm.access.queries import accounts
from mrm.core.refusal import Refused
from mrm.prediction import queries, services

PAUSE_S = 1.0


def _told(each: queries.Decision) -> str:
    row, approval = each.prediction, each.approval
    lines = [
        f"{row.request}: {row.outcome} at {row.at:%Y-%m-%d %H:%M:%S.%f} UTC by version {row.version} of {row.model} as {row.role}",
        f"  digest    {row.digest}",
        f"  revision  {row.revision} of {row.endpoint}",
    ]
    if approval:
        lines.append(
            f"  approval  {approval.request.ref} under {approval.request.policy}, granted {approval.granted_at:%Y-%m-%d}"
        )
        lines += [
            f"  signed    {vote.printed_name}, {vote.get_decision_display()}, {vote.signed_at:%Y-%m-%d %H:%M} UTC"
            for vote in each.votes
        ]
        lines += [f"  condition {condition}, due {condition.due}" for condition in each.conditions]
    if row.flags or row.reason:
        lines.append(f"  flags     {', '.join(row.flags)} {row.reason}".rstrip())
    lines += [f"  MISMATCH  {sentence}" for sentence in (each.mismatch, each.out_of_force) if sentence]
    lines += [f"  shadow    version {shadow.version}, digest {shadow.digest[:12]}…" for shadow in each.shadows]
    return "\n".join(lines)


def _told_row(each: queries.RowDecision) -> str:
    part = each.part
    there = part.revision
    by = [f"  scored by {there.deployment.target} as {part.backend_job}, revision {there.number}"] if there else []
    return "\n".join(
        [
            f"{each.row if each.row_id is None else each.row_id}: scored at {part.scored_at:%Y-%m-%d %H:%M:%S.%f} UTC by {part.version} in {part}",
            f"  digest    {part.artifact_sha256}",
            f"  approval  {part.approval.request.ref} under {part.policy}",
            f"  score     {each.closed or each.score}",
            *by,
        ]
    )


class Command(BaseCommand):
    help = (
        "The prediction log: `take` takes in the files that gateways left, with --follow it stays; `archive` moves full"
        " days out of the database; `check` compares every archived file with its digest; `find ID --as ACCOUNT` says which"
        " version, digest, approval and policy decided a request, of the day --on or of all days; `row ROW --run RUN --as"
        " ACCOUNT` says the same of a row of a data set that was scored as a whole."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["take", "archive", "check", "find", "row"])
        parser.add_argument("request", nargs="?", default="", help="id of a request or of a row, to find")
        parser.add_argument("--on", type=dt.date.fromisoformat, default=None, help="day in UTC, as 2026-11-27")
        parser.add_argument(
            "--run", default="", help="reference or id of the run that scored the row, as BS-2026-00001"
        )
        parser.add_argument("--as", dest="account", default="", help="name of the account that asks")
        parser.add_argument("--follow", action="store_true", help="go on taking until stopped")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "take":
            self._take(follow=options["follow"])
        elif options["what"] == "find":
            self._find(options["request"], options["on"], options["account"])
        elif options["what"] == "row":
            self._row(options["request"], options["run"], options["account"])
        elif options["what"] == "archive":
            for made in services.archive_due():
                self.stdout.write(f"Archived the {made}: {made.rows} rows, SHA-256 {made.sha256}.")
        elif changed := services.check_archives():
            raise CommandError(" ".join(f"The archived {file}: {sentence}" for file, sentence in changed))
        else:
            self.stdout.write("Every archived file has its recorded digest.")

    def _asker(self, name: str) -> Account:
        account = accounts().filter(username__iexact=name).first() if name else None
        if account is None:
            raise CommandError("Name the account that asks with --as: it sees what it may see on the page.")
        if lacking := account.lacks(queries.VIEW, None):
            raise CommandError(lacking)
        return account

    def _row(self, row: str, named: str, name: str) -> None:
        account = self._asker(name)
        if (run := queries.batch_named(named, account)) is None:
            raise CommandError(f"There is no run {named or 'without a name'}, or it is not open to {name}.")
        try:
            found = queries.row_decisions(run, row, account)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        if not found:
            raise CommandError(f"No row {row} has a score on record in {run.ref}.")
        for each in found:
            self.stdout.write(_told_row(each))

    def _find(self, request: str, on: dt.date | None, name: str) -> None:
        account = self._asker(name)
        found = queries.by_request(request, account, on=on)
        for file, refusal in found.unread:
            self.stderr.write(f"The archived {file} was not read. {refusal}")
        if not found.rows:
            raise CommandError(
                f"No request {request} was found{f' on {on}' if on else ''}, or it is not open to {name}."
            )
        for each in queries.decisions(found.rows, account):
            self.stdout.write(_told(each))

    def _take(self, *, follow: bool) -> None:
        while True:
            taken = services.take()
            if taken.files or not follow:
                self.stdout.write(f"Taken: {taken.files} files, {taken.rows} rows; {taken.bad} lines were set aside.")
            if not follow:
                return
            time.sleep(PAUSE_S)
