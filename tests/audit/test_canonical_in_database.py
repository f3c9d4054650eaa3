"""The database writes the same canonical form as we do, byte for byte."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mrm.core.canonical import canonical

NAMES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=12)
NUMBERS = st.integers(-(2**70), 2**70) | st.decimals(-(10**9), 10**9, places=3).map(Decimal)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | NUMBERS
    | TEXTS
    | st.sampled_from(["\u0303", "n\u0303", r"\ñ", "\x7f\x1f\b", "é", "e\u0301"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def _canonical(text: str) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_canonical(%s::jsonb)", [text])
        told: str = cursor.fetchone()[0]
    return told.encode()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=VALUES)
def test_both_write_the_same_bytes(db: None, value: Any) -> None:
    text = json.dumps(value, default=str)
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb::text", [text])
        stored = cursor.fetchone()[0]
    assert _canonical(text) == canonical(json.loads(stored, parse_float=str))


@pytest.mark.parametrize(
    "text", ["1.50", "[0.1, 1e3, -0.0, 12345678901234567890]", "9007199254740991", "-9007199254740992"]
)
def test_numbers_that_others_cannot_hold_are_strings(db: None, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb::text", [text])
        assert _canonical(text) == canonical(json.loads(cursor.fetchone()[0], parse_float=str))


def test_a_key_that_is_not_ascii_is_refused_as_by_us(db: None) -> None:
    with pytest.raises(ValueError, match="ASCII keys"):
        canonical({"größe": 1})
    with pytest.raises(DatabaseError, match="ASCII keys"):
        _canonical('{"größe": 1}')
