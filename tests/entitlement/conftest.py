"""Who leads the bank as a whole; the cast has nobody above its units."""

import pytest

from mrm.access.models import Account
from tests.factories.access import Cast, account


@pytest.fixture
def head(cast: Cast) -> Account:
    return account("Hanna Head", cast.bank, ("bu_lead", cast.bank))
