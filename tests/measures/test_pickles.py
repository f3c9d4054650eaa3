"""Pickles: estimators are read, every other name ends the reading before anything is made, in the confined process too."""

import builtins
import io
import os
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mrm.measures.artifacts import Refusal
from mrm.measures.pickles import open_pickle, scan
from mrm.measures.process import CannotScore
from mrm.measures.scoring import file_digest, inspect_artifact, score

DRAW = np.random.default_rng(11)
FRAME = pd.DataFrame(DRAW.normal(size=(300, 3)), columns=["income", "age", "debt"])
LABELS = (FRAME["income"] + DRAW.normal(size=300) > 0).astype(int)
MODELS = [
    make_pipeline(StandardScaler(), LogisticRegression()),
    HistGradientBoostingClassifier(max_iter=5),
    RandomForestClassifier(5, random_state=1),
]


def joblib_bytes(model: Any, compress: int = 0) -> bytes:
    target = io.BytesIO()
    joblib.dump(model, target, compress=compress)
    return target.getvalue()


class Calls:
    """An object whose pickle calls a function with arguments of the writer's choice."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.made = function, arguments

    def __reduce__(self) -> Any:
        return self.made


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize(
    "write", [pickle.dumps, joblib_bytes, lambda model: joblib_bytes(model, 3)], ids=["pickle", "joblib", "compressed"]
)
def test_an_estimator_scores_as_before(model: Any, write: Any) -> None:
    content = write(model.fit(FRAME, LABELS))
    scorer, _native = open_pickle(content, list(FRAME.columns))
    assert np.array_equal(scorer(FRAME), model.predict_proba(FRAME)[:, 1])
    assert any(name.startswith("sklearn.") for name in scan(content))
    with pytest.raises(Refusal, match=r"columns in this order: income, age, debt"):
        open_pickle(content, ["age", "income", "debt"])


def test_a_regression_is_read_too() -> None:
    model = IsotonicRegression(out_of_bounds="clip").fit(FRAME["income"], LABELS)
    assert "sklearn.isotonic.IsotonicRegression" in scan(pickle.dumps(model))


@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (os.system, ("touch {there}",), "posix.system"),
        (builtins.eval, ("open('{there}', 'w')",), "builtins.eval"),
        (builtins.open, ("{there}", "w"), "io.open"),
        (builtins.getattr, (np, "memmap"), "builtins.getattr"),
        (np.memmap, ("{there}", "float64", "w+", 0, (3,)), "numpy.memmap"),
        (joblib.load, ("{there}",), "joblib.numpy_pickle.load"),
    ],
)
@pytest.mark.parametrize("inside", [False, True], ids=["bare", "in an array of objects"])
def test_another_name_ends_the_reading_before_it_is_called(
    function: Any, arguments: tuple[Any, ...], name: str, inside: bool, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    filled = [each.format(there=there) if isinstance(each, str) else each for each in arguments]
    filled = ["a" if callable(each) or not isinstance(each, str | int | tuple) else each for each in filled]
    evil: Any = Calls(function, *filled)
    content = joblib_bytes(np.array([evil, 1], dtype=object)) if inside else pickle.dumps(evil)
    with pytest.raises(Refusal, match=rf"names (the function )?{name}"):
        scan(content)
    assert not there.exists()


def test_functions_of_a_known_package_are_not_taken() -> None:
    from sklearn.utils import check_array  # a plain function beside the estimators

    with pytest.raises(Refusal, match=r"the function sklearn.utils.validation.check_array"):
        scan(pickle.dumps(Calls(check_array, [[1.0]])))
    with pytest.raises(Refusal, match=r"not a pickle that can be read here"):
        scan(b"no pickle")


def inspected(artifact: Path) -> dict[str, Any]:
    limits = {"size": 2**20, "unpacked": 2**20, "nodes": 100}
    return inspect_artifact(artifact, "pickle", file_digest(artifact), limits)


def test_the_confined_process_scans_and_scores(tmp_path: Path) -> None:
    data, artifact = tmp_path / "data.parquet", tmp_path / "model.pkl"
    pq.write_table(pa.Table.from_pandas(FRAME, preserve_index=False), data)
    model = MODELS[0].fit(FRAME, LABELS)
    artifact.write_bytes(pickle.dumps(model))
    assert "sklearn.pipeline.Pipeline" in inspected(artifact)["facts"]["names"]
    done = score(artifact, "pickle", file_digest(artifact), data, tmp_path / "out.parquet", list(FRAME.columns))
    scores = pq.read_table(done.path)["score"].to_numpy()
    assert np.array_equal(scores, model.predict_proba(FRAME)[:, 1])

    artifact.write_bytes(pickle.dumps(Calls(os.system, f"touch {tmp_path / 'there'}")))
    assert inspected(artifact)["outcome"] == "flagged"
    with pytest.raises(CannotScore, match=r"posix.system"):
        score(artifact, "pickle", file_digest(artifact), data, tmp_path / "out.parquet", list(FRAME.columns))
    assert not (tmp_path / "there").exists()
