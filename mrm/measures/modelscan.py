"""ModelScan asked beside our own look: a tool of its own environment, run confined, its report read with suspicion.

Source: the ModelScan command line of Protect AI (Apache-2.0), `modelscan scan --reporting-format json`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mrm.measures.inspection.formats import PICKLE, PICKLES, is_packed
from mrm.measures.inspection.report import Look

NAME = "ModelScan"
_SUFFIX = {PICKLE: ".pkl", PICKLES: ".pt"}  # it tells formats by the ending of the name
_JOBLIB = "joblib.numpy_pickle.NumpyArrayWrapper"
_PACKAGE = Path(__file__).resolve().parents[1]
_MOST_TOLD = 4 * 2**20  # bytes of a report
_READ_ONLY = 0o400


def installed(program: Path) -> bool:
    """Whether the program is there with the Python that runs it."""
    return os.access(program, os.X_OK) and os.access(_python(program), os.X_OK)


def why_not_asked(found: str, start: bytes, names: object) -> str | None:
    """Why a file is not for it; None where it reads the format. `start` are the first bytes, `names` those it calls."""
    if found not in _SUFFIX:
        return f"it reads no {found}"
    # joblib packs its files and puts raw arrays between the instructions
    if is_packed(start) or (isinstance(names, list) and _JOBLIB in names):
        return "it cannot read what joblib wrote"
    return None


def scan(program: Path, artifact: Path, found: str, *, seconds: float, memory_mb: int) -> Look:
    """What ModelScan says of a file whose digest was verified: clean, flagged, or why it could not tell.

    `artifact` is read from a copy under the ending that its format asks for; `seconds` bounds the whole run,
    `memory_mb` its memory in MiB. It gets no network and starts no other program.
    """
    with tempfile.TemporaryDirectory(prefix="modelscan-") as name:
        folder = Path(name)
        copy = folder / f"model{_SUFFIX[found]}"
        shutil.copyfile(artifact, copy)
        copy.chmod(_READ_ONLY)
        report = folder / "report.json"
        try:
            code = _run(program, copy, report, seconds, memory_mb)
        except subprocess.TimeoutExpired:
            return _unable(f"{NAME} did not finish within {seconds:g} seconds and was stopped.")
        if code < 0:
            return _unable(f"{NAME} was ended by signal {-code}: it may use {memory_mb} MB of memory.")
        return read(_told(report), code)


def read(told: Any, code: int) -> Look:
    """The look that a report says. What it did not scan, or has an error about, it could not tell."""
    try:
        summary, version = told["summary"], str(told["summary"]["modelscan_version"])
        scanned = int(summary["scanned"]["total_scanned"])
        issues = tuple(f"{each['severity']}: {each['description']}." for each in told["issues"])
        errors = [str(each["description"]) for each in told["errors"]]
    except (KeyError, TypeError, ValueError):
        return _unable(f"{NAME} left no report that can be read; it ended with code {code}.")
    if issues:
        return Look(NAME, version, issues)
    if errors:
        return _unable(f"{NAME} could not read all of the file: {errors[0]}", version)
    if not scanned:
        return _unable(f"{NAME} read nothing in the file.", version)
    if code:
        return _unable(f"{NAME} ended with code {code}, though its report names nothing.", version)
    return Look(NAME, version)


def missing() -> Look:
    """Where a house asks for it and it is not there, nobody could tell."""
    return _unable(f"{NAME} was not run: it is not installed, and this house asks for it.")


def _run(program: Path, copy: Path, report: Path, seconds: float, memory_mb: int) -> int:
    limits = json.dumps({"memory_mb": memory_mb, "cpu_s": max(1, round(seconds) + 1)})
    command = [
        str(_python(program)), "-I", "-W", "ignore", str(_PACKAGE / "measures" / "modelscan_process.py"), str(_PACKAGE),
        limits, "scan", "--path", str(copy), "--reporting-format", "json", "--output-file", str(report),
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        cwd=copy.parent,
        env=_environment(copy.parent),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(seconds)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _environment(folder: Path) -> Mapping[str, str]:
    return {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(folder), "TMPDIR": str(folder)}


def _told(report: Path) -> Any:
    try:
        if report.stat().st_size > _MOST_TOLD:
            return None
        return json.loads(report.read_bytes())
    except (OSError, ValueError):
        return None


def _python(program: Path) -> Path:
    return program.with_name("python")


def _unable(sentence: str, version: str = "") -> Look:
    return Look(NAME, version, unable=sentence)
