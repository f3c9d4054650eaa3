"""A run in one look: where each kind of test stands, what stands there, and what needs doing."""

from dataclasses import dataclass
from typing import Any

from mrm.evaluation.models import Run
from mrm.evaluation.queries.drawings import what_stands
from mrm.evaluation.queries.kinds import WORDS
from mrm.evaluation.queries.sheet import SEVERITY
from mrm.measures.registry import KINDS, MEASURES

# drawn below the table of the kind; the other kinds give their figures a place of their own
PLAIN = frozenset({"performance", "quality", "soundness", "robustness"})
TO_DO = {
    "fail": "Mend and run again, or raise a finding with an owner and a date in the validation.",
    "watch": "Say in the validation why it is accepted, or who follows it.",
    "insufficient": "Run on more data, or say in the validation why it cannot be told; it is never a pass.",
    "pass": "Nothing.",
    "info": "Nothing is judged here; read it.",
}


@dataclass(frozen=True)
class Standing:
    """One kind of test: its worst status, results at each status, which measures stand at the worst, and what follows."""

    kind: str
    title: str
    worst: str
    counts: dict[str, int]
    what: str
    to_do: str
    grid: list[dict[str, Any]]

    @property
    def problems(self) -> int | None:
        """Results that fail or are watched; None where there are none."""
        return self.counts["fail"] + self.counts["watch"] or None


def standings(run: Run, figures: dict[str, list[dict[str, Any]]]) -> list[Standing]:
    """Every kind that the run was asked for, in the order in which they are carried out."""
    return [_standing(run, kind, figures.get(kind, [])) for kind in KINDS if kind in run.kinds]


def by_severity(found: list[Standing]) -> list[Standing]:
    return sorted(found, key=lambda each: SEVERITY.index(each.worst))


def _standing(run: Run, kind: str, figures: list[dict[str, Any]]) -> Standing:
    own = [each for each in run.results if _kind(each) == kind]
    counts = {
        status: sum(each["status"] == status for each in own) for status in ("fail", "watch", "insufficient", "pass")
    }
    worst = next((status for status, count in counts.items() if count), "info")
    what = "" if worst in {"pass", "info"} else what_stands(own, worst)
    title = WORDS[kind][0] if kind in WORDS else kind.capitalize()
    return Standing(kind, title, worst, counts, what, TO_DO[worst], figures if kind in PLAIN else [])


def _kind(result: dict[str, Any]) -> str:
    """The kind of test that a result is of; what several kinds tell is of bias where it is told of a group."""
    kinds = MEASURES[result["measure"]].kinds if result["measure"] in MEASURES else ("performance",)
    return "bias" if result["attribute"] and "bias" in kinds else kinds[0]
