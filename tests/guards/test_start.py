"""What a web process loads when it starts: the libraries of the numbers belong to workers and to uploads."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("pandas", "duckdb", "pyarrow", "numpy", "scipy", "sklearn", "shap", "matplotlib", "onnxruntime", "weasyprint")
START = f"""
import json, sys
import django
django.setup()
import mrm.project.urls
import mrm.project.wsgi
before = [name for name in {HEAVY!r} if name in sys.modules]
import mrm.measures.frames
print(json.dumps([before, "duckdb" in sys.modules, "pandas" in sys.modules]))
"""


@pytest.fixture(scope="module")
def loaded() -> tuple[list[str], bool, bool]:
    """What is loaded after the addresses are, and then whether the conversion of an upload loads duckdb and pandas."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "mrm.project.settings"}
    command = [sys.executable, "-c", START]
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    before, duckdb, pandas = json.loads(done.stdout.splitlines()[-1])
    return before, duckdb, pandas


def test_the_addresses_load_none_of_the_heavy_libraries(loaded: tuple[list[str], bool, bool]) -> None:
    assert loaded[0] == []


def test_an_upload_loads_what_converts_it_and_not_pandas(loaded: tuple[list[str], bool, bool]) -> None:
    assert loaded[1:] == (True, False)


@pytest.mark.xdist_group("of one worker")
def test_tests_of_one_group_share_a_worker(request: pytest.FixtureRequest) -> None:
    """Servers and banks are founded once for a group: without groups the same tests take half as long again."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("not run in parallel")
    assert request.node.nodeid.endswith("@of one worker")
