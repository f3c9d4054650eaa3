"""From an approved version to a served prediction, as a deployer lives it: over HTTP, at the demo with its worker and gateway."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.ground import ROOT
from tests.bench.table import Row, wants

NAME = "from an approved version to a served prediction, with the plan's signature and the verification"
STEP = re.compile(r"\s*([\d.]+) s  a deployer pushes it; a prediction equals the local one")
GOAL = 10.0


def run(wanted: list[str]) -> list[Row]:
    """The time that the main job tells for its step from the deployer's wish to an answer that equals our own."""
    if not wants(wanted, NAME):
        return []
    folder = Path(tempfile.mkdtemp(prefix="mrm-bench-live-"))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DATABASE")}
    environment |= {"MRM_DATA_DIR": str(folder), "MRM_PORT": "8473", "MRM_GATEWAY_PORT": "8474"}
    command = [sys.executable, "manage.py", "up", "--demo", "--check"]
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    told = next(found for line in done.stdout.splitlines() if (found := STEP.match(line)))
    return [Row(NAME, float(told[1]), "s", f"under {GOAL:g} s", float(told[1]) < GOAL)]
