"""Many processes that save at once, counted. The standard library alone: the peers run it in an environment of theirs."""

import multiprocessing
import time
from collections.abc import Callable
from typing import Any

Begin = Callable[[int], Callable[[], object]]
TRIES = 20  # saves before the count begins: connections are opened, statements prepared
GRACE = 60.0


def saves_per_second(begin: Begin, processes: int, seconds: float) -> float:
    """`begin` is called in each process with its place, and gives what saves once; all start at one moment."""
    context = multiprocessing.get_context("fork")
    start = context.Barrier(processes)
    told = context.SimpleQueue()
    running = [context.Process(target=_save, args=(begin, place, start, seconds, told)) for place in range(processes)]
    for process in running:
        process.start()
    for process in running:
        process.join(seconds + GRACE)
    if any(process.exitcode for process in running):
        raise RuntimeError("a process that saves failed")
    counts = [told.get() for _ in running]
    return sum(count / taken for count, taken in counts)


def _save(begin: Begin, place: int, start: Any, seconds: float, told: Any) -> None:
    save = begin(place)
    for _ in range(TRIES):
        save()
    start.wait(GRACE)
    began, count = time.perf_counter(), 0
    while (taken := time.perf_counter() - began) < seconds:
        save()
        count += 1
    told.put((count, taken))
