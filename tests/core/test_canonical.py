"""Canonical JSON: one value, one byte string, the same as the public standard's."""

import datetime as dt
from decimal import Decimal

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from mrm.core.canonical import canonical, digest, plain, timestamp

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
