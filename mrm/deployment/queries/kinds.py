"""The kinds of places that may be added: a connector each, with what it can and what it needs."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.conf import settings

from mrm.connectors.base import BaseConnector
from mrm.connectors.errors import Invalid
from mrm.connectors.protocol import Cap
from mrm.connectors.registry import OWN, available
from mrm.deployment.models import Target

CAN: Mapping[Cap, str] = {
    Cap.DEPLOY: "takes approved versions",
    Cap.SPLIT: "divides traffic",
    Cap.SHADOW: "feeds a shadow",
    Cap.FALLBACK: "holds a backup model",
    Cap.RULES: "serves by segment and fail-over rules",
    Cap.BATCH: "scores data sets",
    Cap.PREDICT: "answers test rows",
    Cap.OBSERVE_VERSION: "shows which version runs",
    Cap.OBSERVE_DIGEST: "shows the digest that runs",
    Cap.ADOPT: "lets what runs be taken over",
    Cap.INVENTORY: "lists what it holds",
}


@dataclass(frozen=True)
class Kind:
    """A connector as a person chooses it. `can` says what its places may do at most; settings can narrow it.

    `guide` tells what must be there before, `package` which one brought the connector, where it is none of ours.
    """

    id: str
    title: str
    can: tuple[str, ...]
    guide: tuple[str, ...]
    package: str
    connector: type[BaseConnector]

    @property
    def enabled(self) -> bool:
        """Whether the operator lets places of it be added and used."""
        return self.id in available(settings.CONNECTORS)

    @property
    def caps(self) -> list[str]:
        """What its places can do at most, by the names of the capabilities."""
        caps = self.connector.caps
        return sorted(str(cap.name).lower() for cap in Cap if isinstance(caps, Cap) and cap in caps)

    @property
    def examples(self) -> dict[str, object]:
        """An example of each setting of which the schema has one."""
        rules = self.connector.config_schema.get("properties", {})
        return {name: rule["examples"][0] for name, rule in rules.items() if rule.get("examples")}


def kinds() -> list[Kind]:
    """Every enabled connector that can be loaded: our gateway, and then the others by title."""
    return _kinds(settings.CONNECTORS)


def installed_kinds() -> list[Kind]:
    """The same with those that are not enabled."""
    return _kinds(None)


def _kinds(enabled: Collection[str] | None) -> list[Kind]:
    found = []
    for name, offer in available(enabled).items():
        try:
            connector = offer.load()
        except Invalid:
            continue
        caps = connector.caps if isinstance(connector.caps, Cap) else Cap.NONE
        can = tuple(words for cap, words in CAN.items() if cap in caps)
        package = "" if offer.distribution == OWN else f"{offer.distribution} {offer.version}"
        found.append(Kind(name, connector.title or name, can, connector.guide, package, connector))
    return sorted(found, key=lambda kind: (kind.id != "embedded", kind.title.lower()))


def kind_of(id: str) -> Kind | None:
    """The kind of this id, where it is enabled."""
    return next((kind for kind in kinds() if kind.id == id), None)


def why_key_taken(key: str) -> str | None:
    """Why no place may be added under this key, or None."""
    return f"The key {key} is taken by another place." if Target.objects.filter(key=key).exists() else None


def told_settings(connector: str, config: Mapping[str, object]) -> list[tuple[str, str, str]]:
    """Label, name and value, in words, of each setting of a place, in the order in which its kind asks for them."""
    kind = kind_of(connector)
    rules = kind.connector.config_schema.get("properties", {}) if kind else {}
    names = [*(name for name in rules if name in config), *(name for name in config if name not in rules)]
    return [(rules.get(name, {}).get("title", name), name, _in_words(config[name])) for name in names]


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return json.dumps(value) if isinstance(value, dict) else str(value)
