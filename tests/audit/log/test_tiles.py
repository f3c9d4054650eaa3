"""Tile paths as c2sp.org/tlog-tiles gives them, and what tiles hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrm.audit.log import merkle, tiles


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (tiles.tile_path(0, 0), "tile/0/000"),
        (tiles.tile_path(0, 1234067), "tile/0/x001/x234/067"),
        (tiles.tile_path(1, 1000), "tile/1/x001/000"),
        (tiles.tile_path(0, 273, 112), "tile/0/273.p/112"),
        (tiles.tile_path(2, 0, 1), "tile/2/000.p/1"),
        (tiles.tile_path(63, 999), "tile/63/999"),
        (tiles.entries_path(0), "tile/entries/000"),
        (tiles.entries_path(1234067), "tile/entries/x001/x234/067"),
        (tiles.entries_path(1234067, 8), "tile/entries/x001/x234/067.p/8"),
    ],
)
def test_paths(path: str, expected: str) -> None:
    assert path == expected


def test_the_example_of_the_document_has_the_tiles_it_names() -> None:
    found = list(tiles.tiles_of(70_000))
    assert sum(level == 0 and width == 256 for level, _, width in found) == 273
    assert found[273:] == [(0, 273, 112), (1, 0, 256), (1, 1, 17), (2, 0, 1)]
    assert list(tiles.tiles_of(256)) == [(0, 0, 256), (1, 0, 1)]
    assert list(tiles.tiles_of(0)) == []
    assert tiles.tile_width(0, 274, 70_000) == 0


@pytest.mark.parametrize(("level", "index", "width"), [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_there_are_no_other_tiles(level: int, index: int, width: int) -> None:
    with pytest.raises(ValueError, match="tile"):
        tiles.tile_path(level, index, width)


@given(st.lists(st.binary(max_size=300), max_size=30))
def test_entries_come_back_as_they_were_packed(payloads: list[bytes]) -> None:
    packed = tiles.pack_entries(payloads)
    assert tiles.unpack_entries(packed) == payloads
    if packed:
        with pytest.raises(ValueError, match="cut off"):
            tiles.unpack_entries(packed[:-1])


def test_an_entry_has_at_most_as_many_bytes_as_its_length_can_say() -> None:
    largest = bytes(65_535)
    assert tiles.unpack_entries(tiles.pack_entries([largest])) == [largest]
    with pytest.raises(ValueError, match="at most 65535 bytes; this one has 65536"):
        tiles.pack_entries([bytes(65_536)])


@given(st.integers(1, 1500), st.data())
def test_proofs_are_made_from_tiles_alone(size: int, data: st.DataObject) -> None:
    leaves = [merkle.leaf_hash(str(each).encode()) for each in range(size)]
    stored = {0: leaves}
    while len(stored[max(stored)]) >= 256:
        below = stored[max(stored)]
        full = len(below) // 256
        stored[max(stored) + 1] = [merkle.root(below[at * 256 : (at + 1) * 256]) for at in range(full)]
    read = tiles.subtrees(lambda level, index: b"".join(stored[level][index * 256 : (index + 1) * 256]))
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, size, read)
    merkle.verify_inclusion(index, size, leaves[index], proof, merkle.root(leaves))
    assert merkle.Frontier.of(size, read).root() == merkle.root(leaves)
    with pytest.raises(ValueError, match="too narrow"):
        tiles.subtrees(lambda level, index: b"".join(leaves[:3]))(2, 0)
