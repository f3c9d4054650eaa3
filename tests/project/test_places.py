"""Where the embedded database lives: with its installation, and never with one that was deleted."""

import os
import shutil
from pathlib import Path

import pytest

from mrm.project.places import postgres_folder


def test_an_installation_finds_its_database_again(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    assert postgres_folder(folder) == postgres_folder(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's database lives outside the data folder")
def test_a_new_installation_does_not_wake_the_database_of_a_deleted_one(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    before = postgres_folder(folder)
    shutil.rmtree(folder)
    assert postgres_folder(folder) != before
