"""The tiering method's own examples are its test vectors."""

from decimal import Decimal

import pytest

from mrm.inventory import queries, services
from tests.factories import inventory as factory
from tests.factories.access import Cast


@pytest.mark.parametrize("example", range(5))
def test_the_methods_examples_are_reproduced(cast: Cast, example: int) -> None:
    expected = queries.current_pack("tiering_method").content["examples"][example]["expected"]
    rating = services.rate_model(factory.model(cast), answers=factory.answers(example), actor=cast.owner)
    assert (rating.materiality_score, rating.complexity_score) == (
        Decimal(str(expected["materiality_score"])).quantize(Decimal("0.01")),
        Decimal(str(expected["complexity_score"])).quantize(Decimal("0.01")),
    )
    assert (rating.materiality, rating.complexity) == (expected["materiality"], expected["complexity"])
    assert (int(rating.matrix_tier), rating.floors, int(rating.tier)) == (
        expected["matrix_tier"],
        expected["floors_met"],
        expected["tier"],
    )
