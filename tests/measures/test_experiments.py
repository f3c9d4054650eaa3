"""Numbers of experiments against published tables, scipy, statsmodels, and what they promise on simulated data."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize, proportions_ztest, samplesize_proportions_2indep_onetail

from mrm.measures.experiments import (
    Arm,
    arm_size,
    at_look,
    balance,
    boundaries,
    crossing,
    guarded,
    holm,
    likelihood_ratio,
    look_due,
    power_of,
    smallest_effect,
    two_proportions,
)


@pytest.mark.parametrize(
    ("looks", "alpha", "constant"),
    [
        (2, 0.05, 1.977), (3, 0.05, 2.004), (4, 0.05, 2.024), (5, 0.05, 2.040), (10, 0.05, 2.087),
        (2, 0.01, 2.580), (4, 0.01, 2.609), (5, 0.01, 2.621), (5, 0.10, 1.751),
    ],
)  # fmt: skip
def test_the_constants_of_o_brien_and_fleming_are_those_of_the_table(looks: int, alpha: float, constant: float) -> None:
    """Jennison and Turnbull (2000), table 2.3."""
    limits = boundaries(looks, alpha)
    assert [limit / math.sqrt(looks / k) for k, limit in enumerate(limits, start=1)] == pytest.approx(
        [constant] * looks, abs=6e-4
    )


def test_one_look_is_the_plain_test() -> None:
    assert boundaries(1) == pytest.approx((1.959964,), abs=1e-6)
    with pytest.raises(ValueError, match="at least one look"):
        boundaries(0)


def test_planned_looks_hold_the_error_where_peeking_does_not() -> None:
    """The type-I error over 5 looks on simulated sums: 5 % by the boundary, 14 % at 1.96 every time (Armitage)."""
    sums = np.random.default_rng(7).normal(size=(200_000, 5)).cumsum(axis=1) / np.sqrt(np.arange(1, 6))
    limits = boundaries(5)
    crossed = np.abs(sums) >= np.array(limits)
    assert crossed.any(axis=1).mean() == pytest.approx(0.05, abs=0.0025)
    assert (np.abs(sums) >= 1.96).any(axis=1).mean() == pytest.approx(0.142, abs=0.004)
    assert crossing(2.1, 5, limits)
    assert not crossing(-2.0, 5, limits)


def test_sizes_and_powers_agree_with_each_other_and_with_references() -> None:
    needed = arm_size(0.10, 0.01, power=0.9)
    assert needed == 19_747  # (1.959964 sqrt(2 0.105 0.895) + 1.281552 sqrt(0.09 + 0.11 0.89))^2 / 0.01^2
    assert power_of(0.10, 0.01, needed) == pytest.approx(0.9, abs=1e-4)
    assert smallest_effect(0.10, needed, power=0.9) == pytest.approx(0.01, abs=1e-6)
    closed = samplesize_proportions_2indep_onetail(0.01, 0.10, power=0.9, alpha=0.05)
    assert needed == pytest.approx(closed, rel=1e-3)
    arcsine = NormalIndPower().solve_power(proportion_effectsize(0.11, 0.10), power=0.9, alpha=0.05)
    assert needed == pytest.approx(arcsine, rel=5e-3)
    with pytest.raises(ValueError, match="effect of nothing"):
        arm_size(0.1, 0.0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        power_of(0.95, 0.1, 100)


def test_the_difference_of_rates_is_that_of_statsmodels() -> None:
    z, p = two_proportions(Arm("a", 1_000, 100), Arm("b", 1_100, 140))
    expected = proportions_ztest([140, 100], [1_100, 1_000])
    assert (z, p) == pytest.approx(expected)
    assert two_proportions(Arm("a", 5, 0), Arm("b", 7, 0)) == (0.0, 1.0)


def test_a_sample_ratio_that_chance_does_not_explain_is_an_alarm() -> None:
    found = balance({"a": 9_300, "b": 700}, {"a": 9_000, "b": 1_000})
    assert (found.statistic, found.p_value) == pytest.approx(tuple(stats.chisquare([9_300, 700], [9_000, 1_000])))
    assert found.statistic == pytest.approx(100.0)
    assert found.alarming
    assert not balance({"a": 9_030, "b": 970}, {"a": 9_000, "b": 1_000}).alarming
    with pytest.raises(ValueError, match="not those that were assigned"):
        balance({"a": 1}, {"a": 1, "b": 1})


def test_holm_rejects_what_statsmodels_rejects() -> None:
    for values in ([0.01, 0.04, 0.03, 0.005], [0.02, 0.02, 0.04], [0.5], [0.012, 0.049, 0.2]):
        assert holm(values) == multipletests(values, 0.05, method="holm")[0].tolist()


def test_the_likelihood_ratio_is_the_ratio_of_the_mixture_to_nothing() -> None:
    """The closed formula against the integral it stands for: effects normal around none with spread tau."""
    from scipy import integrate

    control, treated, tau = Arm("a", 4_000, 400), Arm("b", 4_000, 460), 0.01
    n, d = 4_000, treated.rate - control.rate
    error = math.sqrt((0.1 * 0.9 + 0.115 * 0.885) / n)
    mixed, _ = integrate.quad(
        lambda e: stats.norm.pdf(d, e, error) * stats.norm.pdf(e, 0, tau), -0.1, 0.1, points=[0, d]
    )
    assert likelihood_ratio(control, treated, tau) == pytest.approx(mixed / stats.norm.pdf(d, 0, error), rel=1e-6)
    assert likelihood_ratio(Arm("a", 0, 0), treated) == 1.0


def test_reading_all_the_time_keeps_its_promise() -> None:
    """Of 2,000 experiments without an effect, each read 100 times, at most 5 % ever reach 1 / alpha."""
    rng, reads, step = np.random.default_rng(11), 100, 100
    counts = rng.binomial(step, 0.1, size=(2, 2_000, reads)).cumsum(axis=2)
    n = step * np.arange(1, reads + 1)
    rates = counts / n
    variance, d, spread = (rates * (1 - rates)).sum(axis=0), rates[1] - rates[0], 0.02**2
    ratios = np.sqrt(variance / (variance + n * spread)) * np.exp(
        n**2 * spread * d**2 / (2 * variance * (variance + n * spread))
    )
    one = likelihood_ratio(Arm("a", 500, int(counts[0, 3, 4])), Arm("b", 500, int(counts[1, 3, 4])), 0.02)
    assert one == pytest.approx(ratios[3, 4])
    assert (ratios >= 20).any(axis=1).mean() < 0.05


def test_a_reading_compares_each_arm_with_the_control() -> None:
    arms = [Arm("a", 1_000, 100), Arm("b", 1_000, 150), Arm("c", 1_000, 104)]
    found = at_look(arms, 3, 5, 0.05, higher_is_better=True)
    assert [(each.arm, each.crossed, each.better) for each in found] == [("b", True, True), ("c", False, True)]
    assert found[0].limit == pytest.approx(2.040 * math.sqrt(5 / 3), abs=1e-3)
    worse = guarded([Arm("a", 5_000, 500), Arm("b", 5_000, 700)], 0.05, 0.01, higher_is_better=False)
    assert [(each.stops, each.ratio > 20) for each in worse] == [(True, True)]
    assert not guarded([Arm("a", 5_000, 500), Arm("b", 5_000, 700)], 0.05, 0.01, higher_is_better=True)[0].stops
    assert [look_due(n, 1_000, 5) for n in (199, 200, 650, 5_000)] == [0, 1, 3, 5]
