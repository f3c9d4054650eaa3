"""What the suite names and nothing else; and whatever it names that could not be done, with the reason."""

from __future__ import annotations

from mrm.measures.evaluation.outcome import Part
from mrm.measures.evaluation.spec import RunSpec
from mrm.measures.judging import withheld
from mrm.measures.registry import MEASURES, TESTS
from mrm.measures.results import Result


def results_of(spec: RunSpec, kind: str, part: Part) -> list[Result]:
    """The results of the tests that are asked for; a test without one stands with the reason why it has none.

    Where the suite requires the test it is insufficient evidence, else it does not apply.
    """
    asked = spec.asked(kind)
    found = [each for each in part.results if MEASURES[each.measure].id in asked]
    done = {MEASURES[each.measure].id for each in found}
    return found + [_undone(spec, name, part) for name in asked if name not in done]


def _undone(spec: RunSpec, name: str, part: Part) -> Result:
    measure = next(iter(TESTS[name].measures))
    reason = part.undone.get(name) or " ".join(part.notes) or f"{TESTS[name].title} came to no result on these data."
    status = "insufficient" if name in spec.required else "not_applicable"
    return withheld(measure, status, reason, 0, spec.limits(measure))
