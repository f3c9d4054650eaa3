"""Adding a serving place by hand: its kind is chosen, then the form asks for what that kind needs, and nothing else."""

import json
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils.html import escape
from jsonschema import Draft202012Validator

from mrm.connectors.protocol import Cap
from mrm.connectors.registry import available, connector_class
from mrm.deployment import queries
from mrm.deployment.models import Target
from tests.factories.access import Cast, fresh

pytestmark = pytest.mark.django_db
ADD = "/deployments/places/add/"
NAMED = {"key": "scoring", "name": "Scoring", "environment": "production"}
AZURE = {
    "setting-subscription": "0" * 8 + "-0000-0000-0000-" + "0" * 12, "setting-resource_group": "risk",
    "setting-workspace": "models", "setting-location": "westeurope", "setting-storage": "https://a.blob.core.windows.net/m",
    "setting-environment": "/environments/onnx/versions/1", "setting-instance_type": "Standard_DS3_v2",
}  # fmt: skip


@pytest.fixture
def page(cast: Cast, client: Client) -> Client:
    client.force_login(fresh(cast.administrator), backend="mrm.project.signin.AccountBackend")
    return client


def posted(page: Client, cast: Cast, connector: str, **given: Any) -> Any:
    return page.post(f"{ADD}?connector={connector}", NAMED | {"unit": cast.bank.pk} | given)


def test_every_kind_is_offered_with_a_field_for_each_of_its_settings(page: Client) -> None:
    offered = page.get(ADD).content.decode()
    for name in available(settings.CONNECTORS):
        kind, found = connector_class(name), queries.kind_of(name)
        assert found is not None
        assert f"?connector={name}" in offered
        assert kind.title in offered
        assert ("scores data sets" in found.can) == (Cap.BATCH in kind.caps)
        answer = page.get(f"{ADD}?connector={name}")
        form = answer.context["form"]
        assert [field.name.removeprefix("setting-") for field in form.needed] == [
            each for each in kind.config_schema["properties"] if each in kind.config_schema["required"]
        ]
        assert len(form.needed) + len(form.further) == len(kind.config_schema["properties"])
        assert all(escape(sentence) in answer.content.decode() for sentence in kind.guide)
        assert answer.content.decode().count('class="form-grid"') >= 2


def test_what_is_filled_in_is_the_configuration_in_its_own_types(
    page: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = posted(page, cast, "azureml", **AZURE, **{"setting-instances": "2", "setting-public": "false"})
    place = Target.objects.get()
    assert answer["Location"] == place.get_absolute_url()
    assert (place.connector, place.config["instances"], place.config["public"]) == ("azureml", 2, False)
    assert set(place.config) == {name.removeprefix("setting-") for name in AZURE} | {"instances", "public"}
    shown = page.get(place.get_absolute_url()).content.decode()
    assert "Instances per version" in shown
    assert "No</td>" in shown
    monkeypatch.setenv("MRM_SECRET_HOOK", "a secret of some length, to sign with")
    hook = {
        "setting-base_url": "http://127.0.0.1:9",
        "setting-signing_secret": "hook",
        "setting-can": ["split", "shadow"],
    }
    posted(page, cast, "webhook", key="hook", **hook)
    made = Target.objects.get(key="hook")
    assert made.config["can"] == ["split", "shadow"]
    assert "split, shadow</td>" in page.get(made.get_absolute_url()).content.decode()
    oip = {"setting-base_url": "http://127.0.0.1:9", "setting-implementations": json.dumps({"onnx": "our.Runtime"})}
    posted(page, cast, "oip", key="oip", **oip)
    assert Target.objects.get(key="oip").config["implementations"] == {"onnx": "our.Runtime"}


@pytest.mark.parametrize(
    ("connector", "given", "field", "sentence"),
    [
        ("azureml", {"setting-subscription": "ours"}, "setting-subscription", "does not have the form of 1f0c2d3e-"),
        ("azureml", {"setting-client_secret": "azure"}, "setting-client_id", "The configuration is incomplete"),
        ("azureml", {"setting-storage": ""}, "setting-storage", "This field is required"),
        ("azureml", {"setting-instances": "1000"}, "setting-instances", "less than or equal to 100"),
        ("azureml", {"setting-base_url": "http://169.254.169.254"}, "setting-base_url", "base_url: "),
        ("azureml", {"key": "taken"}, "key", "The key taken is taken by another place."),
        ("folder", {"setting-folder": "/etc"}, "setting-folder", "is not among those shared with serving places"),
        ("oip", {"setting-base_url": "http://127.0.0.1:9", "setting-implementations": "{"}, "setting-implementations", "valid JSON"),
        ("oip", {"setting-base_url": "http://127.0.0.1:9", "setting-token_secret": "nowhere"}, None, "The secret nowhere is not set"),
        ("oip", {"setting-base_url": "http://127.0.0.1:9", "setting-token_secret": "statement-key"}, None, "a key of this system itself"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    page: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch, connector: str, given: dict[str, str],
    field: str | None, sentence: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("MRM_SECRET_AZURE", "a secret of some length")
    before = AZURE if connector == "azureml" else {}
    if "key" in given:
        posted(page, cast, "azureml", key="taken", **AZURE)
    kept = set(Target.objects.values_list("key", flat=True))
    answer = posted(page, cast, connector, **before | given)
    form = answer.context["form"]
    assert answer.status_code == 200
    assert sentence in str(form.errors.get(field or "__all__"))
    assert sentence.replace("'", "&#x27;") in answer.content.decode()
    assert 'value="Scoring"' in answer.content.decode()
    assert set(Target.objects.values_list("key", flat=True)) == kept


def test_who_may_not_add_a_place_learns_nothing_of_secrets(cast: Cast, client: Client) -> None:
    client.force_login(fresh(cast.developer), backend="mrm.project.signin.AccountBackend")
    shown = client.get(f"{ADD}?connector=oip")
    assert "form" not in (shown.context or {})
    assert "Choose" not in shown.content.decode()
    secret = {"setting-base_url": "http://127.0.0.1:9", "setting-token_secret": "nowhere"}
    answer = posted(client, cast, "oip", **secret)
    assert answer.status_code == 403
    assert "nowhere" not in answer.content.decode()
    assert not Target.objects.exists()


def test_a_kind_that_is_not_there_leads_back_to_the_choice(page: Client) -> None:
    assert "What kind of place is it?" in page.get(f"{ADD}?connector=magic").content.decode()


def test_every_example_fits_the_rule_that_it_explains() -> None:
    explained = 0
    for name in available(settings.CONNECTORS):
        for rule in connector_class(name).config_schema["properties"].values():
            for example in rule.get("examples", ()):
                Draft202012Validator(rule).validate(example)
                explained += 1
    assert explained > 40
