"""Make the environment that ModelScan runs in, apart from ours: their libraries exclude each other."""

import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parents[2] / "deploy" / "modelscan" / "requirements.txt"
_MADE = "made-from.txt"


class NotMade(Exception):
    """The environment could not be made; the sentence says at which step."""


def make(folder: Path) -> Path:
    """The program in its environment, made from the pinned requirements; one made from the same stays as it is."""
    program, made, wanted = folder / "bin" / "modelscan", folder / _MADE, REQUIREMENTS.read_text()
    if program.exists() and made.exists() and made.read_text() == wanted:
        return program
    made.unlink(missing_ok=True)
    _run([sys.executable, "-m", "venv", "--clear", str(folder)], "The environment could not be made")
    pip = [
        str(folder / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
    ]
    _run([*pip, "--no-deps", "--require-hashes", "-r", str(REQUIREMENTS)], "ModelScan could not be installed")
    made.write_text(wanted)  # last: what was cut off is made anew
    return program


def _run(command: list[str], what: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise NotMade(f"{what}: {done.stderr.strip()[-500:]}")
