"""A folder that is only added to: nothing is written over, and what was changed there is seen."""

from pathlib import Path

import fsspec
import pytest

from mrm.audit.anchors.anchorage import Ahead, AnchorProblem, Contradiction
from mrm.audit.anchors.folder import Folder
from mrm.audit.anchors.places import Place, beside, parse
from tests.audit.anchors.material import LOG, OTHER, signed


def place_of(folder: Path) -> Place:
    return parse(f"folder=file://{folder}")[0]


def test_each_checkpoint_is_a_file_with_the_note(tmp_path: Path) -> None:
    folder = Folder(place_of(tmp_path))
    assert folder.latest(LOG.note(1)) is None
    for size in (5, 9, 20):
        token = folder.anchor(signed(size))
        assert (tmp_path / "bank.example_log" / str(size)).read_bytes() == token == LOG.note(size).encode()
        assert folder.verify(token, LOG.note(size)).by == f"file://{tmp_path}"
    assert folder.latest(LOG.note(1)) == 20
    assert folder.anchor(signed(20)) == LOG.note(20).encode()


def test_a_second_history_is_not_written_over_the_first(tmp_path: Path) -> None:
    folder = Folder(place_of(tmp_path))
    folder.anchor(signed(9))
    with pytest.raises(Contradiction, match="is not the checkpoint of size 9 that this log signed"):
        folder.anchor(signed(9, log=OTHER))
    assert (tmp_path / "bank.example_log" / "9").read_text() == LOG.note(9)


def test_a_database_that_was_rolled_back_is_refused(tmp_path: Path) -> None:
    Folder(place_of(tmp_path)).anchor(signed(20))
    with pytest.raises(
        Ahead, match=r"has seen 20 events of this log, but it holds 9 here: the database was rolled back"
    ):
        Folder(place_of(tmp_path)).anchor(signed(9))


def test_a_file_changed_or_removed_behind_our_back_is_seen(tmp_path: Path) -> None:
    folder = Folder(place_of(tmp_path))
    token = folder.anchor(signed(9))
    path = tmp_path / "bank.example_log" / "9"
    path.write_bytes(token.replace(b"\n9\n", b"\n8\n"))
    with pytest.raises(Contradiction, match="is not the checkpoint of size 9"):
        folder.verify(token, LOG.note(9))
    path.unlink()
    with pytest.raises(Contradiction, match=r"does not hold bank.example_log/9 any more"):
        folder.verify(token, LOG.note(9))


def test_a_folder_that_is_not_there_is_not_made_on_our_own_disk(tmp_path: Path) -> None:
    with pytest.raises(AnchorProblem, match=r"There is no folder .*; mount it, or make it"):
        Folder(place_of(tmp_path / "mount")).anchor(signed(9))
    assert not (tmp_path / "mount").exists()
    Folder(beside(tmp_path / "own")).anchor(signed(9))
    assert (tmp_path / "own" / "bank.example_log" / "9").exists()


def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "bank.example_log").write_text("in the way")
    with pytest.raises(AnchorProblem, match="cannot be used: "):
        Folder(place_of(tmp_path)).anchor(signed(9))
    with pytest.raises(AnchorProblem, match="cannot be used: "):
        Folder(parse("folder=nonsense://bucket/log")[0]).anchor(signed(9))


def test_any_address_of_fsspec_will_do() -> None:
    folder = Folder(parse("folder=memory://worm/log")[0])
    folder.anchor(signed(9))
    assert fsspec.filesystem("memory").cat("/worm/log/bank.example_log/9") == LOG.note(9).encode()
    assert folder.latest(LOG.note(9)) == 9
    with pytest.raises(Contradiction):
        folder.anchor(signed(9, log=OTHER))


def test_other_files_in_the_folder_are_passed_over(tmp_path: Path) -> None:
    folder = Folder(place_of(tmp_path))
    folder.anchor(signed(9))
    for name in ("README", "010", ".9", "99.part"):
        (tmp_path / "bank.example_log" / name).write_text("")
    assert folder.latest(LOG.note(9)) == 9
