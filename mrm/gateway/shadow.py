"""Mirrored requests: scored beside the answer, in a thread of their own, and dropped before they hold anything up."""

import logging
import threading
from collections import deque
from collections.abc import Callable

LIMIT = 1_000


class Shadows:
    """A bounded queue of work that nobody waits for."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._there = threading.Semaphore(0)
        self._limit = limit
        self.done = self.dropped = 0
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def offer(self, work: Callable[[], None]) -> None:
        """Take the work unless the queue is full; what is dropped is counted."""
        if len(self._waiting) >= self._limit:
            self.dropped += 1
            return
        self._waiting.append(work)
        self._there.release()

    def _work(self) -> None:
        while True:
            self._there.acquire()
            try:
                self._waiting.popleft()()
            except Exception:  # the thread outlives whatever a model does
                logging.getLogger(__name__).exception("a mirrored request was lost")
            self.done += 1
