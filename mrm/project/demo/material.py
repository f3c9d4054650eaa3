"""What the demo bank works with: data with a known bias, and models trained on them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from skl2onnx import to_onnx
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mrm.measures.frames import to_parquet
from mrm.measures.synthetic import FEATURES, applications

TARGET_OPSET = 18


@dataclass(frozen=True)
class Table:
    """A table as Parquet with its manifest."""

    path: Path
    manifest: dict[str, Any]


@dataclass(frozen=True)
class Material:
    """Training and test data, protected attributes of the test rows, and two trained models as ONNX."""

    features: tuple[str, ...]
    training: Table
    test: Table
    protected: Table
    logistic: bytes
    boosted: bytes
    cutoff: float
    # whether the data were made with a bias that the runs must find
    biased: bool = False


def prepare(folder: Path, rows: int = 6_000, seed: int = 2026) -> Material:
    """Make the data and train the models; the same seed gives the same bytes."""
    table, protected = applications(rows, seed)
    return replace(trained(folder, table, protected, FEATURES, seed), biased=True)


def trained(
    folder: Path, table: pd.DataFrame, protected: pd.DataFrame, features: Sequence[str], seed: int = 2026
) -> Material:
    """Train on the first half of the rows, keep the second for tests; `default` is the label, 1 the bad outcome."""
    half = len(table) // 2
    training, test = table.iloc[:half], table.iloc[half:]
    inputs, label = training[list(features)].astype("float32"), training["default"]
    scores = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    trees = GradientBoostingClassifier(n_estimators=80, max_depth=3, random_state=seed)
    # four of five applications are approved
    cutoff = round(float(pd.Series(trees.fit(inputs, label).predict_proba(inputs)[:, 1]).quantile(0.8)), 4)
    return Material(
        tuple(features),
        _table(training, folder / "training"),
        _table(test, folder / "test"),
        _table(protected.iloc[half:], folder / "protected"),
        _onnx(scores.fit(inputs, label), inputs),
        _onnx(trees, inputs),
        cutoff,
    )


def _table(frame: pd.DataFrame, stem: Path) -> Table:
    source, target = stem.with_suffix(".csv"), stem.with_suffix(".parquet")
    frame.to_csv(source, index=False)
    return Table(target, to_parquet(source, target).as_dict())


def _onnx(model: Any, inputs: pd.DataFrame) -> bytes:
    converted = to_onnx(model, inputs.to_numpy()[:1], options={id(model): {"zipmap": False}}, target_opset=TARGET_OPSET)
    content: bytes = converted.SerializeToString()
    return content


def chunks(content: bytes) -> Iterable[bytes]:
    return iter([content])
