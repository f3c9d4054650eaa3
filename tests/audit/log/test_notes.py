"""Notes and checkpoints against the published examples, and against every way to write them otherwise."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrm.audit.log.notes import (
    COSIGNATURE,
    Checkpoint,
    NoteError,
    SigningKey,
    VerifierKey,
    add_signature,
    cosign,
    open_note,
    split_note,
    verify_cosignature,
)

# the key and note of the tests of golang.org/x/mod/sumdb/note, the reference implementation of signed notes
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
LINE = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
NOTE = f"{TEXT}\n{LINE}"
# the example of c2sp.org/tlog-cosignature
COSIGNED = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa"
    " Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1"
    " jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
LOG = SigningKey("log.example/trail", bytes(range(32)))
NEXT = SigningKey("log.example/trail", bytes(range(1, 33)))
WITNESS = SigningKey("witness.example/w1", bytes(range(2, 34)), COSIGNATURE)


def test_the_reference_key_and_note_are_written_and_read_alike() -> None:
    key = SigningKey.parse(SKEY)
    assert (key.private, key.vkey) == (SKEY, VKEY)
    assert key.sign(TEXT) == NOTE
    assert open_note(NOTE, [VerifierKey.parse(VKEY)]) == (TEXT, ["PeterNeumann"])


def test_the_published_checkpoint_is_read() -> None:
    text, signatures = split_note(COSIGNED)
    found = Checkpoint.parse(text)
    assert (found.origin, found.size, found.extensions) == ("example.com/behind-the-sofa", 20852163, ())
    assert found.text() == text
    assert [each.name for each in signatures] == ["example.com/behind-the-sofa", "witness.example.com/w1"]
    assert signatures[1].id.hex() == "8d66cf3f"
    assert int.from_bytes(signatures[1].bytes[:8], "big") == 1679315147
    assert len(signatures[1].bytes) == 8 + 64


def test_every_other_byte_of_a_note_is_refused() -> None:
    keys = [VerifierKey.parse(VKEY)]
    written = NOTE.encode()
    for place in range(len(written)):
        for value in (written[place] ^ 1, written[place] ^ 0x80, 0x0B, 0x0D, 0x0A):
            if value == written[place]:
                continue
            changed = written[:place] + bytes([value]) + written[place + 1 :]
            with pytest.raises((NoteError, UnicodeDecodeError)):
                open_note(changed.decode(), keys)


@pytest.mark.parametrize(
    ("note", "sentence"),
    [
        ("", "A note is a text, a blank line, and signature lines"),
        (TEXT, "A note is a text, a blank line"),
        (NOTE[:-1], "A note is a text, a blank line"),
        (NOTE.replace("\n", "\r\n"), "no control characters"),
        (f"{TEXT}\n{LINE}{LINE}", "signs twice"),
        (f"{TEXT}\n-- PeterNeumann x08g\n", "em dash"),
        (f"{TEXT}\n— Peter+Neumann x08gx08g\n", "is no name"),
        (f"{TEXT}\n— Peter\u2003Neumann x08gx08g\n", "is no name"),
        (f"{TEXT}\n— PeterNeumann x08g\n", "too short"),
        (f"{TEXT}\n— PeterNeumann x08go/ZJkuA=x\n", "not base64"),
        (f"{TEXT}\n— PeterNeumann x08go/ZJkuB=\n", "not written as base64 writes it"),
        (f"{TEXT}\n" + "".join(f"— n{each} x08gx08g\n" for each in range(101)), "101 signatures"),
        (f"{TEXT}\ud800\n{LINE}", "no control characters"),
        (f"{TEXT}\n— Unknown x08gx08g\n", r"No key that is known signed this note; it is signed by Unknown"),
    ],
)
def test_a_note_written_otherwise_is_refused(note: str, sentence: str) -> None:
    with pytest.raises(NoteError, match=sentence):
        open_note(note, [VerifierKey.parse(VKEY)])


def test_a_known_key_whose_signature_fails_spoils_the_note_even_beside_a_good_one() -> None:
    note = LOG.sign("text\n") + NEXT.sign("other\n").removeprefix("other\n\n")
    assert open_note(note, [LOG.verifier]) == ("text\n", [LOG.name])
    with pytest.raises(NoteError, match="does not hold"):
        open_note(note, [LOG.verifier, NEXT.verifier])


def test_two_keys_sign_during_a_rotation() -> None:
    text = Checkpoint(LOG.name, 3, bytes(32)).text()
    note = add_signature(LOG.sign(text), NEXT)
    for keys in ([LOG.verifier], [NEXT.verifier], [LOG.verifier, NEXT.verifier]):
        assert open_note(note, keys) == (text, [key.name for key in keys])
    with pytest.raises(NoteError, match="signed this note already"):
        add_signature(note, NEXT)


@pytest.mark.parametrize(
    "text",
    [
        VKEY[1:],
        VKEY[:-1],
        VKEY + "=",
        VKEY.replace("c74f20a3", "C74F20A3"),
        VKEY.replace("c74f20a3", "c74f20a4"),
        VKEY.replace("+", " "),
        VKEY + "\n",
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "",
    ],
)
def test_a_key_that_is_not_whole_is_refused(text: str) -> None:
    with pytest.raises(NoteError, match="key"):
        VerifierKey.parse(text)


def test_a_signing_key_is_read_back_and_never_shown() -> None:
    for key in (SigningKey.generate("log.example/new"), SigningKey.generate("w.example", COSIGNATURE)):
        assert SigningKey.parse(key.private) == key
        assert VerifierKey.parse(key.vkey) == key.verifier
        assert key.seed.hex() not in repr(key)
        assert repr(key.seed) not in repr(key)
    with pytest.raises(NoteError, match="begins with PRIVATE"):
        SigningKey.parse(VKEY)
    with pytest.raises(NoteError, match="its own is c74f20a3"):
        SigningKey.parse(SKEY.replace("c74f20a3", "c74f20a4"))
    with pytest.raises(NoteError, match="no name"):
        SigningKey.generate("two words")


@given(
    st.from_regex(r"[a-z./]{1,40}", fullmatch=True),
    st.integers(0, 2**63),
    st.binary(min_size=32, max_size=32),
    st.lists(st.from_regex(r"[ -~äé]{1,30}", fullmatch=True), max_size=3),
)
def test_a_checkpoint_is_read_as_it_was_written(origin: str, size: int, root: bytes, extensions: list[str]) -> None:
    checkpoint = Checkpoint(origin, size, root, tuple(extensions))
    assert Checkpoint.parse(checkpoint.text()) == checkpoint


ROOT = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f"o\n1\n{ROOT}", "ends in a newline"),
        ("o\n1\n", "at least three lines"),
        (f"\n1\n{ROOT}\n", "no empty one"),
        (f"o\n1\n{ROOT}\n\n", "no empty one"),
        (f"o\n01\n{ROOT}\n", "without leading zeros"),
        (f"o\n+1\n{ROOT}\n", "without leading zeros"),
        (f"o\n１\n{ROOT}\n", "without leading zeros"),
        (f"o\n1_0\n{ROOT}\n", "without leading zeros"),
        (f"o\n1 \n{ROOT}\n", "without leading zeros"),
        (f"o\n1\n{ROOT}x\n", "not base64"),
        (f"o\n1\n{ROOT[:-2]}B=\n", "not written as base64 writes it"),
        ("o\n1\nAAAA\n", "32 bytes"),
        (f"o\x0b\n1\n{ROOT}\n", "control characters"),
    ],
)
def test_a_checkpoint_written_otherwise_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(NoteError, match=sentence):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint("", 1, bytes(32)),
        Checkpoint("o", -1, bytes(32)),
        Checkpoint("o", 1, b""),
        Checkpoint("o", 1, bytes(32), ("",)),
        Checkpoint("o\np", 1, bytes(32)),
    ],
)
def test_a_checkpoint_that_could_not_be_read_is_not_written(checkpoint: Checkpoint) -> None:
    with pytest.raises(NoteError, match="origin, a size, a root"):
        checkpoint.text()


def test_a_witness_says_when_it_saw_which_checkpoint() -> None:
    text = Checkpoint(LOG.name, 3, bytes(32)).text()
    line = cosign(text, 1679315147, WITNESS)
    assert verify_cosignature(text, line, WITNESS.verifier) == 1679315147
    message = f"cosignature/v1\ntime 1679315147\n{text}".encode()
    signature = base64.b64decode(line.split(" ")[2])
    assert VerifierKey(WITNESS.name, WITNESS.verifier.public).holds(message, signature[12:])
    assert open_note(LOG.sign(text) + line, [LOG.verifier, WITNESS.verifier]) == (text, [LOG.name])
    written = line.encode()
    for place in range(len(written)):
        changed = written[:place] + bytes([written[place] ^ 1]) + written[place + 1 :]
        with pytest.raises((NoteError, UnicodeDecodeError)):
            verify_cosignature(text, changed.decode(), WITNESS.verifier)
    with pytest.raises(NoteError, match="does not hold"):
        verify_cosignature(text.replace("3", "4"), line, WITNESS.verifier)


def test_a_key_of_the_other_kind_signs_nothing() -> None:
    text = Checkpoint(LOG.name, 3, bytes(32)).text()
    with pytest.raises(NoteError, match="a witness signs with"):
        cosign(text, 1, LOG)
    with pytest.raises(NoteError, match="does not sign notes"):
        WITNESS.sign(text)
    with pytest.raises(NoteError, match="not a cosignature by the witness"):
        verify_cosignature(text, LOG.line(text), LOG.verifier)
    with pytest.raises(NoteError, match="in seconds since 1970"):
        cosign(text, 2**63, WITNESS)
    with pytest.raises(NoteError, match="ends in a newline"):
        LOG.sign("no newline")
