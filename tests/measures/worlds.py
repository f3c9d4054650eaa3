"""People with scores, outcomes and groups, made at random, for tests of bias measures."""

from typing import Any

import numpy as np
import pandas as pd

from mrm.measures.results import Result
from mrm.measures.tables import Spec, Summary, summarise


def people(n: int, seed: int, unknown: float = 0.0) -> pd.DataFrame:
    """Columns y, s, sex, race, region: the score is a probability of y, and groups differ in it."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["F", "M"], n)
    race = rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])
    region = rng.choice(["north", "south"], n)
    score = np.clip(rng.beta(2, 4, n) + 0.06 * (sex == "F") + 0.08 * (race == "c") - 0.04 * (region == "south"), 0, 1)
    frame = pd.DataFrame({"s": score, "sex": sex, "race": race, "region": region})
    frame["y"] = pd.array(rng.random(n) < score, dtype="Int64")
    if unknown:
        frame.loc[rng.random(n) < unknown, "y"] = pd.NA
        frame.loc[rng.random(n) < unknown, "sex"] = None
    return frame


def table(frame: pd.DataFrame, **changed: Any) -> Summary:
    """The summary of `people`, approved below 0.4 unless told otherwise."""
    spec = {"cutoff": 0.4, "favourable": "below", "attributes": ("sex", "race"), **changed}
    return summarise(frame, Spec("y", "s", **spec))


def found(results: list[Result], measure: str, group: str = "", attribute: str | None = None) -> Result:
    (one,) = [r for r in results if (r.measure, r.group) == (measure, group) and attribute in (None, r.attribute)]
    return one
