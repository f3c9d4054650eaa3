"""The API describes itself without a doubt, and changes of it are seen."""

import io
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command

SNAPSHOT = Path(__file__).with_name("openapi.yaml")


def described() -> str:
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_the_description_is_the_one_that_was_agreed() -> None:
    """After a wanted change: `manage.py spectacular --file tests/guards/openapi.yaml`."""
    assert yaml.safe_load(described()) == yaml.safe_load(SNAPSHOT.read_text())


def test_every_address_says_what_it_answers() -> None:
    paths = yaml.safe_load(SNAPSHOT.read_text())["paths"]
    assert len(paths) > 40
    for path, methods in paths.items():
        for method, operation in methods.items():
            assert operation["responses"], (path, method)
