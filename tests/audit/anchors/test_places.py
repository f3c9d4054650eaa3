"""The setting that names the places: what it may say, and what a slip in it is answered with."""

from pathlib import Path

import pytest

from mrm.audit.anchors.places import Place, beside, parse
from mrm.audit.log.notes import COSIGNATURE, SigningKey

WITNESS = SigningKey("witness.example/w1", bytes(range(32)), COSIGNATURE).vkey
LOG = SigningKey("bank.example/log", bytes(range(32))).vkey


def test_each_kind_is_read_with_what_its_word_is_checked_by() -> None:
    text = f"folder=file:///mnt/worm/log, tsa=https://tsa.example/stamp /etc/tsa.pem,\n witness=https://w.example {WITNESS}"
    assert parse(text) == (
        Place("folder", "folder-log", "file:///mnt/worm/log"),
        Place("rfc3161", "tsa-tsa-example", "https://tsa.example/stamp", "/etc/tsa.pem"),
        Place("witness", "witness-witness-example-w1", "https://w.example", WITNESS),
    )


def test_a_name_can_be_given() -> None:
    places = parse("first:folder=s3://bucket/log, second:folder=file:///mnt/log")
    assert [(place.name, place.address) for place in places] == [
        ("first", "s3://bucket/log"),
        ("second", "file:///mnt/log"),
    ]


@pytest.mark.parametrize("text", ["", " , ", "none"])
def test_no_place(text: str) -> None:
    assert parse(text) == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("/mnt/worm", "names no place to anchor at. The forms are folder=ADDRESS"),
        ("disk=file:///mnt", "names no place to anchor at"),
        ("folder=", "names no place to anchor at"),
        ("folder=/mnt/worm", "a folder has an address such as file:///mnt/worm/log"),
        ("folder=file:///a b", "a folder has an address such as"),
        ("tsa=https://tsa.example", "the file with the authority's certificates"),
        ("tsa=tsa.example /x.pem", "is no address of the web"),
        ("witness=https://w.example", "stands the witness's verifier key"),
        (f"witness=https://w.example {WITNESS[:-4]}", "stands the witness's verifier key"),
        (f"witness=https://w.example {LOG}", "this is the key of a log"),
        ("folder=file:///a/log, folder=file:///b/log", "Two places have the name folder-log"),
    ],
)
def test_a_slip_is_named_with_what_would_be_right(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match="(?s)" + sentence.replace("(", r"\(")):
        parse(text)


def test_an_address_is_shown_without_its_secrets() -> None:
    place = parse("tsa=https://user:secret@tsa.example/stamp?token=secret /x.pem")[0]
    assert place.shown == "https://tsa.example/stamp"
    assert "secret" not in place.name
    assert parse("folder=s3://key:secret@bucket/log")[0].name == "folder-bucket-log"


def test_the_folder_beside_us_says_so(tmp_path: Path) -> None:
    assert (beside(tmp_path).ours, beside(tmp_path).shown) == (True, f"file://{tmp_path}")
