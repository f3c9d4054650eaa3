"""Receipts as c2sp.org/tlog-proof writes them."""

import base64

import pytest

from mrm.audit.log import merkle, receipt
from mrm.audit.log.notes import Checkpoint, NoteError, SigningKey

KEY = SigningKey("log.example/trail", bytes(range(32)))
PAYLOADS = [f"payload {each}".encode() for each in range(11)]
LEAVES = [merkle.leaf_hash(payload) for payload in PAYLOADS]
NOTE = KEY.sign(Checkpoint(KEY.name, len(LEAVES), merkle.root(LEAVES)).text())


def proof(index: int) -> list[bytes]:
    def read(level: int, place: int) -> bytes:
        return merkle.root(LEAVES[place << level : (place + 1) << level])

    return merkle.inclusion_proof(index, len(LEAVES), read)


def test_a_receipt_has_the_form_of_the_document() -> None:
    lines = [base64.b64encode(each).decode() for each in proof(4)]
    text = receipt.write(4, proof(4), NOTE, b"extra words")
    assert text == "\n".join(["c2sp.org/tlog-proof@v1", "extra ZXh0cmEgd29yZHM=", "index 4", *lines, "", NOTE])
    assert receipt.write(4, proof(4), NOTE) == "\n".join(["c2sp.org/tlog-proof@v1", "index 4", *lines, "", NOTE])


@pytest.mark.parametrize("index", range(len(LEAVES)))
def test_a_receipt_proves_its_entry_and_no_other(index: int) -> None:
    found = receipt.read(receipt.write(index, proof(index), NOTE, b"x"))
    assert (found.index, found.proof, found.extra) == (index, tuple(proof(index)), b"x")
    assert receipt.verify(found, PAYLOADS[index], [KEY.verifier]).size == len(LEAVES)
    with pytest.raises(merkle.ProofError, match=f"Leaf {index} is not in the tree"):
        receipt.verify(found, PAYLOADS[index - 1], [KEY.verifier])
    with pytest.raises(NoteError, match="No key that is known"):
        receipt.verify(found, PAYLOADS[index], [SigningKey.generate(KEY.name).verifier])


def test_every_other_byte_of_a_receipt_is_refused() -> None:
    written = receipt.write(4, proof(4), NOTE).encode()
    for place in range(len(written)):
        changed = written[:place] + bytes([written[place] ^ 1]) + written[place + 1 :]
        with pytest.raises((NoteError, merkle.ProofError, UnicodeDecodeError)):
            receipt.verify(receipt.read(changed.decode()), PAYLOADS[4], [KEY.verifier])


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("@v1", "@v2", "begins with"),
        ("index 4", "index 04", "without leading zeros"),
        ("index 4", "place 4", "the place of its entry"),
        ("index 4", "extra YQ\nindex 4", "extra data is not base64"),
        ("index 4", "extra YR==\nindex 4", "extra data is not written"),
        ("index 4", "extra \nindex 4", "extra data is not written"),
        ("index 4", "index 4\nAAAA", "32 bytes"),
        ("index 4\n", "index 4\n\n", "does not hold"),
    ],
)
def test_a_receipt_written_otherwise_is_refused(old: str, new: str, sentence: str) -> None:
    text = receipt.write(4, proof(4), NOTE)
    with pytest.raises(NoteError, match=sentence):
        receipt.verify(receipt.read(text.replace(old, new, 1)), PAYLOADS[4], [KEY.verifier])
