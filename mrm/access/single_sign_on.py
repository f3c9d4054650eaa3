"""Single sign-on as it is configured, and what an identity provider says about a person: values only, no rows."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

ROLES = (
    "owner", "developer", "validator", "risk_officer", "bu_lead", "deployer", "auditor", "administrator", "policy_admin",
)  # fmt: skip


@dataclass(frozen=True)
class Provider:
    """Where people sign in, and what their groups mean here: group → roles, each on the unit of a key."""

    issuer: str
    client_id: str
    secret: str
    name: str
    group_claim: str
    roles: Mapping[str, tuple[tuple[str, str], ...]]
    provision_in: str


@dataclass(frozen=True)
class Claims:
    """What a verified id token says."""

    issuer: str
    subject: str
    email: str = ""
    email_verified: bool = False
    name: str = ""
    groups: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Who it is, as it is kept: the identifier at the provider is personal."""
        return hashlib.sha256(f"{self.issuer}\n{self.subject}".encode()).hexdigest()


def configured(environment: Mapping[str, str]) -> Provider | None:
    """The provider of the environment, or None; a ValueError says in a sentence what is missing or wrong."""
    given = {name: environment.get(f"MRM_SSO_{name}", "").strip() for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET")}
    if not any(given.values()):
        return None
    if missing := [f"MRM_SSO_{name}" for name, value in given.items() if not value]:
        raise ValueError(f"Single sign-on needs {' and '.join(missing)} too.")
    address = urlsplit(given["ISSUER"])
    if address.scheme != "https" and address.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise ValueError("MRM_SSO_ISSUER must be an https:// address, as https://login.bank.example.")
    return Provider(
        issuer=given["ISSUER"].rstrip("/"),
        client_id=given["CLIENT_ID"],
        secret=given["CLIENT_SECRET"],
        name=environment.get("MRM_SSO_NAME", "") or "your organisation",
        group_claim=environment.get("MRM_SSO_GROUP_CLAIM", "") or "groups",
        roles=_mapping(environment.get("MRM_SSO_ROLES", "")),
        provision_in=environment.get("MRM_SSO_PROVISION_IN", ""),
    )


def claims_of(provider: Provider, told: Mapping[str, Any], more: Mapping[str, Any]) -> Claims:
    """The claims of a verified id token, those of the userinfo beside it; a ValueError says why they are not one person's."""
    if more and more.get("sub") != told.get("sub"):
        raise ValueError("The identity provider spoke of two people.")
    if told.get("azp", provider.client_id) != provider.client_id:
        raise ValueError("The identity provider spoke to another application.")
    if isinstance(told.get("aud"), list) and len(told["aud"]) > 1 and "azp" not in told:
        raise ValueError("The identity provider spoke to several applications at once.")
    both = {**more, **told}
    groups = both.get(provider.group_claim) or []
    groups = [groups] if isinstance(groups, str) else groups
    return Claims(
        issuer=str(told.get("iss", "")),
        subject=str(told.get("sub", "")),
        email=str(both.get("email") or ""),
        email_verified=both.get("email_verified") in (True, "true"),
        name=str(both.get("name") or ""),
        groups=tuple(str(each) for each in groups) if isinstance(groups, list) else (),
    )


def _mapping(text: str) -> dict[str, tuple[tuple[str, str], ...]]:
    """Group → list of {role, unit}, as JSON or YAML in place, or in a file."""
    if not text.strip():
        return {}
    source = text
    if not text.lstrip().startswith("{"):
        if not Path(text).is_file():
            raise ValueError(f"MRM_SSO_ROLES: there is no file {text}; give a file, or JSON that begins with {{.")
        source = Path(text).read_text()
    try:
        told = json.loads(source) if source.lstrip().startswith("{") else yaml.safe_load(source)
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"MRM_SSO_ROLES cannot be read: {str(error).splitlines()[0]}.") from error
    if not isinstance(told, dict):
        raise ValueError("MRM_SSO_ROLES maps groups to lists of {role, unit}.")
    return {str(group): tuple(_grant(str(group), entry) for entry in _entries(group, told)) for group in told}


def _entries(group: Any, told: dict[Any, Any]) -> list[Any]:
    if not isinstance(told[group], list):
        raise ValueError(f"MRM_SSO_ROLES: {group} must hold a list of {{role, unit}}.")
    return list(told[group])


def _grant(group: str, entry: Any) -> tuple[str, str]:
    if not isinstance(entry, dict) or set(entry) != {"role", "unit"}:
        raise ValueError(f"MRM_SSO_ROLES: {group} must hold entries of exactly role and unit.")
    role, unit = str(entry["role"]), str(entry["unit"])
    if role not in ROLES:
        raise ValueError(f"MRM_SSO_ROLES: {group} names the role {role}; known are {', '.join(ROLES)}.")
    return role, unit
