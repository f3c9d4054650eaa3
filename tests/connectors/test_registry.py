"""Which connectors may be made, and from which configuration."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from mrm.connectors import registry
from mrm.connectors.address import require_resolved
from mrm.connectors.protocol import Invalid
from mrm.connectors.registry import available, check_config, connector, connector_class, described
from tests.connectors.store import MemoryStore

GOOD = {"base_url": "http://127.0.0.1:8090", "token_secret": "gateway"}


def make(**changes: Any) -> object:
    config = {k: v for k, v in (GOOD | changes).items() if v is not None}
    return connector("embedded", config, {"gateway": "t"}, MemoryStore())


def test_built_in_connectors_are_found_and_can_be_restricted() -> None:
    shipped = {
        "azureml",
        "databricks",
        "embedded",
        "folder",
        "gitops",
        "kserve",
        "mlflow",
        "oip",
        "ray",
        "sagemaker",
        "vertex",
        "webhook",
    }
    assert shipped <= set(available())
    assert shipped == set(settings.CONNECTORS)
    assert set(available(enabled=["mlflow"])) == {"mlflow"}
    with pytest.raises(Invalid, match="'embedded' is not installed or not enabled"):
        connector_class("embedded", enabled=["mlflow"])


def test_another_protocol_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._BUILT_IN, "future", "tests.connectors.test_registry:Future")
    with pytest.raises(Invalid) as caught:
        connector_class("future")
    assert "speaks protocol version 2; this system speaks version 1." in caught.value.message


class Future:
    api_version = 2


def test_missing_module_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._BUILT_IN, "gone", "no.such.module:Thing")
    with pytest.raises(Invalid, match="The connector gone cannot be loaded"):
        connector_class("gone")


def test_description_for_the_record() -> None:
    found = described("embedded")
    assert (found["id"], found["api_version"], found["distribution"]) == ("embedded", 1, "mrm")
    assert found["caps"] == [
        "ADOPT",
        "CANARY",
        "DEPLOY",
        "ETAG",
        "FALLBACK",
        "INVENTORY",
        "OBSERVE_DIGEST",
        "OBSERVE_VERSION",
        "PREDICT",
        "RULES",
        "SHADOW",
        "SPLIT",
        "TELLS",
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"token_secret": None}, "The field token_secret is required."),
        ({"colour": "red"}, "The field colour is not known."),
        ({"read_seconds": 0}, "The field read_seconds does not fit its rule (exclusiveMinimum 0)."),
        ({"token_secret": 5}, "The field token_secret does not fit its rule (type string)."),
        ({"token_secret": "other"}, "The secret named in token_secret is not stored."),
        (
            {"token_secret": "../secrets/log.key"},
            "token_secret: The name of a secret has letters, digits, '-' and '_' only, 63 at most.",
        ),
        (
            {"token_secret": "log.key"},
            "token_secret: The name of a secret has letters, digits, '-' and '_' only, 63 at most.",
        ),
        (
            {"base_url": "nowhere"},
            "base_url: The address must start with http:// or https:// and name a host.",
        ),
    ],
)
def test_bad_configuration_names_the_field(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Invalid) as caught:
        make(**changes)
    assert caught.value.message == sentence


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254",
        "http://169.254.169.254.:80",
        "https://[fe80::1]",
        "http://[::ffff:169.254.169.254]",
        "http://[fd00:ec2::254]",
        "http://metadata.google.internal",
        "http://METADATA",
        "http://100.100.100.200",
        "http://168.63.129.16",
        "http://0.0.0.0:8090",
        "http://224.0.0.1",
        "ftp://example.org",
        "file:///etc/passwd",
        "http://user:secret@example.org",
        "http://example.org/?q=1",
        "http://[",
    ],
)
def test_addresses_that_are_never_called(url: str) -> None:
    with pytest.raises(Invalid) as caught:
        make(base_url=url)
    assert "secret@" not in caught.value.message


@pytest.mark.parametrize("host", ["2852039166", "0xa9fea9fe", "169.254.43518"])
def test_other_spellings_of_a_forbidden_address(host: str) -> None:
    with pytest.raises(Invalid):
        require_resolved(host, 80)


def test_list_of_allowed_hosts() -> None:
    found = connector_class("mlflow")
    config = {"base_url": "https://mlflow.bank.example", "scoring_url": "https://other.example"}
    allowed = ["mlflow.bank.example", "other.example"]
    check_config(found, config, allowed_hosts=allowed)
    with pytest.raises(Invalid, match=r"scoring_url: The host other\.example is not on the list"):
        check_config(found, config, allowed_hosts=allowed[:1])


def test_folders_are_the_operators_to_choose(tmp_path: Path) -> None:
    """Who names a serving place does not thereby write anywhere on this machine, not even through a link."""
    found = connector_class("oip")
    shared, elsewhere = tmp_path / "shared", tmp_path / "elsewhere"
    shared.mkdir()
    elsewhere.mkdir()
    (shared / "link").symlink_to(elsewhere)
    config = {"base_url": "http://127.0.0.1:8080", "repository": str(shared / "models")}
    check_config(found, config, folders=[str(shared)])
    for outside in (elsewhere, shared / ".." / "elsewhere", shared / "link"):
        with pytest.raises(Invalid, match=r"repository: The folder .* is not among those shared"):
            check_config(found, config | {"repository": str(outside)}, folders=[str(shared)])
    with pytest.raises(Invalid, match=r"serving places \(none\)"):
        check_config(found, config, folders=[])
