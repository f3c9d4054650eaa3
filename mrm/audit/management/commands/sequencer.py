import signal
import time
from argparse import ArgumentParser
from types import FrameType
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from mrm.audit import keys
from mrm.audit.anchoring import Anchoring, connected
from mrm.audit.anchors.anchorage import AnchorProblem
from mrm.audit.log.notes import SigningKey
from mrm.audit.restoring import Behind, refuse_when_behind
from mrm.audit.sequencer import BATCH, Sequencer, Tampered

IDLE = 0.2  # seconds between two looks at an empty queue
ENDING = 5.0  # seconds that attempts to anchor have to end
REFUSED = 30.0  # seconds before a batch that did not hold is looked at again


class Command(BaseCommand):
    help = "Give each event its place in the log and sign the log's state. One leads; a second one waits."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="stop when nothing waits any more")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stopping = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        try:
            signers = self._keys()
            with connected() as raw:
                self._say("Waiting for the lead")
                sequencer = Sequencer(raw, signers, settings.LOG_ORIGIN)
                sequencer.lead()
                refuse_when_behind(sequencer, settings.LOG_ANCHORS)
                self._say(f"Leading at size {sequencer.frontier.size}, signing as {signers[0].vkey}")
                self._lead(sequencer, once=options["once"])
        except (keys.KeyProblem, Behind, AnchorProblem, Tampered) as problem:
            raise CommandError(str(problem)) from problem
        except psycopg.OperationalError as error:
            raise CommandError(f"The database went away: {str(error).strip()}") from error

    def _lead(self, sequencer: Sequencer, *, once: bool) -> None:
        anchoring = Anchoring(connected, () if once else settings.LOG_ANCHORS, settings.LOG_ANCHOR_EVERY)
        anchoring.start()
        try:
            self._run(sequencer, once=once)
        finally:
            anchoring.stop(ENDING)

    def _run(self, sequencer: Sequencer, *, once: bool) -> None:
        while not self.stopping:
            try:
                taken = sequencer.step()
            except Tampered as problem:
                if once:
                    raise
                self.stderr.write(f"Nothing is signed until somebody looks. {problem}")
                self._pause(REFUSED)
                continue
            if taken < BATCH:
                if once and not taken:
                    return
                self._renew_keys(sequencer)
                self._pause(IDLE)

    def _say(self, words: str) -> None:
        self.stdout.write(words)
        self.stdout.flush()

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.stopping and time.monotonic() < until:
            time.sleep(min(IDLE, seconds))

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _keys(self) -> list[SigningKey]:
        if not settings.LOG_KEY.exists():
            key = keys.make(settings.LOG_KEY, settings.LOG_ORIGIN)
            self._say(f"A new log key. Give its public half to whoever is to check the log:\n{key.vkey}")
        return keys.signers(settings.LOG_KEY)

    def _renew_keys(self, sequencer: Sequencer) -> None:
        """A rotation takes effect while the sequencer runs."""
        found = keys.signers(settings.LOG_KEY)
        if [key.vkey for key in found] != [key.vkey for key in sequencer.keys]:
            sequencer.use(found)
            self._say(f"Signing as {', '.join(key.vkey for key in found)}")
