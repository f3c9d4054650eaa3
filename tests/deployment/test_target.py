"""Naming a serving place gives nobody our keys, and no way to write where he likes."""

from pathlib import Path
from typing import Any

import pytest

from mrm.audit.models import Event
from mrm.core.envelope import public_of
from mrm.core.refusal import Refused
from mrm.deployment import services
from mrm.deployment.models import Target
from mrm.project.route_key import make_route_key
from tests.deployment.conftest import SETUP
from tests.factories.access import Cast

pytestmark = pytest.mark.django_db
HOOK = {"base_url": "http://127.0.0.1:9"}


def add(cast: Cast, connector: str, config: dict[str, Any]) -> Target:
    return services.add_target(
        key="other", name="Other", connector_id=connector, environment="production", unit=cast.bank, config=config,
        actor=SETUP,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["statement-key", "STATEMENT_KEY", "key", "KEYS_BEFORE", "route-key"])
def test_own_key_is_sent_to_no_place(cast: Cast, name: str) -> None:
    with pytest.raises(Refused, match="is a key of this system itself; it is given to nobody"):
        add(cast, "webhook", HOOK | {"signing_secret": name})
    assert not Target.objects.exists()
    assert not Event.objects.filter(verb="deployment.add_target").exists()


def test_the_key_of_routes_signs_and_is_no_token(
    cast: Cast, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path
    monkeypatch.setenv("MRM_SECRET_GATEWAY", "a token of some length")
    public = make_route_key()
    private = tmp_path / "secrets" / "route-key"
    assert (private.stat().st_mode & 0o777, public.read_bytes()) == (0o600, public_of(private.read_bytes()))
    content = private.read_bytes()
    assert (make_route_key(), private.read_bytes()) == (public, content), "made once"
    with pytest.raises(Refused, match="route-key is a key of this system itself"):
        add(cast, "embedded", HOOK | {"token_secret": "route-key"})
    assert add(cast, "embedded", HOOK | {"token_secret": "gateway", "signing_secret": "route-key"}).key == "other"


def test_folder_that_nobody_shared_is_refused(cast: Cast, tmp_path: Path, settings: Any) -> None:
    config = HOOK | {"repository": str(tmp_path)}
    with pytest.raises(Refused, match=r"repository: The folder .* is not among those shared with serving places"):
        add(cast, "oip", config)
    settings.CONNECTOR_FOLDERS = [str(tmp_path)]
    assert add(cast, "oip", config).connector == "oip"
