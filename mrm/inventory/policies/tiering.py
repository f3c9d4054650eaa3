"""A rating from closed answers: two axes, a matrix, and floors that only ever raise the risk.

The method is data (`tiering_method` pack); its worked examples are the test vectors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mrm.inventory.models import Rating

Answers = Mapping[str, int | None]


@dataclass(frozen=True)
class Rated:
    """Scores are percentages of the most each axis can reach; tiers run from 1, the riskiest, to 4."""

    materiality_score: Fraction
    complexity_score: Fraction
    materiality: str
    complexity: str
    matrix_tier: int
    floors: tuple[str, ...]
    tier: int


def rate(method: Mapping[str, Any], answers: Answers, facts: Mapping[str, Any]) -> Rated:
    """Rate by a method.

    `answers` maps a question to its points, None where unanswered (counted as the highest).
    `facts` holds what floors ask beside answers: `regimes` (regime to determination), `dependencies`
    (sentences such as "main input of a tier 1 model"), and record fields by name.
    """
    scores = {axis: _axis_score(method, axis, answers) for axis in ("materiality", "complexity")}
    bands = {axis: _band(method, score) for axis, score in scores.items()}
    matrix_tier = int(method["matrix"]["tiers"][bands["materiality"]][bands["complexity"]])
    met = [floor for floor in method["floors"] if _holds(floor["when"], answers, facts)]
    return Rated(
        scores["materiality"],
        scores["complexity"],
        bands["materiality"],
        bands["complexity"],
        matrix_tier,
        tuple(floor["key"] for floor in met),
        min([matrix_tier, *(int(floor["floor"]) for floor in met)]),
    )


def questions(method: Mapping[str, Any], axis: str | None = None) -> list[dict[str, Any]]:
    return [
        question for factor in method["factors"] if axis in (None, factor["axis"]) for question in factor["questions"]
    ]


def unanswered(method: Mapping[str, Any], answers: Answers) -> list[str]:
    """The texts of the questions without an answer."""
    return [question["text"] for question in questions(method) if answers.get(question["key"]) is None]


def cadence(method: Mapping[str, Any], tier: str) -> dict[str, Any]:
    """How often a model of the tier is validated, reviewed, monitored and rated."""
    found: dict[str, Any] = next(entry for entry in method["cadence"] if str(entry["tier"]) == tier)
    return found


def too_low(last: "Rating", tier: str) -> str | None:
    """Why the computed tier of a rating may not be replaced by this one, or None; raising it is always open."""
    if tier not in {"1", "2", "3", "4"}:
        return f"{tier} is no tier; tiers run from 1 to 4."
    rules = last.method.content["overrides"]["lower_tier"]
    if int(tier) > int(last.computed_tier) + int(rules["steps"]):
        return f"A tier is lowered by {rules['steps']} step at the most, from {last.computed_tier} computed."
    floors = {floor["key"]: int(floor["floor"]) for floor in last.method.content["floors"]}
    below = [key for key in last.floors if int(tier) > floors[key]]
    if below:
        return f"The floor {', '.join(below)} holds: no override goes below it."
    return None


def _axis_score(method: Mapping[str, Any], axis: str, answers: Answers) -> Fraction:
    missing = int(method["scoring"]["missing_answer"])
    reached = possible = 0
    for question in questions(method, axis):
        points = answers.get(question["key"])
        reached += question["weight"] * (missing if points is None else points)
        possible += question["weight"] * 3
    return Fraction(100 * reached, possible)


def _band(method: Mapping[str, Any], score: Fraction) -> str:
    for band in method["scoring"]["bands"]:
        if score >= band["from_score"] and (band["below"] is None or score < band["below"]):
            return str(band["name"])
    raise ValueError(f"no band holds {score}")


def _holds(when: Mapping[str, Any], answers: Answers, facts: Mapping[str, Any]) -> bool:
    if "all" in when:
        return all(_holds(part, answers, facts) for part in when["all"])
    if "question" in when:
        points = answers.get(when["question"])
        return points is not None and points >= when["points_at_least"]
    if "regime" in when:
        return bool(facts.get("regimes", {}).get(when["regime"]) == when["determination"])
    if "dependency" in when:
        return when["dependency"] in facts.get("dependencies", ())
    return bool(facts.get(when["field"]) == when["equals"])
