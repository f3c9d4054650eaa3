"""The log's key: made whole, never written over, used only when nobody else may read it."""

from pathlib import Path

import pytest

from mrm.audit import keys


def test_a_new_key_is_whole_private_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "log.key"
    made = keys.make(path, "bank.example/log")
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.load(path).vkey == made.vkey
    assert [each.name for each in path.parent.iterdir()] == ["log.key"]


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    before = keys.make(path, "bank.example/log").vkey
    with pytest.raises(keys.KeyProblem, match="holds a key already"):
        keys.make(path, "bank.example/log")
    assert keys.load(path).vkey == before


@pytest.mark.parametrize(
    ("content", "mode", "sentence"),
    [
        (None, 0o600, "makes one on its first start"),
        ("", 0o600, "does not hold a log key"),
        ("PRIVATE+KEY+x+00000000+AAAA", 0o600, "does not hold a log key"),
        ("PRIVATE+KEY+x", 0o640, "set its mode to 0600"),
    ],
)
def test_a_key_that_cannot_be_used_says_what_would_be_right(
    tmp_path: Path, content: str | None, mode: int, sentence: str
) -> None:
    path = tmp_path / "log.key"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    with pytest.raises(keys.KeyProblem, match=sentence):
        keys.load(path)
