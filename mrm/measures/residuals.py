"""Whether residuals look like noise: Durbin-Watson, Breusch-Pagan, Jarque-Bera."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from mrm.measures.checks import finite, matrix, same_length
from mrm.measures.estimates import HypothesisTest
from mrm.measures.regression import standardised


def durbin_watson(residuals: ArrayLike) -> HypothesisTest:
    """Sum of squared steps over the sum of squares, about 2 without serial correlation; shape (n,), in order of time.

    Durbin and Watson (1950, Biometrika 37:409). p-value: 1 - DW/2 is the first autocorrelation,
    near normal with variance 1/n. It depends on the order of rows and is not mergeable. Raises
    ValueError on fewer than ten rows or residuals of zero.
    """
    e = finite(residuals, "residual")
    if e.size < 10 or not (e**2).sum() > 0:
        raise ValueError(f"Durbin-Watson needs ten residuals in order of time, not all zero; there are {e.size}.")
    statistic = float((np.diff(e) ** 2).sum() / (e**2).sum())
    z = (1 - statistic / 2) * e.size**0.5
    p = float(2 * stats.norm.sf(abs(z)))
    null = "Residuals of neighbouring rows are not correlated."
    return HypothesisTest("Durbin-Watson", statistic, p, e.size, null, "two-sided, normal approximation")


def breusch_pagan(residuals: ArrayLike, columns: Mapping[str, ArrayLike]) -> HypothesisTest:
    """Whether squared residuals follow the columns: n R² of that regression, studentised.

    Breusch and Pagan (1979, Econometrica 47:1287), studentised by Koenker (1981, J. Econometrics
    17:107). Raises ValueError if the columns are collinear or there are too few rows.
    """
    e = finite(residuals, "residual")
    names, x = matrix(columns)
    n = same_length(residual=e, columns=x)
    design = np.column_stack([np.ones(n), x])
    if n <= design.shape[1] or np.linalg.matrix_rank(design) < design.shape[1]:
        raise ValueError(f"The columns {', '.join(names)} are collinear or constant in {n:,} rows; leave one out.")
    target = standardised(e**2)
    fitted = design @ np.linalg.lstsq(design, target, rcond=None)[0]
    statistic = float(n * (1 - ((target - fitted) ** 2).sum() / (target**2).sum()))
    p = float(stats.chi2.sf(statistic, len(names)))
    null = "The residuals' variance does not depend on the columns."
    return HypothesisTest("Breusch-Pagan", statistic, p, n, null, "n R² of squared residuals, studentised", len(names))


def jarque_bera(residuals: ArrayLike) -> HypothesisTest:
    """n/6 (skewness² + excess²/4), chi-square with two degrees if normal (Jarque and Bera 1980, Econ. Letters 6:255).

    Shape (n,). Raises ValueError if all residuals are alike.
    """
    z = standardised(finite(residuals, "residual"))
    skewness, excess = float((z**3).mean()), float((z**4).mean() - 3)
    statistic = z.size / 6 * (skewness**2 + excess**2 / 4)
    note = "Below 2,000 rows the chi-square approximation rejects too seldom or too often." if z.size < 2_000 else ""
    detail = {"skewness": skewness, "excess_kurtosis": excess}
    return HypothesisTest("Jarque-Bera", statistic, float(stats.chi2.sf(statistic, 2)), z.size,
                          "Residuals are normal.", "moments, chi-square", 2, note, detail)  # fmt: skip
