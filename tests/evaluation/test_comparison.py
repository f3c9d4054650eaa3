"""A champion against a challenger, from the form to the page: paired, with groups, swaps and costs; refusals; the states."""

import pytest
from django.test import Client
from rest_framework.test import APIClient

from mrm.audit.models import Event
from mrm.core.refusal import Forbidden, Invalid
from mrm.evaluation import services
from mrm.evaluation.models import Comparison
from mrm.inventory import services as inventory
from mrm.inventory.models import Version
from tests.factories import journey
from tests.factories.access import Cast, fresh


def a_challenger(cast: Cast, champion: Version, label: str = "2.0.0") -> Version:
    made = journey.material()
    draft = inventory.add_version(
        champion.model, label=label, developer=cast.developer.person, methodology="Boosted trees", intended_use="As before",
        features=list(made.features), target="default", cutoff=str(made.cutoff), actor=fresh(cast.developer),
    )  # fmt: skip
    return inventory.attach_artifact(
        draft, chunks=iter([made.boosted]), filename="model.onnx", kind="onnx", actor=fresh(cast.developer)
    )


def test_a_comparison_is_asked_for_computed_and_read(cast: Cast, client: Client) -> None:
    champion = journey.version(cast)
    challenger = a_challenger(cast, champion)
    client.force_login(cast.developer)
    address = f"/evaluations/compare/{champion.pk}/"
    assert "2.0.0" in client.get(address).content.decode()
    dataset = champion.datasets.get(role="test").dataset
    given = {
        "dataset": dataset.pk,
        "label": "default",
        "positive": "1",
        "cutoff": str(champion.cutoff),
        "favourable": "below",
    }
    nothing = client.post(address, given)
    assert nothing.status_code == 422
    page = client.post(address, {**given, "challengers": [str(challenger.pk)]}).url
    assert "Being computed" in client.get(page).content.decode()
    journey.drain()
    found = Comparison.objects.get()
    assert (found.status, found.error) == ("done", "")
    measures = {(each["measure"], each["attribute"]): each for each in found.results}
    for name in (champion.label, challenger.label):
        assert 0.5 < measures["auc", name]["value"] < 1
        assert measures["cpu_per_thousand", name]["value"] > 0
        assert measures["memory", name]["value"] > 10
        assert measures["explaining_cpu_per_thousand", name]["value"] > 0
        assert measures["psi", name]["n"] > 0
    difference = measures["auc_difference", challenger.label]
    assert difference["value"] == pytest.approx(
        measures["auc", challenger.label]["value"] - measures["auc", champion.label]["value"]
    )
    assert difference["lower"] < difference["value"] < difference["upper"]
    swaps = [each["detail"]["people"] for each in found.results if each["measure"] == "swap"]
    assert sum(swaps) == dataset.rows
    changed = [each for each in found.results if each["measure"] == "ratio_difference"]
    assert {each["group"] for each in changed} >= {"sex: F"}
    ratios = {(each["attribute"], each["group"]): each["value"] for each in found.results if each["measure"] == "air"}
    for each in changed:
        before, after = ratios[champion.label, each["group"]], ratios[challenger.label, each["group"]]
        assert each["value"] == pytest.approx(after - before)

    shown = client.get(page).content.decode()
    for words in (
        "In a minute",
        "than the champion" if difference["lower"] > 0 or difference["upper"] < 0 else "as well as",
        "Favourable by the challenger only",
        "sex: F",
        found.digest,
    ):
        assert words in shown, words
    assert client.get(f"{page}figures/differences.light.svg").status_code == 200
    assert b"auc_difference" in b"".join(client.get(f"{page}results.csv").streaming_content)
    client.force_login(cast.outsider)
    assert client.get(page).status_code == 404
    verbs = Event.objects.filter(verb__startswith="evaluation.", verb__contains="compar", outcome="done")
    assert sorted(verbs.values_list("verb", flat=True)) == ["evaluation.compare", "evaluation.complete_comparison"]


def test_what_cannot_be_compared_is_refused_by_a_sentence(cast: Cast) -> None:
    champion = journey.version(cast)
    challenger = a_challenger(cast, champion)
    dataset = champion.datasets.get(role="test").dataset

    def ask(rivals: list[Version], **changed: object) -> None:
        services.compare(
            champion,
            challengers=rivals,
            dataset=dataset,
            settings={**journey.settings(), **changed},
            actor=fresh(cast.developer),
        )

    for rivals, changed, sentence in (
        ([], {}, "Name at least one challenger"),
        ([champion], {}, "A version is named once"),
        ([challenger, challenger], {}, "A version is named once"),
        ([challenger], {"label": "nothing"}, "has no column nothing, which"),
        ([challenger], {"cutoff": "high"}, "The cut-off is a number"),
        ([challenger], {"favourable": "left"}, "which side of the cut-off is favourable"),
    ):
        with pytest.raises(Invalid, match=sentence):
            ask(rivals, **changed)
    with pytest.raises(Forbidden):
        services.compare(
            champion, challengers=[challenger], dataset=dataset, settings=journey.settings(), actor=fresh(cast.auditor)
        )
    protected = champion.datasets.get(role="protected").dataset
    with pytest.raises(Invalid, match="is not linked"):
        services.compare(
            champion,
            challengers=[challenger],
            dataset=protected,
            settings=journey.settings(),
            actor=fresh(cast.developer),
        )
    assert not Comparison.objects.exists()


def test_a_comparison_is_cancelled_and_a_model_that_fails_is_named(cast: Cast) -> None:
    champion = journey.version(cast)
    challenger = a_challenger(cast, champion)
    api = APIClient()
    api.force_authenticate(fresh(cast.validator))
    body = {"challengers": [str(challenger.pk)], "dataset": str(champion.datasets.get(role="test").dataset_id),
            "label": "default", "cutoff": str(champion.cutoff), "favourable": "below"}  # fmt: skip
    made = api.post(f"/api/v1/versions/{champion.pk}/comparisons/", body, format="json").data
    assert api.post(f"/api/v1/comparisons/{made['id']}/cancel/").data["status"] == "cancelled"
    journey.drain()
    assert api.get(f"/api/v1/comparisons/{made['id']}/").data["results"] == []

    broken = inventory.attach_artifact(
        challenger, chunks=iter([b"no model"]), filename="model.onnx", kind="onnx", actor=fresh(cast.developer)
    )
    api.post(f"/api/v1/versions/{champion.pk}/comparisons/", {**body, "challengers": [str(broken.pk)]}, format="json")
    journey.drain()
    found = Comparison.objects.order_by("number").last()
    assert found is not None
    assert found.status == "failed"
    assert found.error == f"{broken.label}: The file is not an ONNX model."
