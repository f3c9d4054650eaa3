"""Paths and contents of tiles and entry bundles, by c2sp.org/tlog-tiles; tiles are 8 levels high, 256 hashes wide."""

from collections.abc import Callable, Iterable, Iterator

from mrm.audit.log.merkle import Read, node_hash

HEIGHT = 8
WIDTH = 1 << HEIGHT
HASH = 32
LARGEST_ENTRY = 0xFFFF
HIGHEST_LEVEL = 63


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Where the hashes of a tile are kept: tile/<L>/<N>, with .p/<W> when it is not full."""
    if not 0 <= level <= HIGHEST_LEVEL:
        raise ValueError(f"A tile's level is 0 to {HIGHEST_LEVEL}; {level} is not.")
    return f"tile/{level}/{_place(index, width)}"


def entries_path(index: int, width: int = WIDTH) -> str:
    """Where the payloads under a tile of level 0 are kept: tile/entries/<N>, with .p/<W> when it is not full."""
    return f"tile/entries/{_place(index, width)}"


def tile_width(level: int, index: int, size: int) -> int:
    """How many hashes a tile holds in a tree of this size; 0 when there is no such tile."""
    hashes = size >> HEIGHT * level
    return max(0, min(WIDTH, hashes - index * WIDTH))


def tiles_of(size: int) -> Iterator[tuple[int, int, int]]:
    """Level, index and width of every tile of a tree of this size."""
    level = 0
    while hashes := size >> HEIGHT * level:
        for index in range(-(-hashes // WIDTH)):
            yield level, index, tile_width(level, index, size)
        level += 1


def pack_entries(payloads: Iterable[bytes]) -> bytes:
    """Each payload after its length in two bytes, the high one first."""
    packed = bytearray()
    for payload in payloads:
        if len(payload) > LARGEST_ENTRY:
            raise ValueError(f"An entry has at most {LARGEST_ENTRY} bytes; this one has {len(payload)}.")
        packed += len(payload).to_bytes(2, "big") + payload
    return bytes(packed)


def unpack_entries(bundle: bytes) -> list[bytes]:
    """The payloads of an entry bundle; a cut one is refused."""
    payloads: list[bytes] = []
    at = 0
    while at < len(bundle):
        length = int.from_bytes(bundle[at : at + 2], "big")
        end = at + 2 + length
        if at + 2 > len(bundle) or end > len(bundle):
            raise ValueError(f"The entry bundle is cut off after {len(payloads)} entries.")
        payloads.append(bundle[at + 2 : end])
        at = end
    return payloads


def subtrees(tile: Callable[[int, int], bytes]) -> Read:
    """Reads any complete subtree from tiles: `tile(level, index)` gives a tile's hashes, one after the other."""

    def read(level: int, index: int) -> bytes:
        floor, above = divmod(level, HEIGHT)
        first = index << above
        hashes = tile(floor, first // WIDTH)
        start = first % WIDTH * HASH
        row = [hashes[at : at + HASH] for at in range(start, start + (HASH << above), HASH)]
        if len(row[-1]) != HASH:
            raise ValueError(f"Tile {tile_path(floor, first // WIDTH)} is too narrow for a subtree of level {level}.")
        while len(row) > 1:
            row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
        return row[0]

    return read


def _place(index: int, width: int) -> str:
    if index < 0:
        raise ValueError(f"A tile's index is not negative; {index} is.")
    if not 1 <= width <= WIDTH:
        raise ValueError(f"A tile holds 1 to {WIDTH} hashes; {width} is outside.")
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03d}")
    partial = "" if width == WIDTH else f".p/{width}"
    return "/".join(reversed(groups)) + partial
