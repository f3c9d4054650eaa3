"""The Merkle tree of RFC 6962, section 2.1, and RFC 9162, section 2.1: roots, and proofs about them.

A tree is read through `read(level, index)`: the hash of the complete subtree of 2**level leaves that starts at leaf
index * 2**level. Nothing here knows where hashes are kept.
"""

import hashlib
from collections.abc import Callable, Sequence

Read = Callable[[int, int], bytes]

EMPTY_ROOT = hashlib.sha256(b"").digest()


class ProofError(ValueError):
    """A proof that does not show what it should, with a sentence."""


def leaf_hash(payload: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + payload).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The compact range of a tree: the roots of its complete subtrees, largest first; enough to append and to sum up."""

    def __init__(self) -> None:
        self.size = 0
        self._hashes: list[bytes] = []

    @classmethod
    def of(cls, size: int, read: Read) -> "Frontier":
        """The frontier of a stored tree of this size."""
        found = cls()
        found.size = size
        found._hashes = [read(level, start >> level) for level, start in _complete(0, size)]
        return found

    def append(self, leaf: bytes) -> None:
        """Take one more leaf hash; equal neighbours merge."""
        merged, rest = leaf, self.size
        while rest & 1:
            merged = node_hash(self._hashes.pop(), merged)
            rest >>= 1
        self._hashes.append(merged)
        self.size += 1

    def root(self) -> bytes:
        return _folded(self._hashes) if self._hashes else EMPTY_ROOT


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The tree's root by the definition, MTH of RFC 6962."""
    if not leaf_hashes:
        return EMPTY_ROOT
    if len(leaf_hashes) == 1:
        return leaf_hashes[0]
    half = _split(len(leaf_hashes))
    return node_hash(root(leaf_hashes[:half]), root(leaf_hashes[half:]))


def inclusion_proof(index: int, size: int, read: Read) -> list[bytes]:
    """The sibling hashes from the leaf up to the root, PATH of RFC 6962, section 2.1.1."""
    if not 0 <= index < size:
        raise ProofError(f"A tree of {size} leaves holds no leaf {index}.")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range(middle, end, read))
            end = middle
        else:
            path.append(_range(start, middle, read))
            start = middle
    return path[::-1]


def consistency_proof(old: int, new: int, read: Read) -> list[bytes]:
    """The hashes that show the tree of `old` leaves to be a prefix of that of `new`, PROOF of RFC 6962, section 2.1.2."""
    if not 0 <= old <= new:
        raise ProofError(f"A tree of {new} leaves did not grow from one of {old}.")
    if old in {0, new}:
        return []
    path: list[bytes] = []
    start, end, whole = 0, new, True
    while old < end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_range(middle, end, read))
            end = middle
        else:
            path.append(_range(start, middle, read))
            start, whole = middle, False
    if not whole:
        path.append(_range(start, end, read))
    return path[::-1]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], expected: bytes) -> None:
    """Raise unless the proof leads from the leaf hash to the root, RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        raise ProofError(f"A tree of {size} leaves holds no leaf {index}.")
    position, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError(f"The proof of leaf {index} has more hashes than a tree of {size} leaves is high.")
        if position & 1 or position == last:
            found = node_hash(sibling, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofError(f"The proof of leaf {index} stops before the root of a tree of {size} leaves.")
    if found != expected:
        raise ProofError(f"Leaf {index} is not in the tree of {size} leaves with this root.")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raise unless the proof shows the old tree to be a prefix of the new one, RFC 9162, section 2.1.4.2."""
    if not 0 <= old <= new:
        raise ProofError(f"A tree of {new} leaves did not grow from one of {old}.")
    if old in {0, new}:
        _without_proof(old, new, old_root, new_root, proof)
        return
    hashes = list(proof) if old & (old - 1) else [old_root, *proof]
    if not hashes:
        raise ProofError(f"The proof from {old} to {new} leaves is empty.")
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    first = second = hashes[0]
    for entry in hashes[1:]:
        if last == 0:
            raise ProofError(f"The proof from {old} to {new} leaves has too many hashes.")
        if position & 1 or position == last:
            first, second = node_hash(entry, first), node_hash(entry, second)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            second = node_hash(second, entry)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofError(f"The proof from {old} to {new} leaves has too few hashes.")
    if first != old_root:
        raise ProofError(f"The tree of {new} leaves does not begin with the tree of {old} leaves.")
    if second != new_root:
        raise ProofError(f"The proof from {old} leaves does not lead to the root of {new} leaves.")


def _without_proof(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    if proof:
        raise ProofError(f"From {old} to {new} leaves nothing is to be proved, yet there is a proof.")
    if old == 0 and old_root != EMPTY_ROOT:
        raise ProofError("An empty tree has another root.")
    if old == new and old_root != new_root:
        raise ProofError(f"Two trees of {old} leaves have different roots.")


def _split(size: int) -> int:
    """The largest power of two below the size."""
    return 1 << (size - 1).bit_length() - 1


def _complete(start: int, end: int) -> list[tuple[int, int]]:
    """Level and first leaf of the complete subtrees that make up a range whose start fits its length."""
    parts = []
    while start < end:
        level = (end - start).bit_length() - 1
        parts.append((level, start))
        start += 1 << level
    return parts


def _range(start: int, end: int, read: Read) -> bytes:
    return _folded([read(level, first >> level) for level, first in _complete(start, end)])


def _folded(hashes: Sequence[bytes]) -> bytes:
    found = hashes[-1]
    for left in reversed(hashes[:-1]):
        found = node_hash(left, found)
    return found
