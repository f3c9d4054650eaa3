"""The stored tree: tiles from rows, and what is proved from tiles."""

from typing import Any, Protocol

from mrm.audit.log import merkle, notes, receipt, tiles

TILE_OF_LEAVES = 'SELECT string_agg(hash, NULL ORDER BY "index") FROM audit_leaf WHERE "index" >= %s AND "index" < %s'
TILE_OF_SUBTREES = 'SELECT string_agg(hash, NULL ORDER BY "index") FROM audit_subtree WHERE level = %s AND "index" >= %s AND "index" < %s'


class Cursor(Protocol):
    """What Django's cursor and psycopg's have in common."""

    def execute(self, query: Any, params: Any = None) -> Any: ...

    def fetchone(self) -> Any: ...


class StoredTree:
    """The tree as the rows hold it; a tile is read once."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._kept: dict[tuple[int, int], bytes] = {}
        self.read = tiles.subtrees(self.tile)

    def tile(self, level: int, index: int) -> bytes:
        """Up to 256 hashes in a row: of leaves at level 0, of complete tiles below at the levels above."""
        if (level, index) not in self._kept:
            first = index * tiles.WIDTH
            if level:
                self._cursor.execute(TILE_OF_SUBTREES, [level, first, first + tiles.WIDTH])
            else:
                self._cursor.execute(TILE_OF_LEAVES, [first, first + tiles.WIDTH])
            self._kept[level, index] = bytes(self._cursor.fetchone()[0] or b"")
        return self._kept[level, index]

    def size(self) -> int:
        self._cursor.execute('SELECT coalesce(max("index") + 1, 0) FROM audit_leaf')
        return int(self._cursor.fetchone()[0])

    def frontier(self, size: int) -> merkle.Frontier:
        return merkle.Frontier.of(size, self.read)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """That the tree of the new size holds the tree of the old size unchanged."""
        return merkle.consistency_proof(old, new, self.read)

    def receipt(self, index: int, checkpoint_note: str) -> str:
        """The proof that the leaf stands in the tree which the checkpoint signs."""
        text, _ = notes.split_note(checkpoint_note)
        size = notes.Checkpoint.parse(text).size
        return receipt.write(index, merkle.inclusion_proof(index, size, self.read), checkpoint_note)
