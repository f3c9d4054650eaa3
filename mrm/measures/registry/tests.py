"""All entries by id, and the test that each measure belongs to."""

from __future__ import annotations

from collections.abc import Mapping

from mrm.measures.registry import (
    backtesting,
    calibration,
    discrimination,
    explanation,
    fairness,
    quality,
    regression,
    robustness,
    soundness,
    stability,
)
from mrm.measures.registry.entry import Entry

KINDS = ("performance", "bias", "stability", "explainability", "quality", "soundness", "robustness", "alternatives")
_ALL = (
    *discrimination.TESTS, *calibration.TESTS, *backtesting.TESTS, *regression.TESTS, *fairness.TESTS,
    *stability.TESTS, *explanation.TESTS, *quality.TESTS, *soundness.TESTS, *robustness.TESTS,
)  # fmt: skip

TESTS: Mapping[str, Entry] = {test.id: test for test in _ALL}
MEASURES: Mapping[str, Entry] = {measure: test for test in _ALL for measure in test.measures}
