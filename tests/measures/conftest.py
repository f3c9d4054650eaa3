"""Real data for reference cases, kept beside the project; absent data skips aloud."""

from pathlib import Path

import pandas as pd
import pytest

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
ADULT = [
    "age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation", "relationship",
    "race", "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country", "income",
]  # fmt: skip


def data_file(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"REFERENCE CASE NOT RUN: {name} is not in the data folder beside the project")
    return path


@pytest.fixture(scope="session")
def adult_train() -> pd.DataFrame:
    return pd.read_csv(data_file("uci-adult/adult.data"), names=ADULT, skipinitialspace=True)


@pytest.fixture(scope="session")
def adult(adult_train: pd.DataFrame) -> pd.DataFrame:
    test = pd.read_csv(data_file("uci-adult/adult.test"), names=ADULT, skipinitialspace=True, skiprows=1)
    both = pd.concat([adult_train, test], ignore_index=True)
    return both.assign(high=(both["income"].str.strip(".") == ">50K").astype(int))


@pytest.fixture(scope="session")
def german() -> pd.DataFrame:
    frame = pd.read_csv(data_file("german-credit/german.data"), sep=r"\s+", header=None)
    return pd.DataFrame(
        {
            "good": (frame[20] == 1).astype(int),
            "age": frame[12],
            "sex": frame[8].map(lambda code: "F" if code in ("A92", "A95") else "M"),
        }
    )
