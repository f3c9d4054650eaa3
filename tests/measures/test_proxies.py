"""Which features stand in for a group; crosses of attributes and their worst cell."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import contingency
from sklearn.metrics import mutual_info_score, roc_auc_score

from mrm.measures.fairness import FairnessSettings, fairness
from mrm.measures.fairness.intersections import full_cross, hierarchy
from mrm.measures.fairness.proxies import People, cramers_v, disparity_shares, mutual_information, proxies
from mrm.measures.intervals import normal_quantile
from mrm.measures.tables import Cell, Spec, Summary
from tests.measures.worlds import found, people, table

LIMITS = {"proxy_auc": {"direction": "lower", "fail": 0.7, "text": "review above 0.70", "pack": "p"},
          "disparity_share": {"direction": "lower", "fail": 0.2, "pack": "p"}}  # fmt: skip


@pytest.fixture(scope="module")
def crowd():
    rng = np.random.default_rng(8)
    sex = rng.choice(["F", "M"], 3_000).astype(object)
    features = {
        "height": rng.normal(0, 1, 3_000) - 1.5 * (sex == "F"),
        "noise": np.where(rng.random(3_000) < 0.1, np.nan, rng.normal(size=3_000)),
        "shop": np.where((sex == "F") & (rng.random(3_000) < 0.5), "x", rng.choice(["y", "z"], 3_000)).astype(object),
        "plus": rng.normal(size=3_000),
    }
    features["minus"] = features["plus"] + 0.3 * (sex == "F")
    sex[:50] = None
    return People(features, "sex", sex, seed=3, draws=200)


@pytest.fixture(scope="module")
def results(crowd):
    return proxies(crowd, LIMITS)


def of(results, measure, feature, group=""):
    (one,) = [r for r in results if (r.measure, r.group, r.detail.get("feature")) == (measure, group, feature)]
    return one


def test_area_of_a_feature_is_that_of_scikit_learn_turned_upwards(crowd, results):
    known = crowd.known
    expected = roc_auc_score(crowd.groups[known] == "M", crowd.features["height"][known])
    for group in "FM":
        assert of(results, "proxy_auc", "height", group).value == pytest.approx(expected)
    assert of(results, "proxy_auc", "height", "F").status == "fail"
    assert of(results, "proxy_auc", "noise", "F").status == "pass"
    assert of(results, "proxy_auc", "height", "F").n == 2_950


def test_names_are_ordered_on_rows_that_do_not_judge_them(results):
    shop = of(results, "proxy_auc", "shop", "F")
    assert shop.value == pytest.approx(0.75, abs=0.03)
    assert shop.n < 1_600


def test_features_that_tell_only_together_are_found(results):
    together = of(results, "proxy_auc_all_features", None, "F")
    assert together.value > 0.95
    assert max(of(results, "proxy_auc", name, "F").value for name in ("plus", "minus")) < 0.62


def test_association_is_that_of_scipy_and_scikit_learn(crowd, results):
    known = crowd.known
    counts = pd.crosstab(crowd.features["shop"][known], crowd.groups[known]).to_numpy()
    assert cramers_v(counts) == pytest.approx(contingency.association(counts, method="cramer"))
    expected = mutual_info_score(crowd.features["shop"][known], crowd.groups[known])
    assert mutual_information(counts) == pytest.approx(expected)
    assert of(results, "mutual_information", "shop").value == pytest.approx(expected)
    assert cramers_v(np.array([[5, 0], [0, 7]])) == pytest.approx(1)
    assert mutual_information(np.array([[5, 5], [7, 7]])) == pytest.approx(0)


def test_shares_of_the_disparity_add_up_to_the_gap():
    rng = np.random.default_rng(0)
    groups = np.array(["F", "M"] * 100 + [None] * 10, dtype=object)
    parts = rng.normal(size=(210, 3)) + np.outer(groups == "F", [2.0, 0.5, 0.0])
    shares = disparity_shares(
        parts, ("a", "b", "c"), groups, attribute="sex", group="F", reference="M", thresholds=LIMITS
    )
    assert sum(r.value for r in shares) == pytest.approx(1)
    gap = parts[groups == "F"].sum(axis=1).mean() - parts[groups == "M"].sum(axis=1).mean()
    assert sum(r.detail["difference"] for r in shares) == pytest.approx(gap)
    assert [r.status for r in shares][:1] == ["fail"]
    assert all(r.lower <= r.value <= r.upper for r in shares)
    with pytest.raises(ValueError, match="Nobody of the explained rows belongs to X"):
        disparity_shares(parts, ("a", "b", "c"), groups, attribute="sex", group="X", reference="M")
    with pytest.raises(ValueError, match="Contributions have the shape"):
        disparity_shares(parts, ("a", "b"), groups, attribute="sex", group="F", reference="M")


def test_uneven_columns_and_few_people():
    with pytest.raises(ValueError, match="The column a has 2 rows, the groups 1"):
        People({"a": np.array([1.0, 2.0])}, "sex", np.array(["F"], dtype=object))
    few = proxies(People({"a": np.arange(40.0)}, "sex", np.array(["F"] * 5 + ["M"] * 35, dtype=object)))
    assert of(few, "proxy_auc", "a", "F").reason == "5 people on the smaller side, 30 needed."
    assert of(few, "proxy_auc_all_features", None, "F").status == "insufficient"


def test_same_seed_same_numbers(crowd, results):
    assert proxies(crowd, LIMITS) == results


def test_worst_cell_has_the_interval_of_the_worst_of_so_many():
    spec = Spec("y", "s", 0.5, "at_or_above", ("sex", "race"))
    counts = {("M", "a"): 600, ("M", "b"): 580, ("F", "a"): 590, ("F", "b"): 400}
    cells = {}
    for who, favourable in counts.items():
        cells[who, -1, 1], cells[who, -1, 0] = Cell(favourable, 0, 0), Cell(1_000 - favourable, 0, 0)
    results = fairness(Summary(spec, cells), FairnessSettings(intersections=full_cross(("sex", "race")), draws=0))
    worst = found(results, "worst_cell_air")
    assert (worst.value, worst.detail["cell"], worst.detail["cells"]) == (400 / 600, "F × b", 3)
    half = normal_quantile(1 - 0.05 / 3) * (1 / 400 - 1 / 1_000 + 1 / 600 - 1 / 1_000) ** 0.5
    assert worst.upper == pytest.approx(400 / 600 * np.exp(half))
    tree = hierarchy(results, ("sex", "race"))
    assert [(node.group, [part.group for part in node.parts]) for node in tree] == [
        ("F", ["F × a", "F × b"]), ("M", ["M × a", "M × b"])]  # fmt: skip
    assert tree[0].ratio == pytest.approx(990 / 1_180)
    assert tree[0].parts[1].ratio == 400 / 600


def test_worst_cell_without_groups_large_enough():
    results = fairness(table(people(60, 1)), FairnessSettings(intersections=(("sex", "race"),), draws=0))
    told = [r for r in results if r.measure == "worst_cell_air"]
    assert [r.reason for r in told] in ([], ["No group is large enough to be compared."])


def test_full_cross_of_three():
    assert full_cross("abc") == (("a", "b"), ("a", "c"), ("b", "c"), ("a", "b", "c"))


def test_shares_of_a_gap_that_may_be_chance_are_not_judged():
    rng = np.random.default_rng(1)
    groups = np.array(["F", "M"] * 60, dtype=object)
    shares = disparity_shares(
        rng.normal(size=(120, 2)), ("a", "b"), groups, attribute="sex", group="F", reference="M", thresholds=LIMITS
    )
    assert {r.status for r in shares} == {"insufficient"}
    assert shares[0].reason == "The gap of these rows may be chance, so its shares are not judged."
