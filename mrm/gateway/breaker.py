"""When a failing version is left for the backup, and when a person may bring it back."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mrm.serving import Failover

from .refusal import Refused

HOUR = 3_600.0


@dataclass(slots=True)
class Breaker:
    """Counts a version's requests by the second. Open, it stays open until a person closes it, whatever restarts."""

    rules: Failover
    digest: str
    opened_at: float | None = None
    reason: str = ""
    flips: list[float] = field(default_factory=list)
    closed_at: float = 0.0
    clock: Callable[[], float] = time.time
    _seconds: deque[list[int]] = field(default_factory=deque)  # second, requests, failures

    @property
    def open(self) -> bool:
        return self.opened_at is not None

    def record(self, *, failed: bool) -> bool:
        """Count one request; True when it was the one too many."""
        now = self.clock()
        if not self._seconds or self._seconds[-1][0] != int(now):
            self._seconds.append([int(now), 0, 0])
            while self._seconds[0][0] <= now - self.rules.window_seconds:
                self._seconds.popleft()
        second = self._seconds[-1]
        second[1] += 1
        if not failed:
            return False
        second[2] += 1
        return not self.open and self._judge(now)

    def _judge(self, now: float) -> bool:
        requests, failures = (sum(second[place] for second in self._seconds) for place in (1, 2))
        # just brought back, it takes twice the evidence to leave again
        least = self.rules.minimum * (2 if now - self.closed_at < self.rules.window_seconds else 1)
        if requests < least or failures * 10_000 < self.rules.error_bp * requests:
            return False
        self.opened_at = now
        self.flips = [*(flip for flip in self.flips if flip > now - HOUR), now]
        self.reason = f"{failures} of {requests} requests failed within {self.rules.window_seconds} seconds."
        return True

    def close(self) -> None:
        """A person's way back, once the cool-down is over and unless it failed over too often within the hour."""
        assert self.opened_at is not None
        now, ready = self.clock(), self.opened_at + self.rules.cool_down_seconds
        recent = [flip for flip in self.flips if flip > now - HOUR]
        if len(recent) >= self.rules.flips_an_hour:
            ready = max(ready, recent[-self.rules.flips_an_hour] + HOUR)
            if now < ready:
                raise Refused(
                    409, f"It failed over {len(recent)} times within the hour; it may go back from {moment(ready)}."
                )
        if now < ready:
            raise Refused(409, f"It has failed over only just; it may go back from {moment(ready)}.")
        self.opened_at, self.reason, self.closed_at = None, "", now
        self._seconds.clear()

    def told(self) -> str:
        """Why requests do not reach this version; empty while they do."""
        return f"It is passed over since {moment(self.opened_at)}: {self.reason}" if self.opened_at else ""

    def kept(self) -> dict[str, Any]:
        return {
            "digest": self.digest,
            "opened_at": self.opened_at,
            "reason": self.reason,
            "flips": self.flips,
            "closed_at": self.closed_at,
        }


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
