"""Whatever is handed over as a bundle ends in one clear line, never in a traceback."""

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mrm.core.canonical import canonical
from tests.audit.verifier.bundles import LOG, Files, Log, lines, zipped
from tests.audit.verifier.loaded import PATH, status, verify
from tests.audit.verifier.story import MODEL, approved

ROOT = PATH.parent.parent.parent


@pytest.fixture(scope="module")
def files() -> Files:
    return Log(approved(), [3, 17]).whole()


def run(*arguments: object, isolated: bool = False) -> tuple[int, str]:
    """The verifier as an auditor starts it; `isolated` leaves it nothing but the standard library."""
    command = [sys.executable, *(["-I", "-S"] if isolated else []), str(PATH), *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
    assert "Traceback" not in ran.stderr
    return ran.returncode, ran.stdout + ran.stderr


def refused(path: Path, *arguments: object) -> str:
    """The one line of an unreadable bundle."""
    code, told = run(path, *arguments)
    assert code == 2, told
    assert told.count("\n") == 1
    assert told.startswith("UNREADABLE  ")
    return told


@pytest.mark.parametrize("isolated", [False, True])
def test_the_command_says_each_verdict_and_its_status(files: Files, tmp_path: Path, isolated: bool) -> None:
    path = zipped(files, tmp_path / "bundle.zip")
    code, told = run(path, "--key", LOG.vkey, isolated=isolated)
    assert code == 0, told
    assert re.findall(r"^([A-Z ]+?)  +(OK|FAILED|NOT CHECKED)  ", told, re.MULTILINE) == [
        ("INTEGRITY", "OK"),
        ("UNANCHORED", "NOT CHECKED"),
        ("COMPLETENESS", "OK"),
        ("SEPARATION OF DUTIES", "OK"),
    ]
    changed = zipped({**files, "state/inventory_model.jsonl": b""}, tmp_path / "changed.zip")
    code, told = run(changed, "--key", LOG.vkey, "--json", isolated=isolated)
    found = json.loads(told)
    assert (code, found["exit_status"]) == (1, 1)
    assert found["verdicts"][2]["findings"] == [f"inventory_model row {MODEL[1]} is in the log, but it is not live"]


def test_a_folder_and_what_the_auditor_kept_are_read_from_disk(files: Files, tmp_path: Path) -> None:
    log = Log(approved(), [3, 17])
    folder = tmp_path / "bundle"
    with zipfile.ZipFile(zipped(files, tmp_path / "bundle.zip")) as archive:
        archive.extractall(folder)
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "11.note").write_text(log.note(11))
    (tmp_path / "old").write_text(log.note(5))
    code, told = run(folder, "--key", LOG.vkey, "--since", tmp_path / "old", "--anchor", kept)
    assert code == 0, told
    assert "a checkpoint that you kept up to size 5" in told
    assert "11.note up to size 11" in told
    (kept / "12.note").write_text("nonsense")
    assert "has no signatures" in refused(folder, "--anchor", kept)
    assert "cannot be read: No such file" in refused(folder, "--anchor", tmp_path / "nowhere")
    assert "cannot be read: No such file" in refused(folder, "--since", tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "holds no anchor" in refused(folder, "--anchor", tmp_path / "empty")
    (folder / "link").symlink_to(tmp_path / "old")
    assert "links are not followed" in refused(folder)


def test_what_is_no_bundle_is_said_in_one_line(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    assert "there is no file" in refused(path)
    for raw in (b"", b"no zip", b"PK\x03\x04" + bytes(40)):
        path.write_bytes(raw)
        assert "neither a zip file nor a folder" in refused(path)
    whole = zipped(files, tmp_path / "whole.zip").read_bytes()
    for cut in range(len(whole) // 10, len(whole), len(whole) // 10):
        path.write_bytes(whole[:cut])
        refused(path)
    zipped({}, path)
    assert "manifest.json is missing" in refused(path)
    (tmp_path / "folder").mkdir()
    assert "manifest.json is missing" in refused(tmp_path / "folder")
    assert "keys.json is missing" in refused(zipped({k: v for k, v in files.items() if k != "keys.json"}, path))


def test_a_zip_that_is_damaged_anywhere_is_not_accepted(files: Files, tmp_path: Path) -> None:
    path = zipped(files, tmp_path / "bundle.zip")
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("events.jsonl").header_offset
    for place in range(start + 40, start + 4000, 97):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        assert verify.main([str(path), "--key", LOG.vkey]) > 0


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "a/../../b", "a\\b", "a//b", ".hidden", "C:evil/../x", "a\nb", "x" * 301]
)
def test_a_name_that_leads_elsewhere_is_refused(files: Files, tmp_path: Path, name: str) -> None:
    path = zipped({**files, name: b"x"}, tmp_path / "bundle.zip")
    assert "such a name is not read" in refused(path)


def test_a_name_that_is_there_twice_is_refused(files: Files, tmp_path: Path) -> None:
    path = zipped(files, tmp_path / "bundle.zip")
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("checkpoint", files["checkpoint"])
    assert "holds checkpoint twice" in refused(path)


def test_files_that_share_bytes_of_the_zip_are_refused(files: Files, tmp_path: Path) -> None:
    """As in a zip that unpacks to far more than it holds."""
    path = zipped(files, tmp_path / "bundle.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("tile/0/001", files["checkpoint"])
        entry = archive.getinfo("tile/0/001")
        entry.header_offset = archive.getinfo("events.jsonl").header_offset
    assert "share bytes of the zip" in refused(path)


def test_packing_that_is_not_read_is_refused(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    assert "packed in a way that is not read" in refused(path)


def test_a_bundle_that_unpacks_to_more_than_is_read_is_refused(files: Files, tmp_path: Path) -> None:
    huge = bytes(200 * 1024 * 1024)
    for name in ("manifest.json", "checkpoint", "keys.json", "tile/0/000.p/25", "tile/entries/000.p/25"):
        told = refused(zipped({**files, name: huge}, tmp_path / "bundle.zip"))
        assert f"{name} is larger than" in told
    code, told = run(zipped({**files, "events.jsonl": huge}, tmp_path / "bundle.zip"), "--key", LOG.vkey)
    assert (code, "holds a line of more than" in told) == (1, True)


@pytest.mark.parametrize(
    "value",
    [b"[]", b"null", b"{}", b"1", b"\xff\xfe", b"{", b'"text"', b"[" * 100_000, b'{"a":1,"a":1}', b"NaN", b"", b"{}\n"],
)
def test_every_file_of_another_type_is_refused_or_named(files: Files, value: bytes) -> None:
    for name in files:
        if name == "README.md" or name.startswith("policies/") or files[name] == value:
            continue
        try:
            assert status({**files, name: value}) > 0, name
        except RecursionError:
            assert value.startswith(b"[[[")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "other"),
        ("version", 2),
        ("version", True),
        ("scope", "log"),
        ("scope", {"kind": "all"}),
        ("scope", {"kind": "log", "size": 1}),
        ("scope", {"kind": "since", "size": 26}),
        ("scope", {"kind": "since", "size": -1}),
        ("scope", {"kind": "since", "size": "1"}),
        ("scope", {"kind": ["log"]}),
        ("size", -1),
        ("size", 25.5),
        ("size", True),
        ("size", 10**30),
        ("origin", None),
        ("made_at", "yesterday"),
        ("made_at", "2026-13-01T00:00:00.000000Z"),
        ("epochs", None),
        ("more", 1),
    ],
)
def test_a_manifest_that_is_none_is_refused(files: Files, field: str, value: object) -> None:
    manifest = json.loads(files["manifest.json"])
    manifest[field] = value
    assert status({**files, "manifest.json": json.dumps(manifest).encode()}) == 2


