"""Which dictionary of reason codes a run is made under."""

import copy

import pytest
from django.test import Client
from django.urls import reverse

from mrm.audit.queries import of_subject
from mrm.core.actors import System
from mrm.core.packs import of_content, shipped
from mrm.core.refusal import Invalid
from mrm.evaluation import queries, services
from mrm.evaluation.models import Run
from mrm.inventory import services as inventory
from mrm.inventory.models import Pack
from tests.factories import journey
from tests.factories.access import Cast, fresh

GAP = "The dictionary short 1.0 has no reason for delinquencies; give it one, or exclude it and say why."


@pytest.fixture
def short(cast: Cast) -> Pack:
    """A dictionary in force that leaves a feature without words."""
    (file,) = shipped("reasons")
    content = copy.deepcopy(file.content) | {"id": "short"}
    content["factors"] = [each for each in content["factors"] if each["code"] != "RC07"]
    return inventory.load_pack(of_content(content), actor=System("tests"))


def test_a_dictionary_that_leaves_a_feature_without_words_is_refused_for_that_version(cast: Cast, short: Pack) -> None:
    draft = journey.version(cast)
    assert [each.key for each in queries.dictionaries_for(draft)] == ["retail-credit"]
    given = {"dataset": draft.datasets.get(role="test").dataset, "kinds": ["explainability"]}
    with pytest.raises(Invalid, match="has no reason for delinquencies"):
        services.start(draft, **given, settings=journey.settings(), reasons=short, actor=fresh(cast.developer))
    client = Client()
    client.force_login(cast.developer, backend="mrm.project.signin.AccountBackend")
    asked = {
        "dataset": str(given["dataset"].pk),
        "kinds": ["explainability"],
        "label": "default",
        "favourable": "below",
    }
    answer = client.post(reverse("api:runs", args=[draft.pk]), asked | {"reasons": "short"}, "application/json")
    assert answer.status_code in {400, 409, 422}
    assert GAP in str(answer.json())
    unknown = client.post(reverse("api:runs", args=[draft.pk]), asked | {"reasons": "long"}, "application/json")
    assert "No dictionary of reason codes named long is in force; retail-credit, short is." in str(unknown.json())
    assert not Run.objects.exists()


def test_the_dictionary_that_fits_is_taken_and_stands_in_the_event(cast: Cast) -> None:
    run = journey.started(cast, journey.version(cast), ["explainability"])
    assert run.reasons is not None
    assert str(run.reasons) == "retail-credit 1.0"
    assert of_subject(run).get(verb="evaluation.start").details["reasons"] == "retail-credit 1.0"
    plain = journey.started(cast, run.version, ["performance"])
    assert plain.reasons is None
