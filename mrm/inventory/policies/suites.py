"""Which suites of tests can be carried out."""

from collections.abc import Mapping
from typing import Any

from mrm.measures.registry import problems_of_suite


def why_not_carried_out(suite: Mapping[str, Any]) -> str | None:
    """A suite names tests of the library with parameters that fit, and limits on what those tests measure."""
    models = suite.get("applies", {}).get("model_kinds", [])
    problems = list(problems_of_suite(suite.get("tests", []), suite.get("thresholds", {}), models))
    if not problems:
        return None
    more = f" There are {len(problems) - 3} more such faults." if len(problems) > 3 else ""
    return " ".join(f"{each.rstrip('.')}." for each in problems[:3]) + more
