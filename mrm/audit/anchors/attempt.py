"""One attempt to anchor at one place: what is due, what came of it, and the note of how it went."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog

from mrm.audit.anchors.anchorage import Ahead, Anchorage, AnchorProblem, Contradiction, Signed
from mrm.audit.anchors.places import Place
from mrm.audit.tree import StoredTree

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 900.0  # seconds after a failure, doubling
LOOKED_AT_AGAIN = 3600.0  # seconds after which what a place keeps is read back, though nothing is new
LOOK, AT_LEAST = 2.0, 0.2  # seconds between two looks at whether something is due

NEWEST = "SELECT id, epoch, size, note, at FROM audit_checkpoint ORDER BY epoch DESC, size DESC LIMIT 1"
GIVEN = """
SELECT a.id, c.epoch, c.size, c.note, a.token FROM audit_anchor AS a JOIN audit_checkpoint AS c ON c.id = a.checkpoint_id
"""
STATE = "SELECT tried_at, succeeded_at, failures, problem, alarm, doubted_id FROM audit_anchorstate WHERE name = %s"
ANCHORED = """
INSERT INTO audit_anchor (checkpoint_id, name, kind, token, at) VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
NOTED = """
INSERT INTO audit_anchorstate (name, kind, address, tried_at, succeeded_at, failures, problem, alarm, doubted_id)
VALUES (%(name)s, %(kind)s, %(address)s, now(), CASE WHEN %(success)s THEN now() END,
  CASE WHEN %(success)s THEN 0 ELSE 1 END, %(problem)s, %(alarm)s, %(doubted)s)
ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, address = excluded.address, tried_at = excluded.tried_at,
  succeeded_at = coalesce(excluded.succeeded_at, audit_anchorstate.succeeded_at),
  failures = CASE WHEN %(success)s THEN 0 ELSE audit_anchorstate.failures + 1 END,
  problem = excluded.problem, alarm = excluded.alarm, doubted_id = excluded.doubted_id
"""


@dataclass(frozen=True)
class Newest:
    """The last checkpoint that was signed."""

    id: int
    epoch: int
    size: int
    note: str
    at: dt.datetime


@dataclass(frozen=True)
class Given:
    """A token that a place gave before."""

    id: int
    epoch: int
    size: int
    note: str
    token: bytes


@dataclass(frozen=True)
class Standing:
    """What the database says of one place."""

    newest: Newest | None
    last: Given | None
    tried_at: dt.datetime | None = None
    succeeded_at: dt.datetime | None = None
    failures: int = 0
    problem: str = ""
    alarm: bool = False
    doubted: Given | None = None

    def wait(self, every: float, now: dt.datetime) -> float:
        """Seconds until the next attempt is due, or until it is worth looking again; none when one is due."""
        if self.newest is None:
            return LOOK
        if self.tried_at is None:
            return 0.0
        if self.failures:
            return _left(self.tried_at, pause(self.failures), now)
        fresh = _left(self.succeeded_at or self.tried_at, every, now)
        if self.is_anchored:
            return min(_left(self.tried_at, LOOKED_AT_AGAIN, now), max(fresh, LOOK))
        return fresh

    @property
    def is_anchored(self) -> bool:
        ours, theirs = self.newest, self.last
        return ours is not None and theirs is not None and (ours.epoch, ours.size) == (theirs.epoch, theirs.size)


