"""A bias run with everything that can be asked for: crosses, like cases, periods, proxies; nothing small can be read."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mrm.measures.evaluation import RunSpec, run
from mrm.measures.evidence import FairnessSettings
from mrm.measures.fairness.banding import periods, segments
from mrm.measures.fairness.periods import control_limits
from mrm.measures.results import EvaluationFailed
from mrm.measures.scoring import file_digest
from mrm.measures.synthetic import FEATURES, applications

PAIR = ("sex", "region")


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    place = tmp_path_factory.mktemp("bias")
    data, protected = applications(1_700, seed=7)
    data["uploaded"] = np.clip(1.35 - data["bureau_score"] / 640, 0, 1)
    data["decided_on"] = np.resize(["2026-01-15", "2026-02-15", "2026-03-15"], len(data))
    data["channel"] = np.where(data["debt_to_income"] > data["debt_to_income"].median(), "branch", "online")
    data.to_parquet(place / "data.parquet")
    protected.to_parquet(place / "protected.parquet")
    return RunSpec(
        dataset=place / "data.parquet", dataset_sha256=file_digest(place / "data.parquet"), label="default",
        features=FEATURES, cutoff=0.35, favourable="below", folder=place, predictions="uploaded",
        protected=place / "protected.parquet", protected_sha256=file_digest(place / "protected.parquet"),
        attributes=PAIR, kinds=frozenset({"bias"}), segments=("channel", "income"), period="decided_on",
        thresholds={"proxy_auc": {"direction": "lower", "watch": 0.65}, "air": {"direction": "higher", "watch": 0.9, "fail": 0.8}},
        fairness=FairnessSettings(references={"sex": "M"}, intersections=(PAIR,), draws=200, seed=3),
    )  # fmt: skip


@pytest.fixture(scope="module")
def outcome(spec):
    return run(spec)


def of(outcome, measure, group=None, **detail):
    return [r for r in outcome.results if r.measure == measure and group in (None, r.group)
            and all(r.detail.get(key) == value for key, value in detail.items())]  # fmt: skip


def test_like_cases_do_not_explain_the_planted_gap(outcome):
    (common,) = of(outcome, "common_odds_ratio", "F", segment="channel")
    assert common.upper < 1
    assert common.detail["p_adjusted"] < 1e-6
    (explained,), (unexplained,) = of(outcome, "explained_gap", "F"), of(outcome, "unexplained_gap", "F")
    assert abs(explained.value) < 0.03 < -unexplained.value


def test_periods_of_one_process_stay_within_their_limits(outcome):
    (women,) = of(outcome, "air_by_period", "F")
    assert [point["period"] for point in women.detail["points"]] == ["2026-01", "2026-02", "2026-03"]
    assert women.detail["outside"] == []
    low, high = control_limits((300, 600), (400, 600), 200, 200)
    assert low < 0.75 < high
    assert control_limits((0, 600), (400, 600), 200, 200) == (None, None)


def test_the_planted_proxy_is_flagged_and_no_other(outcome):
    flagged = {r.detail["feature"] for r in of(outcome, "proxy_auc") if r.status == "watch"}
    assert flagged == {"bureau_score"}


def test_everybody_is_counted_and_what_is_withheld_is_in_no_table(outcome):
    (whole,) = of(outcome, "rows_evaluated")
    assert whole.n == 1_700
    withheld = {r.group for r in outcome.results if r.detail.get("suppressed") and r.attribute == "region"}
    assert withheld
    figures = {figure["name"]: figure for figure in outcome.figures}
    assert {"cells_sex_region", "segments_channel", "segments_income", "air_by_period", "proxies"} <= set(figures)
    for name, figure in figures.items():
        for row in figure["rows"]:
            if row[1] in withheld and row[0] in {"region", "F", "M"}:
                numbers = [each for each in row if isinstance(each, int | float)]
                assert not numbers, (name, row)
        counts = [row[figure["header"].index("n")] for row in figure["rows"] if "n" in figure["header"]]
        assert all(n is None or n >= 11 for n in counts), name


def test_bands_and_periods_are_named_for_a_reader():
    found = segments(pa.chunked_array([[float(n) for n in range(100)] + [None]]), "income")
    assert sorted(set(found.to_pylist()) - {None}) == [
        "1: under 24.75",
        "2: 24.75 to under 49.5",
        "3: 49.5 to under 74.25",
        "4: 74.25 and over",
    ]
    assert found[-1].as_py() is None
    days = pa.chunked_array([pd.date_range("2020-01-01", "2026-12-31", freq="7D").strftime("%Y-%m-%d").tolist()])
    assert periods(days, "day")[0].as_py() == "2020-Q1"


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"segments": ("absent",)}, "has no column absent"),
        ({"segments": ("row_id_text",)}, "a name with at most 12 values"),
        ({"period": "bureau_score"}, "a period is a date, a year, or text"),
        ({"segments": ("label",)}, "has no column label"),
    ],
)
def test_columns_that_cannot_be_strata_are_refused_with_a_sentence(spec, tmp_path, changed, sentence):
    data = pd.read_parquet(spec.dataset)
    data["row_id_text"] = data["row_id"].astype(str)
    data.to_parquet(tmp_path / "data.parquet")
    other = replace(spec, dataset=tmp_path / "data.parquet", dataset_sha256=file_digest(tmp_path / "data.parquet"))
    with pytest.raises(EvaluationFailed, match=sentence):
        run(replace(other, **changed))
