"""When the log's checkpoints are anchored: each place in a thread of its own, so that signing waits for nobody.

What a place gives becomes a row of audit_anchor; how the last attempt went, a row of audit_anchorstate.
"""

import datetime as dt
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import structlog
from django.conf import settings
from django.db import connections

from mrm.audit.anchors.anchorage import Anchorage, AnchorProblem, Contradiction
from mrm.audit.anchors.attempt import AT_LEAST, FIRST_PAUSE, LONGEST_PAUSE, Attempt, note, standing_of
from mrm.audit.anchors.opening import opened
from mrm.audit.anchors.places import Place
from mrm.audit.models import Anchor, AnchorState

log = structlog.get_logger(__name__)

Connect = Callable[[], AbstractContextManager["psycopg.Connection[Any]"]]


@contextmanager
def connected() -> "Iterator[psycopg.Connection[Any]]":
    """A connection of one's own, in autocommit, as the role that this process runs as."""
    own = connections.create_connection("default")
    try:
        own.ensure_connection()
        yield own.connection
    finally:
        own.close()


class Anchoring:
    """The places of a setting, kept up to date while this process leads."""

    def __init__(self, connect: Connect, places: Sequence[Place], every: Mapping[str, float]) -> None:
        self.connect, self.every = connect, every
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep, args=[place], name=f"anchor {place.name}", daemon=True)
            for place in places
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, within: float) -> None:
        """No new attempt; one that is under way may end, or is left where it is: it is made again."""
        self._ending.set()
        for thread in self._threads:
            thread.join(within / max(len(self._threads), 1))

    def _keep(self, place: Place) -> None:
        wait = 0.0
        anchorage: Anchorage | None = None
        while not self._ending.wait(wait):
            try:
                with self.connect() as connection:
                    anchorage = anchorage or _opened(connection, place)
                    wait = turn(connection, anchorage, self.every[place.kind]) if anchorage else LONGEST_PAUSE
            except psycopg.Error as error:
                log.warning("the database does not answer the anchoring", place=place.name, problem=str(error).strip())
                wait = FIRST_PAUSE
            except Exception as error:  # whatever breaks here, the log is signed on
                log.exception("an attempt to anchor broke", place=place.name, problem=str(error))
                wait = LONGEST_PAUSE


def turn(connection: "psycopg.Connection[Any]", anchorage: Anchorage, every: float) -> float:
    """Make the attempt that is due, if one is; seconds until it is worth looking again."""
    wait = standing_of(connection, anchorage.place.name).wait(every, dt.datetime.now(dt.UTC))
    if wait <= 0:
        Attempt(connection, anchorage).run()
    return max(wait, AT_LEAST)


def anchor_now(connection: "psycopg.Connection[Any]", places: Sequence[Place]) -> dict[str, str]:
    """One attempt at each place, due or not; what went wrong by name, empty where nothing did."""
    problems = {}
    for place in places:
        anchorage = _opened(connection, place)
        if anchorage:
            Attempt(connection, anchorage).run()
        row = connection.execute("SELECT problem FROM audit_anchorstate WHERE name = %s", [place.name]).fetchone()
        problems[place.name] = str(row[0]) if row else ""
    return problems


@dataclass(frozen=True)
class Outside:
    """The most that any place has seen of the log, and which places could not be asked."""

    size: int
    by: str
    problems: tuple[str, ...]


def outside(signed_note: str, places: Sequence[Place]) -> Outside:
    """What the places have seen of the log that signed this note, be it of an empty tree: before a start on a restored
    database. Raises `Contradiction` when a witness saw another history."""
    seen, problems = [(0, "")], []
    for place in places:
        try:
            if size := opened(place).latest(signed_note):
                seen.append((size, place.name))
        except Contradiction:
            raise
        except AnchorProblem as problem:
            problems.append(str(problem))
    size, by = max(seen)
    return Outside(size, by, tuple(problems))


@dataclass(frozen=True)
class Anchored:
    """A place, and up to where it holds the log; what does not hold or did not work is said in `why` and `problem`."""

    name: str
    kind: str
    address: str
    size: int | None = None
    at: dt.datetime | None = None
    by: str = ""
    verified: bool = False
    why: str = ""
    problem: str = ""
    alarm: bool = False
    tried_at: dt.datetime | None = None
    beside: bool = False


def anchored(places: Sequence[Place] | None = None) -> list[Anchored]:
    """Every place, named by the setting or met before, for the page part audit/_anchors.html.

    Stamps and cosignatures are verified here. What a folder holds was read back by the sequencer, who alone reaches it.
    """
    known = {place.name: place for place in (settings.LOG_ANCHORS if places is None else places)}
    states = {state.name: state for state in AnchorState.objects.all()}
    return [_standing_at(name, known.get(name), states.get(name)) for name in sorted({*known, *states})]


def _standing_at(name: str, place: Place | None, state: AnchorState | None) -> Anchored:
    kind, address = (place.kind, place.shown) if place else (state.kind, state.address) if state else ("", "")
    about = Anchored(name, kind, address, beside=place.ours if place else False)
    if state:
        about = replace(about, problem=state.problem, alarm=state.alarm, tried_at=state.tried_at)
    last = Anchor.objects.filter(name=name).select_related("checkpoint").order_by("-pk").first()
    if last is None:
        return replace(about, why="Nothing is anchored here yet.")
    about = replace(about, size=last.checkpoint.size, at=last.at, by=address)
    if place is None:
        return replace(about, why="The setting does not name this place any more, so it is not checked.")
    try:
        anchorage = opened(place)
        if anchorage.offline:
            return replace(about, by=anchorage.verify(bytes(last.token), last.checkpoint.note).by, verified=True)
    except AnchorProblem as problem:
        return replace(about, why=str(problem))
    doubted = state is None or state.alarm or state.succeeded_at is None
    return replace(about, verified=not doubted)


def _opened(connection: "psycopg.Connection[Any]", place: Place) -> Anchorage | None:
    try:
        return opened(place)
    except AnchorProblem as problem:
        log.warning("the log is not anchored as it should be", place=place.name, problem=str(problem))
        note(connection, place, str(problem), success=False)
        return None