class Attempt:
    """One attempt at one place, on a connection of the role that may write the log."""

    def __init__(self, connection: "psycopg.Connection[Any]", anchorage: Anchorage) -> None:
        self.connection, self.anchorage, self.place = connection, anchorage, anchorage.place
        self.standing = standing_of(connection, self.place.name)

    def run(self) -> None:
        """Look at what the place kept, and give it the newest checkpoint; how it went is noted, whatever happens."""
        if self.standing.newest is None:
            return
        doubted, doubt = None, None
        try:
            doubted, doubt = self._look_back()
            self._anchor(self.standing.newest)
        except AnchorProblem as problem:
            self._failed(doubt or problem, doubted)
        except psycopg.Error:
            raise
        except Exception as error:
            log.exception("an attempt to anchor broke", place=self.place.name)
            self._failed(AnchorProblem(f"The attempt broke unexpectedly ({type(error).__name__}: {error})."), doubted)
        else:
            self._note(str(doubt or ""), success=True, alarm=doubt is not None, doubted=doubted)

    def _look_back(self) -> tuple[int | None, Contradiction | None]:
        """Which token does not hold any more, of the last one and one that was in doubt before, and why."""
        standing = self.standing
        for given in {each.id: each for each in (standing.doubted, standing.last) if each}.values():
            try:
                self.anchorage.verify(given.token, given.note)
            except Contradiction as contradiction:
                return given.id, contradiction
        return None, None

    def _anchor(self, newest: Newest) -> None:
        if self.standing.is_anchored:
            return
        try:
            token = self.anchorage.anchor(self._signed(newest))
        except Ahead as ahead:
            later = newest_of(self.connection)
            # another process may have shown a later checkpoint between our looking and our asking
            if later is None or later.epoch != newest.epoch or later.size < ahead.seen:
                raise
            newest = later
            token = self.anchorage.anchor(self._signed(newest))
        seen = self.anchorage.verify(token, newest.note)
        at = seen.at or max(dt.datetime.now(dt.UTC), newest.at)
        self.connection.execute(ANCHORED, [newest.id, self.place.name, self.place.kind, token, at])

    def _signed(self, newest: Newest) -> Signed:
        last = self.standing.last
        before = last.size if last and last.epoch == newest.epoch else 0
        tree = StoredTree(self.connection.cursor())
        return Signed(newest.note, min(before, newest.size), lambda old: tree.consistency(old, newest.size))

    def _failed(self, problem: AnchorProblem, doubted: int | None) -> None:
        """A contradiction stays until an attempt succeeds; that the place is out of reach since does not end it."""
        standing, contradicts = self.standing, isinstance(problem, Contradiction)
        stays = standing.alarm and not contradicts
        kept = doubted or (standing.doubted.id if standing.doubted else None)
        words = standing.problem if stays else str(problem)
        self._note(words, success=False, alarm=stays or contradicts, doubted=kept)

    def _note(self, problem: str, *, success: bool, alarm: bool, doubted: int | None) -> None:
        if problem:
            say = log.error if alarm else log.warning
            say("the log is not anchored as it should be", place=self.place.name, problem=problem)
        note(self.connection, self.place, problem, success=success, alarm=alarm, doubted=doubted)


def standing_of(connection: "psycopg.Connection[Any]", name: str) -> Standing:
    last = connection.execute(f"{GIVEN} WHERE a.name = %s ORDER BY a.id DESC LIMIT 1", [name]).fetchone()
    state = connection.execute(STATE, [name]).fetchone()
    tried_at, succeeded_at, failures, problem, alarm, doubted_id = state or (None, None, 0, "", False, None)
    doubted = _given(connection.execute(f"{GIVEN} WHERE a.id = %s", [doubted_id]).fetchone())
    newest = newest_of(connection)
    return Standing(newest, _given(last), tried_at, succeeded_at, failures, problem, alarm, doubted)


def newest_of(connection: "psycopg.Connection[Any]") -> Newest | None:
    row = connection.execute(NEWEST).fetchone()
    return Newest(*row) if row else None


def note(
    connection: "psycopg.Connection[Any]",
    place: Place,
    problem: str,
    *,
    success: bool,
    alarm: bool = False,
    doubted: int | None = None,
) -> None:
    """How an attempt went, for the page."""
    values = {"name": place.name, "kind": place.kind, "address": _printable(place.shown[:300])}
    values["problem"] = _printable(problem)
    connection.execute(NOTED, values | {"success": success, "alarm": alarm, "doubted": doubted})


def pause(failures: int) -> float:
    """Seconds before the next attempt after so many failures in a row."""
    return min(FIRST_PAUSE * 2.0 ** min(failures - 1, 20), LONGEST_PAUSE)


def _printable(text: str) -> str:
    """What others wrote, without the signs that no page and no database takes."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _given(row: tuple[Any, ...] | None) -> Given | None:
    return Given(row[0], row[1], row[2], row[3], bytes(row[4])) if row else None


def _left(since: dt.datetime, seconds: float, now: dt.datetime) -> float:
    return (since - now).total_seconds() + seconds
