"""The tree against the published values of Certificate Transparency, and against itself at every size."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrm.audit.log import merkle
from mrm.audit.log.merkle import EMPTY_ROOT, Frontier, ProofError

# the reference tree of certificate-transparency: leaves, the root at each size, and some proofs
LEAVES = [bytes.fromhex(each) for each in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
LEAVES.append(bytes(range(0x60, 0x70)))
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATHS = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
GROWTH = {
    (1, 1): [],
    (1, 8): PATHS[0, 8],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def hashes(count: int) -> list[bytes]:
    return [merkle.leaf_hash(str(each).encode()) for each in range(count)]


def reader(leaves: list[bytes]) -> merkle.Read:
    def read(level: int, index: int) -> bytes:
        part = leaves[index << level : (index + 1) << level]
        assert len(part) == 1 << level
        return merkle.root(part)

    return read


def flipped(value: bytes, bit: int) -> bytes:
    place, shift = divmod(bit % (len(value) * 8), 8)
    return value[:place] + bytes([value[place] ^ 1 << shift]) + value[place + 1 :]


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_are_those_of_certificate_transparency(size: int) -> None:
    leaves = [merkle.leaf_hash(payload) for payload in LEAVES[:size]]
    assert merkle.root(leaves).hex() == ROOTS[size - 1]


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    assert merkle.root([]) == Frontier().root() == EMPTY_ROOT == hashlib.sha256(b"").digest()


@pytest.mark.parametrize(("index", "size"), PATHS)
def test_the_inclusion_proofs_are_those_of_certificate_transparency(index: int, size: int) -> None:
    leaves = [merkle.leaf_hash(payload) for payload in LEAVES]
    proof = merkle.inclusion_proof(index, size, reader(leaves))
    assert [each.hex() for each in proof] == PATHS[index, size]


@pytest.mark.parametrize(("old", "new"), GROWTH)
def test_the_consistency_proofs_are_those_of_certificate_transparency(old: int, new: int) -> None:
    leaves = [merkle.leaf_hash(payload) for payload in LEAVES]
    proof = merkle.consistency_proof(old, new, reader(leaves))
    assert [each.hex() for each in proof] == GROWTH[old, new]


def test_the_frontier_has_the_plain_root_at_every_size_and_is_rebuilt_from_what_is_stored() -> None:
    leaves, grown = hashes(130), Frontier()
    for size, leaf in enumerate(leaves, start=1):
        grown.append(leaf)
        assert grown.size == size
        assert grown.root() == merkle.root(leaves[:size])
        rebuilt = Frontier.of(size, reader(leaves))
        assert rebuilt.root() == grown.root()
        rebuilt.append(leaves[0])
        assert rebuilt.root() == merkle.root([*leaves[:size], leaves[0]])


def test_every_proof_of_every_small_tree_verifies() -> None:
    leaves = hashes(33)
    read, roots = reader(leaves), [merkle.root(leaves[:size]) for size in range(34)]
    for size in range(34):
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, read)
            merkle.verify_inclusion(index, size, leaves[index], proof, roots[size])
            assert len(proof) <= (size - 1).bit_length()
        for old in range(size + 1):
            proof = merkle.consistency_proof(old, size, read)
            merkle.verify_consistency(old, size, roots[old], roots[size], proof)
            assert len(proof) <= (size - 1).bit_length() + 1 if size else proof == []


@given(st.integers(1, 600), st.data())
def test_an_inclusion_proof_shows_one_leaf_at_one_place_and_nothing_else(size: int, data: st.DataObject) -> None:
    leaves = hashes(size)
    root, index = merkle.root(leaves), data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, size, reader(leaves))
    merkle.verify_inclusion(index, size, leaves[index], proof, root)
    bit = data.draw(st.integers(0, 255))
    wrong = [(index, flipped(leaves[index], bit), proof, root), (index, leaves[index], proof, flipped(root, bit))]
    wrong += [(index, leaves[index], [*proof, root], root)]
    wrong += [(other, leaves[index], proof, root) for other in {0, size - 1, size, -1, index ^ 1} - {index}]
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:place], flipped(proof[place], bit), *proof[place + 1 :]]
        wrong += [(index, leaves[index], changed, root), (index, leaves[index], proof[:-1], root)]
        wrong += [(index, leaves[index], proof[1:], root)]
    for place, leaf, path, end in wrong:
        with pytest.raises(ProofError, match=r"lea[fv]"):
            merkle.verify_inclusion(place, size, leaf, path, end)


@given(st.integers(1, 400), st.data())
def test_a_consistency_proof_shows_one_growth_and_nothing_else(new: int, data: st.DataObject) -> None:
    leaves = hashes(new)
    old = data.draw(st.integers(1, new))
    first, second = merkle.root(leaves[:old]), merkle.root(leaves)
    proof = merkle.consistency_proof(old, new, reader(leaves))
    merkle.verify_consistency(old, new, first, second, proof)
    bit = data.draw(st.integers(0, 255))
    wrong = [
        (first, flipped(second, bit), proof),
        (flipped(first, bit), second, proof),
        (first, second, [*proof, first]),
    ]
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:place], flipped(proof[place], bit), *proof[place + 1 :]]
        wrong += [(first, second, changed), (first, second, proof[:-1]), (first, second, [])]
    for start, end, path in wrong:
        with pytest.raises(ProofError, match=r"lea[fv]"):
            merkle.verify_consistency(old, new, start, end, path)


def test_what_cannot_be_proved_is_refused() -> None:
    read = reader(hashes(4))
    with pytest.raises(ProofError, match="A tree of 4 leaves holds no leaf 4"):
        merkle.inclusion_proof(4, 4, read)
    with pytest.raises(ProofError, match="A tree of 3 leaves did not grow from one of 4"):
        merkle.consistency_proof(4, 3, read)
    with pytest.raises(ProofError, match="did not grow"):
        merkle.verify_consistency(4, 3, EMPTY_ROOT, EMPTY_ROOT, [])
    with pytest.raises(ProofError, match="An empty tree has another root"):
        merkle.verify_consistency(0, 3, b"x" * 32, EMPTY_ROOT, [])
