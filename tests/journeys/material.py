"""Real input of the main job: credit card clients of a bank in Taiwan; generated applications where they are absent."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from skl2onnx import to_onnx
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mrm.measures.synthetic import FEATURES, applications
from mrm.project.demo.material import Material as ApiMaterial
from mrm.project.demo.material import prepare as generated
from mrm.project.demo.material import trained

SHARED = (
    Path(__file__).resolve().parent.parent.parent.parent / "shared" / "data" / "taiwan-credit" / "taiwan_credit.csv"
)


@dataclass(frozen=True)
class Material:
    """Files to upload, and what the models answer to the first test rows."""

    source: str
    features: list[str]
    training: Path
    test: Path
    protected: Path
    artifacts: dict[str, Path]
    rows: list[list[float]]
    answers: dict[str, list[float]]
    cutoff: float
    sex: str


def taiwan() -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Sex, education and age stay apart from what the model sees."""
    table = pd.read_csv(SHARED, encoding="utf-8-sig").rename(columns={"ID": "row_id", "DEFAULT": "default"})
    protected = pd.DataFrame(
        {
            "row_id": table["row_id"],
            "sex": table["SEX"].map({1: "M", 2: "F"}),
            "education": table["EDUCATION"].map({1: "graduate school", 2: "university", 3: "high school"}),
            "age": pd.cut(
                table["AGE"], [0, 29, 39, 49, 120], labels=["under 30", "30 to 39", "40 to 49", "50 and over"]
            ),
        }
    )
    features = [
        name for name in table.columns if name not in {"row_id", "default", "SEX", "EDUCATION", "MARRIAGE", "AGE"}
    ]
    return table[["row_id", *features, "default"]], protected, features


def prepare(folder: Path) -> Material:
    """Train two models, export them, and write the files a data scientist would upload."""
    if SHARED.exists():
        table, protected, features = taiwan()
        source = "UCI, Default of Credit Card Clients"
    else:
        table, protected = applications(6_000, 7)
        features, source = list(FEATURES), "Generated applications"
    table, protected = table.iloc[:12_000], protected.iloc[:12_000]
    half = len(table) // 2
    training, test = table.iloc[:half], table.iloc[half:]
    inputs, label = training[features].astype("float32"), training["default"]
    models: dict[str, Any] = {
        "1.0.0": make_pipeline(StandardScaler(), LogisticRegression(max_iter=2_000)).fit(inputs, label),
        "2.0.0": GradientBoostingClassifier(n_estimators=60, random_state=7).fit(inputs, label),
    }
    for name, frame in (("training", training), ("test", test), ("protected", protected.iloc[half:])):
        frame.to_csv(folder / f"{name}.csv", index=False)
    artifacts, answers = {}, {}
    rows = test[features].iloc[:5].astype("float32")
    for version, model in models.items():
        artifacts[version] = folder / f"credit-{version}.onnx"
        content = to_onnx(model, inputs.to_numpy()[:1], options={id(model): {"zipmap": False}}, target_opset=18)
        artifacts[version].write_bytes(content.SerializeToString())
        answers[version] = model.predict_proba(rows)[:, 1].tolist()
    cutoff = round(float(pd.Series(models["1.0.0"].predict_proba(inputs)[:, 1]).quantile(0.8)), 3)
    return Material(
        source, features, folder / "training.csv", folder / "test.csv", folder / "protected.csv", artifacts,
        rows.to_numpy().tolist(), answers, cutoff, "M",
    )  # fmt: skip


def for_the_api(folder: Path) -> ApiMaterial:
    """The same real data as the demo's check takes them; generated ones where they are absent."""
    if not SHARED.exists():
        return generated(folder)
    table, protected, features = taiwan()
    return trained(folder, table.iloc[:12_000], protected.iloc[:12_000], features)
