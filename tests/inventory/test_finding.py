"""Words within words in the list of models: found by the index over letters just as `icontains` finds them."""

import psycopg
import pytest
from django.db import connection
from django.db.models import Q
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mrm.inventory import queries
from mrm.inventory.models import Model
from tests.factories import inventory as factory
from tests.factories.access import Cast
from tests.factories.signing import fresh

NAMES = (
    "Model 4711",
    "model 47",
    "100% of_it \\ 'quoted' \"twice\" & | ! : * ( ) <->",
    "Straße über ÜBERSICHT ſharp",
    "İstanbul ığdır ŒUVRE ŉ ǆ",
    "日本語 モデル 🙂🙂",
    "two  spaces",
    "x",
    "ab",
)
USES = ("Lends.\nAnd collects.", "l 4711 over two", "S", "ẞ or ss", "%", "_", "\\", "''", "Daniel decides")
LETTERS = "aAbmM47 üÜßẞſıİiIsS%_\\'\"&|!:*()<>-日🙂\n."


def looked_for() -> st.SearchStrategy[str]:
    """A piece of what is there, in its own or the other case, or anything."""
    pieces = st.sampled_from(NAMES + USES).flatmap(
        lambda text: st.tuples(st.integers(0, len(text) - 1), st.integers(1, 9)).map(
            lambda at: text[at[0] : at[0] + at[1]]
        )
    )
    return st.one_of(pieces, pieces.map(str.swapcase), st.text(LETTERS, min_size=1, max_size=6))


def plainly(text: str) -> set[int]:
    """What holds the text, by `icontains` alone."""
    held = Q(name__icontains=text) | Q(use_summary__icontains=text) | Q(owner__name__icontains=text)
    digits = text.upper().removeprefix("MDL-")
    numbered = Q(number=int(digits)) if digits.isdigit() else Q()
    return set(Model.objects.filter(held | numbered).values_list("number", flat=True))


def test_by_letters_the_same_is_found_as_by_reading_every_text(cast: Cast) -> None:
    for name, use in zip(NAMES, USES, strict=True):
        factory.model(cast, name, use_summary=use)

    @settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(looked_for())
    def same(text: str) -> None:
        for read in ("on", "off"):  # from row to row, or by the index
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL enable_seqscan = {read}")
            with CaptureQueriesContext(connection) as asked:
                found = queries.narrow(queries.models_listed_to(cast.auditor), text=text)
                assert set(found.values_list("number", flat=True)) == plainly(text), (read, text)
            if read == "off":
                assert any("SELECT" in one["sql"][:6] and "inventory_letters(" in one["sql"] for one in asked)

    same()


@pytest.mark.parametrize(
    ("text", "places"),
    [("mdl-{}", [0]), ("{}", [0]), ("ÜBER", [3]), ("ber", [3]), ("0% OF_", [2]), ("0%o", []), ("LENDS.\nand", [0])],
)
def test_what_is_found(cast: Cast, text: str, places: list[int]) -> None:
    made = [factory.model(cast, name, use_summary=use) for name, use in zip(NAMES, USES, strict=True)]
    found = queries.narrow(queries.models_listed_to(cast.auditor), text=text.format(made[0].number))
    assert set(found) == {made[place] for place in places}


@pytest.fixture
def thousands(own_database: str, superuser_connection: psycopg.Connection) -> Cast:
    """Five thousand models beside one that was registered, put in at once."""
    cast = Cast()
    factory.model(cast, "Model of models")
    with superuser_connection.cursor() as cursor:
        cursor.execute("ALTER TABLE inventory_model DISABLE TRIGGER USER")
        cursor.execute(
            "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = 'inventory_model'::regclass"
            " AND attnum > 0 AND NOT attisdropped AND attname NOT IN ('id', 'number', 'name')"
        )
        rest = (cursor.fetchone() or [""])[0]
        cursor.execute(
            f"INSERT INTO inventory_model (id, number, name, {rest}) SELECT gen_random_uuid(),"
            f" nextval('inventory_model_number'), 'Model ' || n, {rest} FROM inventory_model, generate_series(1, 5000) AS n"
        )
        cursor.execute("ANALYZE inventory_model")
    return cast


def statements(client: Client, text: str) -> list[str]:
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(reverse("inventory:models"), {"q": text})
    assert answer.status_code == 200
    return [one["sql"] for one in asked]


def test_a_rare_text_is_looked_up_and_a_common_one_is_read(thousands: Cast) -> None:
    client = Client()
    client.force_login(fresh(thousands.auditor))
    by_text = {text: statements(client, text) for text in ("Model 4711", "4712", "model", "Model 1", "zz")}
    looked_up = {
        text: sum("@@" in sql for sql in told if not sql.startswith("EXPLAIN")) for text, told in by_text.items()
    }
    assert looked_up == {"Model 4711": 2, "4712": 2, "model": 0, "Model 1": 2, "zz": 1}
    # as many statements for one hit as for a thousand and for all; for none, the page itself is not asked for
    assert {text: len(told) for text, told in by_text.items()} == dict.fromkeys(by_text, len(by_text["model"])) | {
        "zz": len(by_text["model"]) - 1
    }
    counted = next(sql for sql in by_text["Model 4711"] if "COUNT" in sql and "@@" in sql)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {counted}")
        assert "Bitmap Index Scan on model_letters" in "\n".join(line for (line,) in cursor.fetchall())
