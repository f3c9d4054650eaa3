"""Whether what a suite names can be carried out: tests that exist, parameters that fit, limits that judge something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jsonschema

from mrm.measures.registry.entry import Entry
from mrm.measures.registry.tests import MEASURES, TESTS


def settled(test: Entry, suite: Mapping[str, Any], run: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The test's parameters: its defaults, then what the suite sets, then what the run names of the data.

    Raises ValueError, naming test and parameter, on what does not fit the schema.
    """
    given = {**suite, **{name: value for name, value in (run or {}).items() if name in test.of_run}}
    if said := next(_misfits(test, given), None):
        raise ValueError(said)
    return {**test.defaults, **given}


def problems_of_suite(
    named: Sequence[Mapping[str, Any]], thresholds: Mapping[str, Any], models: Sequence[str] = ()
) -> Iterator[str]:
    """A sentence for each test, parameter or limit of a suite that cannot be carried out."""
    seen: set[str] = set()
    for each in named:
        test = TESTS.get(str(each["id"]))
        if test is None:
            yield f"There is no test {each['id']}; the library of tests lists those there are."
            continue
        if test.id in seen:
            yield f"The test {test.id} is named twice; name it once."
        seen.add(test.id)
        parameters = each.get("parameters", {})
        yield from _misfits(test, parameters)
        yield from (
            f"{test.id}: {name} depends on the data at hand and is given with the run, not in a suite."
            for name in test.of_run
            if name in parameters
        )
        if models and not set(models) & set(test.models):
            yield f"{test.id} does not fit models of the kind {', '.join(models)}; leave it out."
    for measure in thresholds:
        if measure not in MEASURES:
            yield f"There are limits for {measure}, which no test measures."
        elif MEASURES[measure].id not in seen:
            yield f"There are limits for {measure}, but the suite does not name the test {MEASURES[measure].id}."


def _misfits(test: Entry, parameters: Mapping[str, Any]) -> Iterator[str]:
    for fault in jsonschema.Draft202012Validator(test.schema).iter_errors(dict(parameters)):
        place = ".".join(str(part) for part in fault.path) or "parameters"
        yield f"{test.id}: {place}: {fault.message}"
