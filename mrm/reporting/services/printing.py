"""Send one order to the printing process, wait within limits, and turn every bad end into a sentence."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from mrm.core.refusal import Refused

PRESS = Path(__file__).with_name("press.py")


@dataclass(frozen=True)
class Limits:
    """What one printing may use."""

    memory_mb: int = 2_048
    cpu_s: int = 180
    timeout_s: float = 240.0


def assets() -> Path:
    """The folder of the product's own style sheets and type."""
    return Path(settings.STATICFILES_DIRS[0])


def print_report(html: str, files: list[dict[str, Any]], limits: Limits | None = None) -> bytes:
    """The page as PDF/A-3a with the files embedded, made in a process of its own."""
    limits = limits or Limits()
    with tempfile.TemporaryDirectory(prefix="mrm-print-") as name:
        folder = Path(name)
        order = _order(folder, html, files, limits)
        answer, code = _run(order, folder, limits)
        if "pages" not in answer:
            raise Refused(_sentence(answer, code, limits))
        return (folder / "report.pdf").read_bytes()


def _order(folder: Path, html: str, files: list[dict[str, Any]], limits: Limits) -> dict[str, Any]:
    (folder / "report.html").write_text(html, encoding="utf-8")
    listed = []
    for place, entry in enumerate(files):
        path = folder / f"attached-{place}"
        path.write_bytes(entry["content"])
        listed.append({**{key: entry[key] for key in ("name", "description", "relationship")}, "path": str(path)})
    return {
        "html": str(folder / "report.html"),
        "target": str(folder / "report.pdf"),
        "assets": str(assets()),
        "attachments": listed,
        "memory_mb": limits.memory_mb,
        "cpu_s": limits.cpu_s,
    }


def _run(order: dict[str, Any], folder: Path, limits: Limits) -> tuple[dict[str, Any], int]:
    with subprocess.Popen(
        [sys.executable, "-I", "-W", "ignore", str(PRESS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "TMPDIR": str(folder)},
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(json.dumps(order).encode() + b"\n", timeout=limits.timeout_s)
        except subprocess.TimeoutExpired:
            return {"cause": "timeout"}, 0
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return _parsed(said), process.returncode


def _parsed(said: bytes) -> dict[str, Any]:
    lines = said.decode(errors="replace").strip().splitlines()
    try:
        answer = json.loads(lines[-1]) if lines else {}
    except ValueError:
        answer = {}
    return answer if isinstance(answer, dict) else {}


def _sentence(answer: dict[str, Any], code: int, limits: Limits) -> str:
    cause = answer.get("cause")
    if cause == "timeout" or code == -signal.SIGXCPU:
        return f"Printing did not finish within {limits.cpu_s} seconds and was stopped; try again when it is quiet."
    if cause == "memory" or code in (-signal.SIGKILL, -signal.SIGSEGV, -signal.SIGABRT):
        return f"Printing ran out of the {limits.memory_mb} MB of memory it may use; the report is too large."
    if cause == "refused":
        return f"Printing was refused: {answer['error']}."
    return f"Printing failed: {answer.get('error') or 'the process ended without an answer'}."
