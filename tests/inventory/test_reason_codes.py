"""A dictionary of reason codes is a pack: loaded once, refused where it says nothing, shown as it is."""

import copy

import pytest
from django.test import Client
from django.urls import reverse

from mrm.core.actors import System
from mrm.core.packs import of_content, shipped
from mrm.core.refusal import Invalid
from mrm.inventory import policies, queries, services
from mrm.inventory.models import Pack
from mrm.measures.synthetic import FEATURES
from tests.factories.access import Cast


def content() -> dict:
    (file,) = shipped("reasons")
    return copy.deepcopy(file.content)


def test_the_shipped_dictionary_is_in_force_and_leaves_no_feature_of_the_demo_model_without_words(cast: Cast) -> None:
    pack = queries.current_pack("reason_codes")
    assert pack.digest == of_content(content()).digest
    assert policies.why_not_reasons(pack.content, FEATURES) is None
    assert policies.why_not_reasons(pack.content, [*FEATURES, "postcode"]) == (
        "The dictionary retail-credit 1.0 has no reason for postcode; give it one, or exclude it and say why."
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"text": "Insufficient score for this product"}, "no specific reason (12 CFR 1002.9(b)(2))"),
        ({"code": "RC02"}, "RC02 stands in the dictionary twice"),
        ({"features": [{"name": "sex", "better": "either"}]}, "sex stands in the dictionary twice"),
    ],
)
def test_a_dictionary_that_says_nothing_specific_is_not_loaded(cast: Cast, change: dict, sentence: str) -> None:
    changed = content() | {"id": "other"}
    changed["factors"][0] |= change
    before = Pack.objects.count()
    with pytest.raises(Invalid) as refused:
        services.load_pack(of_content(changed), actor=System("tests"))
    assert sentence in refused.value.reasons[0]
    assert Pack.objects.count() == before


def test_the_page_of_a_dictionary_shows_words_method_and_what_is_never_a_reason(cast: Cast, client: Client) -> None:
    client.force_login(cast.officer)
    pack = queries.current_pack("reason_codes")
    page = client.get(reverse("inventory:pack", args=[pack.pk])).content.decode()
    for words in ("RC03", "Existing debt is high", "mean contribution among those decided favourably", "Prohibited"):
        assert words in page
