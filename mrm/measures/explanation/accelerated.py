"""Interventional tree SHAP against large backgrounds, in time that grows with rows plus background.

The algorithm is WOODELF's; shap needs rows times background. It is used only where it agrees with
shap on a sample of both, and whatever it gives is checked for additivity like everything else.
"""

from __future__ import annotations

import warnings
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd

from mrm.measures.explanation.attributions import AdditivityError, Matrix

with warnings.catch_warnings():  # plots of both use deprecated calls of matplotlib on import
    warnings.simplefilter("ignore")
    import shap
    from woodelf import WoodelfExplainer

SAMPLE_ROWS, SAMPLE_BACKGROUND = 200, 100
TOLERANCE = 1e-5
_FIRST_CLASS = ("DecisionTreeClassifier", "ExtraTreeClassifier", "RandomForestClassifier", "ExtraTreesClassifier")


def tree_values(model: Any, background: Matrix, rows: Matrix) -> tuple[Matrix, str]:
    """Values (rows, features) on the model's margin, and a sentence on how they were checked.

    Raises `AdditivityError` if they differ from shap's on a sample by more than 1e-5 of the scale,
    where shap's own values sum to the output; TypeError or ValueError on models it cannot read.
    """
    values = _values(model, background, rows)
    part, few = rows[:SAMPLE_ROWS], background[:SAMPLE_BACKGROUND]
    theirs = np.asarray(shap.TreeExplainer(model, data=few).shap_values(part, check_additivity=False))
    theirs = theirs[..., 1] if theirs.ndim == 3 else theirs
    ours = _values(model, few, part)
    off = np.abs(ours - theirs).max(axis=1)
    # shap misplaces rows on a threshold; such a row's values do not sum, and say nothing about ours
    sums = np.abs((ours - theirs).sum(axis=1)) <= TOLERANCE * max(1.0, float(np.abs(theirs).sum(axis=1).max()))
    if not sums.any():
        return values, "Checked by additivity alone, as the values of shap do not sum to the output."
    worst = float(off[sums].max())
    if worst > TOLERANCE * max(1.0, float(np.abs(theirs).max())):
        raise AdditivityError(
            f"The accelerated values differ from those of shap by up to {worst:.3g}. They are not used."
        )
    return values, f"Agrees with shap on {int(sums.sum())} rows and {len(few)} of the background to {worst:.0e}."


def _values(model: Any, background: Matrix, rows: Matrix) -> Matrix:
    names = [f"f{i}" for i in range(rows.shape[1])]
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        explainer = WoodelfExplainer(model, pd.DataFrame(background, columns=names))
        found = np.asarray(explainer.shap_values(pd.DataFrame(rows, columns=names)), dtype=np.float64)
    if found.shape != rows.shape:
        raise ValueError(f"more than one output: {found.shape}")
    return -found if type(model).__name__ in _FIRST_CLASS else found
