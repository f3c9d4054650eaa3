"""What a run keeps of an explanation beside its results: method, shape, cases and dictionary, as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from mrm.measures.explanation.attributions import Explanation, Importance, contributions
from mrm.measures.explanation.capability import CAPABILITIES
from mrm.measures.explanation.dictionary import BASELINES, Dictionary
from mrm.measures.explanation.notices import Decided, Notices, cases
from mrm.measures.results import plain

CLEAR = 0.7  # rank correlation from which an effect is said to rise or to fall


def of_run(
    found: Explanation,
    ranked: Sequence[Importance],
    decided: Decided,
    words: Dictionary | None,
    told: Notices | None,
    said: Mapping[str, Any],
    content: Mapping[str, Any] | None,
    why: str,
) -> dict[str, Any]:
    """Facts of the explanation with its importance, shapes, cases and reasons."""
    whole = found.as_dict() | {
        "importance": [[each.feature, each.value, each.lower, each.upper, each.share] for each in ranked],
        "capabilities": [{name: row[name] for name in ("model", "explainer", "exact", "why")} for row in CAPABILITIES],
        "decided": {"approved": len(decided.approved), "declined": len(decided.declined), "cutoff": decided.cutoff},
        "shape": _shapes(said["shape"], content),
        "cases": _cases(found, decided, said["recourse"], told),
        "reasons": _reasons(words, told, why),
    }
    kept: dict[str, Any] = plain(whole)
    return kept


def _shapes(shapes: Sequence[Mapping[str, Any]], content: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Expected against found direction of the output for each feature, with why it is expected."""
    factors = content["factors"] if content else []
    expected = {each["name"]: factor.get("expectation", "") for factor in factors for each in factor["features"]}
    return [
        {
            "feature": each["feature"],
            "expected": {1: "rises", -1: "falls"}.get(each["direction"], "not stated"),
            "found": _found(each),
            "against": each["breaks"]["value"] if each["breaks"] else None,
            "why": expected.get(each["feature"], ""),
        }
        for each in shapes
    ]


def _found(shape: Mapping[str, Any]) -> str:
    effect = np.array(shape["effect"])
    if effect.size < 2 or np.ptp(effect) < 1e-12:
        return "flat"
    rho = float(stats.spearmanr(shape["grid"], effect).statistic)
    return "rises" if rho > CLEAR else "falls" if rho < -CLEAR else "neither"


def _cases(
    found: Explanation, decided: Decided, recourse: Sequence[Mapping[str, Any]], told: Notices | None
) -> list[dict[str, Any]]:
    given = dict(zip(decided.declined, told.given, strict=True)) if told else {}
    outputs = found.values.sum(axis=1) + found.base
    return [
        {
            "case": name,
            "row": decided.digests[row],
            "output": float(outputs[row]),
            "decision": "approved" if decided.favoured[row] else "declined",
            "parts": [[each.feature, each.feature_value, each.contribution] for each in contributions(found, row)],
            "reasons": [[each.code, each.text, each.share] for each in given.get(row, ())],
            "recourse": None if decided.favoured[row] else dict(could),
        }
        for (name, row), could in zip(cases(found, decided).items(), recourse, strict=True)
    ]


def _reasons(words: Dictionary | None, told: Notices | None, why: str) -> dict[str, Any]:
    if words is None:
        return {"dictionary": "", "why_not": why}
    return {
        "dictionary": str(words),
        "baseline": words.baseline,
        "baseline_means": BASELINES[words.baseline],
        "most": words.most,
        "materiality": words.materiality,
        "inquiries": words.inquiries,
        "excluded": [[feature, why] for feature, why in words.excluded.items()],
        "factors": [
            {"code": each.code, "text": each.text, "features": list(each.features), "actionable": each.actionable}
            for each in words.reasons
        ],
        "declined": len(told.given) if told else 0,
        "why_not": why,
    }
