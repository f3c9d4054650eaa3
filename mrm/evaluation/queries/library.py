"""The library of tests: entries as pages and the API show them, and the suites in force that name them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.urls import reverse

from mrm.inventory.models import Pack, PackKind
from mrm.inventory.queries import packs
from mrm.measures.registry import MEASURES, MODEL_KINDS, NEEDS, PILLARS, TESTS, Entry

TITLES: Mapping[str, str] = {name: test.measures[name] for name, test in MEASURES.items()}


@dataclass(frozen=True)
class Shown:
    """An entry with what a reader needs in words."""

    entry: Entry

    def get_absolute_url(self) -> str:
        return reverse("evaluation:test", args=[self.entry.id])

    @property
    def needs(self) -> list[str]:
        return [NEEDS[each] for each in self.entry.needs]

    @property
    def models(self) -> list[str]:
        return [MODEL_KINDS[each].split(":")[0] for each in self.entry.models]

    @cached_property
    def parameters(self) -> list[tuple[str, str, str, bool]]:
        """Name, description, default in words, and whether it is given with a run."""
        return [
            (name, each["description"], _told(each["default"]), bool(each.get("ofRun")))
            for name, each in self.entry.parameters.items()
        ]


@dataclass(frozen=True)
class Naming:
    """A suite that names a test: whether it requires it, with which parameters, and the limits it judges by."""

    suite: Pack
    required: bool
    parameters: str
    limits: tuple[tuple[str, str, str], ...]


def library(kind: str = "") -> list[tuple[str, list[Shown]]]:
    """The tests by pillar, of one kind of run or of all."""
    chosen = [Shown(test) for test in TESTS.values() if not kind or kind in test.kinds]
    groups = [(pillar, [each for each in chosen if each.entry.pillar == pillar]) for pillar in PILLARS]
    return [(pillar, entries) for pillar, entries in groups if entries]


def library_entry(name: str) -> Shown | None:
    """The test of this id, or none."""
    return Shown(TESTS[name]) if name in TESTS else None


def suites_naming(name: str) -> list[Naming]:
    """The suites in force that name a test."""
    found = packs(PackKind.TEST_SUITE).filter(current=True, content__tests__contains=[{"id": name}]).order_by("key")
    return [_naming(suite, name) for suite in found]


def explained_at(measure: str) -> str:
    """Where the test that a measure belongs to is explained."""
    return reverse("evaluation:test", args=[MEASURES[measure].id]) if measure in MEASURES else ""


def _naming(suite: Pack, name: str) -> Naming:
    each = next(each for each in suite.content["tests"] if each["id"] == name)
    given = ", ".join(f"{key} {_told(value)}" for key, value in each.get("parameters", {}).items())
    thresholds: dict[str, Any] = suite.content["thresholds"]
    limits = tuple(
        (title, thresholds[measure]["text"], thresholds[measure]["source"])
        for measure, title in TESTS[name].measures.items()
        if measure in thresholds
    )
    return Naming(suite, bool(each.get("required")), given, limits)


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(each) for each in value) or "none"
    return str(value) if value != "" else "none"
