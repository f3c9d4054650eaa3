"""Insurance: claims against what was expected, premiums, and denials, by group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import exp, isnan, sqrt

from scipy import special

from mrm.measures.evidence import FairnessSettings
from mrm.measures.fairness.comparison import Bounds, not_shown
from mrm.measures.fairness.judging import Thresholds, judged
from mrm.measures.fairness.suppression import withheld_parts
from mrm.measures.intervals import newcombe, normal_quantile
from mrm.measures.results import Result

MEASURES = ("claims_to_expected", "amount_to_expected", "expected_ratio", "premium_ratio", "denial_rate_gap")


@dataclass(frozen=True, slots=True)
class Insured:
    """Sums of one group: applications and denials; policies, years of exposure, premium; claims, expected and paid.

    `squares` are the sums of squared premiums and claim amounts. Groups known as probabilities may
    be given as weighted sums.
    """

    applications: float = 0
    denials: float = 0
    policies: float = 0
    exposure: float = 0
    premium: float = 0
    premium_squares: float = 0
    claims: float = 0
    expected_claims: float = 0
    amount: float = 0
    amount_squares: float = 0
    expected_amount: float = 0

    def __add__(self, other: Insured) -> Insured:
        return Insured(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


def insurance(
    attribute: str, groups: Mapping[str, Insured], reference: str, settings: FairnessSettings,
    thresholds: Thresholds | None = None,
) -> list[Result]:  # fmt: skip
    """Actual to expected, premium and denial of every group against the reference.

    Raises ValueError if the reference is not among the groups.
    """
    if reference not in groups:
        raise ValueError(f"{reference} is none of {', '.join(sorted(groups))}.")
    hidden = frozenset[str | None]()
    for base in ("policies", "applications"):
        sizes: dict[str | None, int] = {name: round(getattr(group, base)) for name, group in groups.items()}
        hidden |= withheld_parts(sizes, settings.suppress_n)
    out = list[Result]()
    for name in sorted(groups):
        if name in hidden:
            size = min(n for n in (groups[name].policies, groups[name].applications) if n)
            out.extend(not_shown(measure, attribute, name, size, settings) for measure in MEASURES)
        elif reference in hidden:
            reason = "The reference group may not be shown, so nothing can be compared with it."
            out.append(Result(MEASURES[0], None, None, None, None, "", status="insufficient", reason=reason, attribute=attribute, group=name))  # fmt: skip
        else:
            out.extend(_of_group(attribute, name, groups[name], reference, groups[reference], settings))
    return [judged(each, thresholds) for each in out]


def poisson_interval(count: float, confidence: float = 0.95) -> tuple[float, float]:
    """Exact interval of a Poisson mean (Garwood 1936, Biometrika 28:437)."""
    tail = (1 - confidence) / 2
    low = float(special.gammaincinv(count, tail)) if count else 0.0
    return low, float(special.gammainccinv(count + 1, tail))


def _of_group(
    attribute: str, name: str, group: Insured, reference: str, base: Insured, settings: FairnessSettings
) -> Iterator[Result]:
    def row(
        measure: str, value: float | None, interval: Bounds, n: float, method: str, other: float | None = None
    ) -> Result:
        size = int(n if other is None else min(n, other))
        few = size < settings.conclude_n
        reason = (
            f"{size} people, {settings.conclude_n} needed."
            if few
            else ""
            if value is not None
            else "Nothing to compare with."
        )
        return Result(measure, value, *interval, int(n), method, status="insufficient" if reason else "info", reason=reason,
                      attribute=attribute, group=name, reference=reference, detail={"is_reference": name == reference})  # fmt: skip

    low, high = poisson_interval(group.claims)
    expected = group.expected_claims
    yield row("claims_to_expected", _over(group.claims, expected), (_over(low, expected), _over(high, expected)), group.policies,
              "claims over expected claims; exact Poisson interval")  # fmt: skip
    half = normal_quantile() * sqrt(group.amount_squares)
    spread = (_over(group.amount - half, group.expected_amount), _over(group.amount + half, group.expected_amount))
    yield row("amount_to_expected", _over(group.amount, group.expected_amount), spread, group.policies,
              "claims paid over expected; normal interval of a compound Poisson sum")  # fmt: skip
    if name == reference:
        return
    value = _over(_over(group.claims, expected) or 0.0, _over(base.claims, base.expected_claims) or 0.0)
    yield row("expected_ratio", value, _log_interval(value, _inverse(group.claims) + _inverse(base.claims)), group.policies,
              "claims over expected, relative to the reference; log interval", base.policies)  # fmt: skip
    value = _over(_over(group.premium, group.exposure) or 0.0, _over(base.premium, base.exposure) or 0.0)
    yield row("premium_ratio", value, _log_interval(value, _relative(group) + _relative(base)), group.policies,
              "premium per year of exposure, relative to the reference; delta-method interval", base.policies)  # fmt: skip
    if group.applications and base.applications:
        gap = group.denials / group.applications - base.denials / base.applications
        pair = [(round(each.denials), round(each.applications)) for each in (group, base)]
        yield row("denial_rate_gap", gap, newcombe(pair[0], pair[1]), group.applications,
                  "denials over applications, group minus reference; Newcombe interval", base.applications)  # fmt: skip


def _over(value: float, base: float) -> float | None:
    return value / base if base else None


def _inverse(count: float) -> float:
    return 1 / count if count else float("nan")


def _relative(group: Insured) -> float:
    """Variance of the mean premium over its square."""
    if group.policies < 2 or not group.premium:
        return float("nan")
    mean = group.premium / group.policies
    variance = max(0.0, group.premium_squares - group.policies * mean**2) / (group.policies - 1)
    return variance / group.policies / mean**2


def _log_interval(value: float | None, variance: float) -> Bounds:
    if not value or isnan(variance):
        return None, None
    half = normal_quantile() * sqrt(variance)
    return value * exp(-half), value * exp(half)
