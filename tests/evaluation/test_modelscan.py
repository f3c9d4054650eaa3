"""ModelScan itself, in its own environment: what it says of a file is kept beside our own look, or why it said nothing."""

import fcntl
import os
import pickle
import socket
import zipfile
from io import StringIO
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from django.core.management import CommandError, call_command

from mrm.evaluation import queries
from mrm.evaluation.models import Inspection
from mrm.evaluation.services.inspecting import inspect
from mrm.inventory import services as inventory
from mrm.inventory.models import Version
from mrm.measures import modelscan
from tests.connectors.servers import CACHE
from tests.factories import validation as make
from tests.factories.access import Cast
from tests.factories.inspection import small_onnx

pytestmark = pytest.mark.xdist_group("modelscan")


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("true",)


@pytest.fixture(scope="module")
def program() -> Path:
    """Made by the command that an operator uses, kept in the user's cache."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "modelscan.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            call_command("install_modelscan", folder=CACHE / "modelscan", stdout=StringIO())
        except CommandError as error:
            pytest.skip(f"MODELSCAN IS NOT TESTED: {error}")
    return CACHE / "modelscan" / "bin" / "modelscan"


@pytest.fixture
def version(cast: Cast) -> Version:
    return make.version(cast, make.model(cast))


def inspected(cast: Cast, version: Version, content: bytes, kind: str = "pickle") -> Inspection:
    version.refresh_from_db()
    version = inventory.attach_artifact(version, chunks=[content], filename="m", kind=kind, actor=cast.developer)
    assert version.artifact is not None
    return inspect(version, version.artifact)


def by_modelscan(found: Inspection) -> dict[str, str]:
    return next((each for each in found.tools if each["name"] == "ModelScan"), {})


def archive(inner: bytes) -> bytes:
    """As torch writes it."""
    with zipfile.ZipFile(target := Path(os.environ["MRM_TEST_CLUSTER"]) / "torch.pt", "w") as made:
        made.writestr("archive/data.pkl", inner)
        made.writestr("archive/version", "3")
    return target.read_bytes()


def test_a_benign_pickle_is_clean_and_one_that_runs_a_command_is_flagged(
    cast: Cast, version: Version, program: Path, settings: Any
) -> None:
    settings.MODELSCAN = {"program": program, "required": True}
    good = inspected(cast, version, pickle.dumps({"weights": [1.0, 2.0]}))
    assert (good.outcome, by_modelscan(good)) == (
        "clean", {"name": "ModelScan", "version": "0.8.8", "outcome": "clean"},
    )  # fmt: skip
    bad = inspected(cast, version, pickle.dumps(Evil()))
    assert (bad.outcome, by_modelscan(bad)["outcome"]) == ("flagged", "flagged")
    assert "CRITICAL: Use of unsafe operator 'system' from module 'posix'." in bad.sentences
    assert by_modelscan(inspected(cast, version, archive(pickle.dumps(Evil())))) == by_modelscan(bad)


def test_what_it_cannot_read_to_the_end_is_unscannable(program: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    cut.write_bytes(pickle.dumps({"a": [1, 2]})[:-6])
    look = modelscan.scan(program, cut, "pickle", seconds=60, memory_mb=2_048)
    assert (look.outcome, look.version) == ("unscannable", "0.8.8")
    assert look.unable.startswith("ModelScan could not read all of the file: Parsing error")
    late = modelscan.scan(program, cut, "pickle", seconds=0.01, memory_mb=2_048)
    assert late.unable == "ModelScan did not finish within 0.01 seconds and was stopped."
    small = modelscan.scan(program, cut, "pickle", seconds=60, memory_mb=40)
    assert (small.outcome, small.version) == ("unscannable", "")


def test_it_runs_without_a_network_and_starts_nothing(program: Path, tmp_path: Path) -> None:
    """The same door, with a tool behind it that tries to get out."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        tool = tmp_path / "site" / "modelscan"
        tool.mkdir(parents=True)
        (tool / "__init__.py").write_text("")
        (tool / "cli.py").write_text(
            "import json, socket, subprocess, sys\n"
            "def main():\n"
            "    said = []\n"
            f"    for attempt in (lambda: socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 2),\n"
            "                    lambda: subprocess.run(['true'])):\n"
            "        try:\n            attempt(); said.append('out')\n"
            "        except OSError as error:\n            said.append(type(error).__name__)\n"
            "    issues = [{'severity': 'LOW', 'description': ' '.join(said)}]\n"
            "    summary = {'modelscan_version': '0', 'scanned': {'total_scanned': 1}}\n"
            "    told = {'summary': summary, 'issues': issues, 'errors': []}\n"
            "    open(sys.argv[sys.argv.index('--output-file') + 1], 'w').write(json.dumps(told))\n"
            "    sys.exit(1)\n"
        )
        programs = tmp_path / "bin"
        programs.mkdir()
        (programs / "modelscan").touch(0o755)
        wrapper = f"#!/bin/sh\nshift\nexec {program.with_name('python')} -c \"import sys; sys.path.insert(0, '{tmp_path / 'site'}'); sys.argv = sys.argv[3:]; import runpy; runpy.run_path(sys.argv[0], run_name='__main__')\" \"$@\"\n"
        (programs / "python").write_text(wrapper)
        (programs / "python").chmod(0o755)
        (tmp_path / "model").write_bytes(pickle.dumps(1))
        look = modelscan.scan(programs / "modelscan", tmp_path / "model", "pickle", seconds=60, memory_mb=2_048)
    assert look.findings == ("LOW: PermissionError PermissionError.",)


def test_where_it_is_not_installed_the_record_says_so_and_a_house_that_asks_for_it_closes(
    cast: Cast, version: Version, tmp_path: Path, settings: Any
) -> None:
    content = pickle.dumps({"weights": [1.0]})
    settings.MODELSCAN = {"program": tmp_path / "none", "required": False}
    told = inspected(cast, version, content)
    assert (told.outcome, told.facts["modelscan"], by_modelscan(told)) == ("clean", "was not run: not installed", {})
    settings.MODELSCAN = {"program": tmp_path / "none", "required": True}
    closed = inspected(cast, version, content)
    assert (closed.outcome, by_modelscan(closed)["outcome"]) == ("unscannable", "unscannable")
    assert closed.sentences == ["ModelScan was not run: it is not installed, and this house asks for it."]
    assert queries.why_artifact_not_passed("m", closed) is not None
    settings.MODELSCAN = {"program": tmp_path / "none", "required": True}
    assert inspected(cast, version, small_onnx("m"), "onnx").outcome == "clean", "it reads no ONNX"


def test_what_joblib_wrote_is_not_for_it(tmp_path: Path) -> None:
    for packed in (0, 3):
        joblib.dump({"w": np.arange(9.0)}, tmp_path / "m", compress=packed)
        names = ["joblib.numpy_pickle.NumpyArrayWrapper"]
        why = modelscan.why_not_asked("pickle", (tmp_path / "m").read_bytes(), names if not packed else [])
        assert why == "it cannot read what joblib wrote"
    assert modelscan.why_not_asked("pickle", pickle.dumps(1, protocol=0), []) is None
    assert modelscan.why_not_asked("onnx", b"", []) == "it reads no onnx"
