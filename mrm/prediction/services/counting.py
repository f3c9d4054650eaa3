"""Counts by the hour, added in the transaction that writes the rows."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from mrm.prediction.models import Hour, Outcome
from mrm.prediction.policies import Row
from mrm.prediction.queries.latency import bucket_of

KEY = ("hour", "deployment_id", "revision", "role", "version", "digest", "outcome")
OUTSIDE = ("outside:", "out_of_segment")  # how the flags begin that say so; others tell of backups and golden rows
COUNTED = ("answers", "rows", "flagged", "flags", "micros")
SERVED = Outcome.SERVED.value
Key = tuple[str, str, int, str, str, str, str]
Answer = tuple[str, int, str, str, str]  # deployment, revision, version, digest, approval


@dataclass
class _Tally:
    answers: int = 0
    rows: int = 0
    flagged: int = 0
    flags: Counter[str] = field(default_factory=Counter)
    micros: Counter[int] = field(default_factory=Counter)


class Counts:
    """What rows amount to: how many, by kind within each hour, and the answers that were served."""

    def __init__(self) -> None:
        self.taken = 0
        self.tallies: dict[Key, _Tally] = {}
        self.answers: set[Answer] = set()

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.taken += 1
            key = (row.hour, row.deployment, row.revision, row.role, row.version, row.digest, row.outcome)
            tally = self.tallies.get(key)
            if tally is None:
                tally = self.tallies[key] = _Tally()
            tally.answers += 1
            tally.rows += row.rows
            tally.micros[bucket_of(row.micros)] += 1
            if row.flags:
                tally.flagged += any(flag.startswith(OUTSIDE) for flag in row.flags)
                tally.flags.update(row.flags)
            if row.outcome == SERVED:
                self.answers.add((row.deployment, row.revision, row.version, row.digest, row.approval))


def count(counts: Counts) -> None:
    """Add the rows to the counts of their hours. One taker at a time does this, so nothing is counted over."""
    if counts.tallies:
        _add(counts.tallies)


def _add(tallies: dict[Key, _Tally]) -> None:
    hours, places = {f"{key[0]}:00:00+00:00" for key in tallies}, {key[1] for key in tallies}
    known = {_key_of(each): each for each in Hour.objects.filter(hour__in=hours, deployment_id__in=places)}
    merged = [_merged(key, tally, known.get(key)) for key, tally in tallies.items()]
    Hour.objects.bulk_create(merged, update_conflicts=True, unique_fields=KEY, update_fields=COUNTED)


def _key_of(hour: Hour) -> Key:
    at = hour.hour.isoformat()[:13]
    return (at, str(hour.deployment_id), hour.revision, hour.role, hour.version, hour.digest, hour.outcome)


def _merged(key: Key, tally: _Tally, before: Hour | None) -> Hour:
    flags, micros = dict(tally.flags), {str(bucket): n for bucket, n in tally.micros.items()}
    if before is not None:
        flags = dict(Counter(before.flags) + Counter(flags))
        micros = dict(Counter(before.micros) + Counter(micros))
        tally.answers, tally.rows = tally.answers + before.answers, tally.rows + before.rows
        tally.flagged += before.flagged
    facts = dict(zip(KEY, key, strict=True)) | {"hour": f"{key[0]}:00:00+00:00"}
    return Hour(**facts, answers=tally.answers, rows=tally.rows, flagged=tally.flagged, flags=flags, micros=micros)
