"""Canonical JSON: one value, one byte string, the same as the public standard's."""

import datetime as dt
from decimal import Decimal

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from mrm.core.canonical import canonical, digest, is_written, parse, plain, timestamp

keys = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_the_bytes_are_those_of_rfc_8785(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(plain(value))


def test_equal_values_have_equal_digests_whatever_the_order() -> None:
    assert digest({"a": 1, "b": [True, None]}) == digest({"b": [True, None], "a": 1})


def test_decimals_and_floats_travel_as_text() -> None:
    assert plain([Decimal("1.50"), 0.1, 2**60]) == ["1.50", "0.1", str(2**60)]


def test_text_is_composed_once() -> None:
    assert canonical("e\u0301") == canonical("é")


def test_times_are_utc_and_of_one_length() -> None:
    moment = dt.datetime(2026, 10, 14, 10, 33, 7, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert timestamp(moment) == "2026-10-14T08:33:07.000000Z"


def test_a_key_outside_ascii_is_refused() -> None:
    with pytest.raises(ValueError, match="ASCII"):
        canonical({"größe": 1})


def test_what_has_no_canonical_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no canonical form"):
        canonical(object())


@given(values)
def test_what_is_canonical_is_known_by_its_bytes(value: object) -> None:
    raw = canonical(value)
    assert parse(raw.decode()) == plain(value)
    if raw.isascii():
        assert is_written(parse(raw.decode()), raw)


@given(values, st.data())
def test_what_is_taken_for_canonical_is(value: object, data: st.DataObject) -> None:
    raw = canonical(value).decode()
    place = data.draw(st.integers(0, len(raw)))
    other = (
        raw[:place]
        + data.draw(st.text('0123456789.eE-+ \\"u,:[]{}\u0301\u00e9<\u0338a', max_size=3))
        + raw[place + 1 :]
    )
    try:
        found = parse(other)
    except (ValueError, RecursionError):
        return
    if is_written(found, other.encode()):
        assert canonical(found) == other.encode()


@pytest.mark.parametrize(
    "text",
    ["1.5", "1e3", "9007199254740992", "-9007199254740993", "1" + "0" * 30, "NaN", "-Infinity", '{"b":1,"a":2}', '{"a":1,"a":1}',
     '"\\u00e9"', '"\\ud800"', '"e\u0301"', '{"gr\u00f6\u00dfe":1}', '{"\\"\u00f6":1}', "[1, 2]", '"\\/"'],
)  # fmt: skip
def test_what_is_not_in_the_profile_is_not_taken_for_it(text: str) -> None:
    assert not is_written(parse(text), text.encode("utf-8", "surrogatepass"))