def test_a_deep_payload_is_no_way_around() -> None:
    story = approved()
    deep = b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    story.payloads[3] = deep
    log = Log(approved())
    files = log.whole()
    files["tile/entries/000.p/25"] = b"".join(len(each).to_bytes(2, "big") + each for each in story.payloads)
    with pytest.raises(RecursionError):
        status(files)


def test_a_recursion_ends_in_one_line(files: Files, tmp_path: Path) -> None:
    path = zipped({**files, "keys.json": b"[" * 200_000}, tmp_path / "bundle.zip")
    assert "cannot be read: RecursionError" in refused(path) or "is not JSON" in refused(path)


def test_what_a_bundle_says_cannot_command_the_terminal(files: Files, tmp_path: Path) -> None:
    rows = lines([{"id": "\x1b[2J\u202e", "name": "x"}])
    path = zipped({**files, "state/inventory_model.jsonl": rows}, tmp_path / "bundle.zip")
    code, told = run(path, "--key", LOG.vkey)
    assert code == 1
    assert "\x1b" not in told
    assert "\u202e" not in told


def test_a_file_that_nothing_accounts_for_is_named(files: Files) -> None:
    for name in ("notes.txt", "tile/0/001", "changes/ff.json", "state/other.jsonl", "anchors/x/1.note", "proofs/1"):
        assert status({**files, name: b"x"}) == 1, name
    assert status({**files, "manifest.json": canonical({})}) == 2


def test_the_verifier_runs_on_python_3_9_with_nothing_installed() -> None:
    tree = ast.parse(PATH.read_text(), feature_version=(3, 9))
    imported = set()
    for each in ast.walk(tree):
        if isinstance(each, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in each.names}
        elif isinstance(each, ast.ImportFrom):
            assert each.level == 0
            imported.add(str(each.module).split(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}
    guarded = next(each for each in tree.body if isinstance(each, ast.Try))
    inside = {str(each.module).split(".")[0] for each in guarded.body if isinstance(each, ast.ImportFrom)}
    assert inside == {"cryptography"}
    assert not any(isinstance(each, ast.Match) for each in ast.walk(tree))
    first = next(each for each in tree.body if isinstance(each, ast.ImportFrom))
    assert (first.module, [alias.name for alias in first.names]) == ("__future__", ["annotations"])


def test_the_readme_says_which_file_to_trust() -> None:
    found = re.search(r"`([0-9a-f]{64})`", (ROOT / "README.md").read_text())
    assert found is not None
    assert found[1] == hashlib.sha256(PATH.read_bytes()).hexdigest(), "put the new SHA-256 of verify.py into README.md"
