"""The confined process from outside: start it, follow it, end it, and say in a sentence what became of it."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from mrm.measures.results import EvaluationFailed

HEARTBEAT_S = 0.5  # so often the caller hears of work that goes on, and can end it
Progress = Callable[[int, int], None]


class CannotScore(EvaluationFailed):
    """The artifact cannot or may not be run here; says so in a sentence."""


class ScoringFailed(EvaluationFailed):
    """The model was run and did not come to an answer; `detail` holds what it last wrote."""

    def __init__(self, sentence: str, detail: str = "") -> None:
        super().__init__(sentence)
        self.detail = detail


def run_confined(
    request: dict[str, Any], timeout_s: float, memory_mb: int, progress: Progress | None
) -> dict[str, Any]:
    """The answer of one confined process to one request; what `progress` raises ends it.

    Raises `CannotScore` if the artifact is refused, `ScoringFailed` if there is no answer, both with a sentence.
    """
    request |= {"memory_mb": memory_mb, "cpu_s": max(1, round(timeout_s) + 1)}
    with tempfile.TemporaryDirectory(prefix="scoring-") as scratch, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", "-m", "mrm.measures.sandbox"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=scratch,
            env=_environment(scratch),
            start_new_session=True,
        )
        try:
            last = _follow(process, request, time.monotonic() + timeout_s, progress)
        finally:
            _end(process)
        errors.seek(max(0, errors.tell() - 2_000))
        detail = errors.read().decode(errors="replace")
    return _answer(last, process.returncode, detail, timeout_s, memory_mb)


def _environment(scratch: str) -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[2])
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    # shap compiles anew in every process: eight seconds, against 20 milliseconds a row that they save
    one["NUMBA_DISABLE_JIT"] = "1"
    here = dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR"), scratch)
    return {"PATH": os.defpath, "PYTHONPATH": root, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", **one, **here}


def _follow(
    process: subprocess.Popen[bytes], request: dict[str, Any], deadline: float, progress: Progress | None
) -> dict[str, Any] | None:
    """Pass progress on until the last line; None if the process ended without one."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.close()
    except BrokenPipeError:
        return None
    pending, counted = b"", (0, 0)
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if not ready.select(min(left, HEARTBEAT_S)):
                if progress is not None:
                    progress(*counted)
                continue
            chunk = os.read(process.stdout.fileno(), 65_536)
            if not chunk:
                return None
            *lines, pending = (pending + chunk).split(b"\n")
            if len(pending) > 65_536:
                return {"error": "", "cause": "output"}
            for line in lines:
                said = _parsed(line)
                if "result" in said or "error" in said:
                    return said
                counted = int(said.get("done", 0)), int(said.get("total", 0))
                if progress is not None:
                    progress(*counted)
    return {"error": "", "cause": "timeout"}


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    return said if isinstance(said, dict) else {"error": "", "cause": "output"}


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let a process that has answered leave; kill its whole group otherwise."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=0.5)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _answer(last: dict[str, Any] | None, code: int, detail: str, timeout_s: float, memory_mb: int) -> dict[str, Any]:
    if last is not None and isinstance(last.get("result"), dict):
        return dict(last["result"])
    cause = last.get("cause") if last else None
    if cause == "refused":
        raise CannotScore(str(last["error"]) if last else "")
    if cause == "timeout" or (last is None and code == -signal.SIGXCPU):
        raise ScoringFailed(f"The model did not finish within {timeout_s:g} seconds and was stopped.", detail)
    if cause == "memory" or (last is None and code in (-signal.SIGKILL, -signal.SIGSEGV, -signal.SIGABRT)):
        raise ScoringFailed(f"The model ran out of the {memory_mb} MB of memory it may use.", detail)
    if last is None or cause == "output":
        raise ScoringFailed("The model's process ended without an answer.", detail)
    raise ScoringFailed(f"The model failed: {last['error']}.", detail)
