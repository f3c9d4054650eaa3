"""The admin shows and never changes, and shows no secret."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from mrm.access.services import change_password, issue_token
from tests.factories import inventory as factory
from tests.factories.access import PASSWORD, Cast, fresh, with_password


def client_of(account: object) -> Client:
    client = Client()
    client.force_login(account)  # type: ignore[arg-type]
    return client


def tables() -> list[str]:
    own = [model for model in admin.site._registry if model.__module__.startswith("mrm.")]
    return [f"{model._meta.app_label}_{model._meta.model_name}" for model in own]


@pytest.mark.parametrize("table", tables())
def test_records_are_shown_to_auditors_and_changed_by_nobody(cast: Cast, table: str) -> None:
    factory.version(cast, factory.model(cast))
    auditor = client_of(cast.auditor)
    assert auditor.get(reverse(f"admin:{table}_changelist")).status_code == 200
    assert client_of(cast.owner).get(reverse(f"admin:{table}_changelist")).status_code == 302
    assert client_of(cast.administrator).get(reverse(f"admin:{table}_add")).status_code == 403


@pytest.mark.parametrize(("path", "leads_to"), [("logout", "/sign-out/"), ("password_change", "/people/account/")])
def test_the_records_have_no_doors_of_their_own(cast: Cast, path: str, leads_to: str) -> None:
    """Passwords change and people sign out where it is recorded."""
    passwords = {
        "old_password": PASSWORD,
        "new_password1": "another good battery",
        "new_password2": "another good battery",
    }
    answer = client_of(with_password(fresh(cast.auditor))).post(f"/records/{path}/", passwords)
    assert (answer.status_code, answer["Location"]) == (302, leads_to)
    assert fresh(cast.auditor).check_password(PASSWORD)


def test_secrets_are_not_among_the_records(cast: Cast) -> None:
    change_password(cast.owner, password="a long enough phrase", actor=cast.owner)
    token = issue_token(cast.owner, label="x", scopes=[], days=1, actor=cast.owner)
    auditor = client_of(cast.auditor)
    account = auditor.get(reverse("admin:access_account_change", args=[cast.owner.pk])).content.decode()
    shown = auditor.get(reverse("admin:access_token_change", args=[token.pk])).content.decode()
    assert "scrypt" not in account
    assert token.digest not in shown
