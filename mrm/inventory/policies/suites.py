"""Which suites of tests can be carried out, and which domain of use rows can be held to."""

from collections.abc import Mapping, Sequence
from typing import Any

from mrm.measures.registry import problems_of_suite
from mrm.measures.stability.conditions import read


def why_not_carried_out(suite: Mapping[str, Any]) -> str | None:
    """A suite names tests of the library with parameters that fit, and limits on what those tests measure."""
    models = suite.get("applies", {}).get("model_kinds", [])
    problems = list(problems_of_suite(suite.get("tests", []), suite.get("thresholds", {}), models))
    if not problems:
        return None
    more = f" There are {len(problems) - 3} more such faults." if len(problems) > 3 else ""
    return " ".join(f"{each.rstrip('.')}." for each in problems[:3]) + more


def domain_unreadable(lines: Sequence[str]) -> str | None:
    """A domain of use is written so that every row can be held to it."""
    try:
        read(lines)
    except ValueError as fault:
        return str(fault)
    return None
