"""Pictures drawn in the page itself: who takes which part of the traffic, and what ran when."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format

from mrm.deployment.models import LIVE, Deployment, Revision
from mrm.deployment.queries import Period

LABELLED = 12.0  # a part narrower than this, in per cent of the bar, is told in the table only


@dataclass(frozen=True)
class Part:
    """One piece of a bar, placed in per cent of its length."""

    words: str
    kind: str
    start: float
    length: float

    @property
    def x(self) -> str:
        return f"{self.start:.4f}%"

    @property
    def width(self) -> str:
        return f"{self.length:.4f}%"

    @property
    def middle(self) -> str:
        return f"{self.start + self.length / 2:.4f}%"

    @property
    def labelled(self) -> bool:
        return self.length >= LABELLED


@dataclass(frozen=True)
class Bar:
    """One line of a picture."""

    name: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Picture:
    """Bars with the sentence that says the same, and what stands under their axis."""

    bars: tuple[Bar, ...]
    alt: str
    ticks: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """A version behind an endpoint: wanted beside seen."""

    label: str
    wanted: str
    seen: str
    differs: bool
    digest: str
    golden: dict[str, Any]


def traffic(deployment: Deployment, current: Revision | None) -> tuple[Picture, list[Line]] | None:
    """Wanted above seen, where more than one version serves or should; else the plain table says it all."""
    wanted = list(current.variants.all()) if current else []
    seen: list[dict[str, Any]] = sorted(
        deployment.observed.get("variants", []),
        key=lambda each: (each["role"] not in ("", "champion"), -each["weight_bp"]),
    )
    if max(len(wanted), len(seen)) < 2:
        return None
    rows = (
        Bar("Wanted", _placed((each.version.label, each.role, each.weight_bp) for each in wanted)),
        Bar("Seen there", _placed((each["version"], each["role"], each["weight_bp"]) for each in seen)),
    )
    alt = ". ".join(f"{row.name}: {', '.join(part.words for part in row.parts) or 'nothing'}" for row in rows)
    shown = {each["version"]: _seen(each) for each in seen}
    asked = {each.version.label: f"{each.get_role_display()}, {each.share}" for each in wanted}
    drifting = {line.get("version") for line in deployment.drift}
    digests = {each.version.label: each.artifact_sha256 for each in wanted}
    lines = [
        Line(
            label, asked.get(label, "not wanted"), shown.get(label, "not seen"),
            label in drifting or label not in asked, digests.get(label, ""),
            current.proof_of(label).get("probe", {}) if current and label in asked else {},
        )
        for label in dict.fromkeys([*asked, *shown])
    ]  # fmt: skip
    return Picture(rows, f"{alt}. The table below holds the numbers.", ("0 %", "50 %", "100 %")), lines


def _placed(variants: Iterable[tuple[str, str, int]]) -> tuple[Part, ...]:
    parts, at = [], 0.0
    for label, role, weight in variants:
        if role in ("", *LIVE) and weight:
            kind = "solid" if role in ("", "champion") else "hollow"
            parts.append(Part(f"{label} {weight / 100:g} %", kind, at, weight / 100))
            at += weight / 100
    return tuple(parts)


def _seen(variant: dict[str, Any]) -> str:
    role = (variant["role"] or "served").capitalize()
    share = f", {variant['weight_bp'] / 100:g} %" if variant["role"] in ("", *LIVE) else ""
    return f"{role}{share}{'' if variant['ready'] else ', not ready'}"


def ran(periods: Sequence[Period]) -> Picture | None:
    """A bar for each endpoint, what runs now solid."""
    if not periods:
        return None
    now, first = timezone.now(), min(each.start for each in periods)
    total = max((now - first).total_seconds(), 1.0)
    names = dict.fromkeys(each.revision.deployment for each in periods)
    bars = tuple(
        Bar(f"{place.target.name}, {place.endpoint}", tuple(_part(each, first, now, total) for each in periods if each.revision.deployment == place))
        for place in names
    )  # fmt: skip
    running = [each for each in periods if each.end is None]
    told = "; ".join(f"{each.words} at {each.revision.deployment.target.name}" for each in running) or "nothing"
    alt = f"Now runs {told}. {len(periods)} {'period' if len(periods) == 1 else 'periods'} since {_moment(first)}; the table below holds the moments."
    return Picture(bars, alt, (_moment(first), "", "now"))


def _part(period: Period, first: dt.datetime, now: dt.datetime, total: float) -> Part:
    start = (period.start - first).total_seconds() / total * 100
    length = ((period.end or now) - period.start).total_seconds() / total * 100
    return Part(period.words, "solid" if period.end is None else "hollow", start, max(length, 0.2))


def _moment(when: dt.datetime) -> str:
    return date_format(timezone.localtime(when), "j M Y, H:i")
