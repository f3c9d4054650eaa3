"""The figures of a run as the page lays them out."""

from collections import Counter
from typing import Any

from mrm.evaluation.models import Run
from mrm.evaluation.queries.library import TITLES
from mrm.evaluation.queries.numbers import shown

BIAS = (
    "impact_ratio", "group_rates", "population", "air_by_approval_rate", "score_density", "roc_by_group",
    "reliability_by_group", "air_by_period", "proxies", "disparity_shares",
)  # fmt: skip
# one figure each for every pair of attributes, and for every legitimate factor
BIAS_FAMILIES = ("cells_", "segments_")
_FIGURES = {
    "bias": BIAS,
    "alternatives": ("alternatives",),
    "performance": ("score_distribution", "calibration", "cap", "predicted_actual"),
    "stability": ("stability",),
    "quality": ("quality_missing-values", "quality_leakage"),
    "soundness": ("variance_inflation", "weak_spot"),
    "robustness": ("noise", "ablation", "elasticity", "adversarial"),
}
_KIND_OF = {name: kind for kind, names in _FIGURES.items() for name in names}
WORDS = {
    "onnx": "ONNX: run here in a confined process; the model is a black box to the explainer",
    "pickle": "pickle: permitted for this artifact after a scan, and opened in a confined process alone",
    "skops": "skops: opened here in a confined process without pickle; linear and tree models are explained exactly",
    "xgboost": "XGBoost: opened here in a confined process; trees are explained exactly",
    "lightgbm": "LightGBM: opened here in a confined process; trees are explained exactly",
}


def tabled(figures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Figures with the numbers drawn as text."""
    return [{**figure, "table": [[_text(value) for value in row] for row in figure["rows"]]} for figure in figures]


def figures_by_kind(run: Run) -> dict[str, list[dict[str, Any]]]:
    """Figures by the kind of run they belong to, those of no other to the explanation, each with the numbers drawn as text."""
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in (*_KIND_OF.values(), "explainability")}
    for figure in run.figures:
        found[_kind(figure["name"])].append(
            {**figure, "table": [[_text(value) for value in row] for row in figure["rows"]]}
        )
    return found


def _kind(name: str) -> str:
    return "bias" if name.startswith(BIAS_FAMILIES) else _KIND_OF.get(name, "explainability")


def capability(run: Run) -> str:
    """What this kind of artifact lets an explainer do."""
    artifact = run.version.artifact
    return WORDS.get(artifact.kind, f"{artifact.get_kind_display()}: not run here") if artifact else ""


def what_stands(results: list[dict[str, Any]], status: str) -> str:
    """Which measures hold a status, in words: score gap (2), impact ratio (1)."""
    measures = Counter(
        _within_a_sentence(TITLES.get(each["measure"], each["measure"]).split(",")[0])
        for each in results
        if each["status"] == status
    )
    if status == "insufficient":
        return "never counted as a pass" if measures else ""
    return ", ".join(f"{name} ({count})" if count > 1 else name for name, count in measures.most_common(3))


def _within_a_sentence(title: str) -> str:
    """In small letters, unless a name or an abbreviation stands in it."""
    return title if any(letter.isupper() for letter in title[1:]) else title.lower()


def _text(value: Any) -> tuple[str, bool]:
    """A drawn number as text, and whether it lines up right."""
    if value is None:
        return "–", True
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value), False
    if isinstance(value, int) or (value.is_integer() and abs(value) >= 10):
        return f"{value:,.0f}".replace("-", "\N{MINUS SIGN}"), True
    return shown("number", float(value)), True
