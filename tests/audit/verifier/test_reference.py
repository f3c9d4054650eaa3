"""A second implementation judges what is exported: the reference one of tiled logs and signed notes, written in Go.

It is golang.org/x/mod/sumdb (tlog and note), as Debian packs it: apt install golang-go golang-golang-x-mod-dev.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.audit.verifier.bundles import LOG, OTHER, Files, Log
from tests.audit.verifier.loaded import status
from tests.audit.verifier.story import MODEL, approved
from tests.audit.verifier.test_mutations import flipped
from tests.audit.verifier.test_side_by_side import LONG, SIZES, long_story

SOURCE = Path(__file__).with_name("reference") / "main.go"
PACKAGES = Path("/usr/share/gocode")

pytestmark = pytest.mark.skipif(
    not shutil.which("go") or not (PACKAGES / "src/golang.org/x/mod/sumdb/tlog").is_dir(),
    reason="NO SECOND IMPLEMENTATION CHECKED THE LOG: apt install golang-go golang-golang-x-mod-dev",
)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    settings = {"GO111MODULE": "off", "GOPATH": str(PACKAGES), "GOCACHE": str(folder / "cache"), "GOFLAGS": "-trimpath"}
    subprocess.run(
        ["go", "build", "-o", folder / "reference", SOURCE], env={**os.environ, **settings}, check=True, cwd=folder
    )
    return folder / "reference"


@pytest.fixture(scope="module")
def log() -> Log:
    return Log(long_story(), SIZES)


def judged(program: Path, files: Files, folder: Path, vkey: str = LOG.vkey) -> tuple[int, list[str]]:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    ran = subprocess.run([program, folder, vkey], capture_output=True, text=True, check=False)
    assert not ran.stderr, ran.stderr
    return ran.returncode, ran.stdout.splitlines()


def test_the_reference_accepts_the_log(program: Path, log: Log, tmp_path: Path) -> None:
    found = judged(program, log.whole(), tmp_path)
    assert found == (0, [f"size {LONG}", f"{LONG} entries", f"{len(SIZES) + 1} checkpoints"])


def test_the_reference_accepts_the_receipts(program: Path, tmp_path: Path) -> None:
    files = Log(approved()).of(*MODEL)
    count = sum(name.startswith("proofs/") for name in files)
    assert judged(program, files, tmp_path) == (0, ["size 25", f"{count} receipts"])
    assert count > 5


@pytest.mark.parametrize(
    "name", ["checkpoint", "tile/entries/001", "tile/0/003", "tile/0/004.p/176", "tile/1/000.p/4", "checkpoints.jsonl"]
)
def test_both_refuse_what_was_changed(program: Path, log: Log, tmp_path: Path, name: str) -> None:
    files = log.whole()
    changed = {**files, name: flipped(files[name], len(files[name]) // 2, 1)}
    assert judged(program, changed, tmp_path)[0] == 1
    assert status(changed) == 1


def test_both_refuse_another_key(program: Path, log: Log, tmp_path: Path) -> None:
    assert judged(program, log.whole(), tmp_path, OTHER.vkey)[0] == 1
    assert status(log.whole(), keys=(OTHER.vkey,)) == 1


def test_both_refuse_a_receipt_for_another_event(program: Path, tmp_path: Path) -> None:
    files = Log(approved()).of(*MODEL)
    first, second = sorted(name for name in files if name.startswith("proofs/"))[:2]
    moved = {**files, first: files[second]}
    told = (
        files[second].decode().replace(f"index {second[7:].split('.')[0]}\n", f"index {first[7:].split('.')[0]}\n", 1)
    )
    moved[first] = told.encode()
    assert judged(program, moved, tmp_path)[0] == 1
    assert status(moved) == 1
