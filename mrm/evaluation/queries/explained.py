"""What a run found out about its explanation, laid out for page and print: validity, shape, groups, cases, reasons."""

from typing import Any

from mrm.evaluation.queries.numbers import NONE, interval, shown
from mrm.evaluation.queries.sheet import measure_rows

RISES, FALLS = "rises", "falls"


def explained(run: Any) -> dict[str, Any]:
    """Tables of everything but the figures; `run` has results, explanation and the suite with its limits."""
    kept, rows = run.explanation, measure_rows(run, "explainability")
    return {
        "validity": [row for row in rows if not row["measure"].startswith("reason_")],
        "checks": [row for row in rows if row["measure"].startswith("reason_")],
        "importance": _importance(kept.get("importance", [])),
        "shape": [_shape(each) for each in kept.get("shape", [])],
        "interactions": [_pair(each) for each in _of(run, "interaction")],
        "gaps": [_gap(each) for each in _of(run, "attribution_gap")],
        "cases": [_case(each, kept["output"]) for each in kept.get("cases", [])],
        "reasons": kept.get("reasons", {}),
        "codes": [_code(each) for each in _of(run, "reason_share")],
        "groups": _groups(run),
        "capabilities": kept.get("capabilities", []),
    }


def _of(run: Any, measure: str) -> list[dict[str, Any]]:
    return [each for each in run.results if each["measure"] == measure]


def _importance(found: list[list[Any]]) -> list[dict[str, str]]:
    """Every feature with its share, and the share of it and all before it."""
    out, total = list[dict[str, str]](), 0.0
    for feature, value, lower, upper, share in found:
        total += share
        between = interval("importance", {"lower": lower, "upper": upper})
        told = {"share": shown("accuracy", share), "cumulative": shown("accuracy", min(1.0, total))}
        out.append({"feature": feature, "value": shown("importance", value), "interval": between, **told})
    return out


def _shape(each: dict[str, Any]) -> dict[str, Any]:
    """Expected against found; a direction that was not expected is to be watched, one that nobody stated is not judged."""
    expected, found = each["expected"], each["found"]
    stated = expected in {RISES, FALLS}
    status = "pass" if expected == found else "watch" if stated else "info"
    against = NONE if each["against"] is None else shown("direction_breaks", each["against"])
    return {**each, "status": status, "against": against}


def _pair(each: dict[str, Any]) -> dict[str, Any]:
    return {"features": each["detail"]["features"], "value": shown("interaction", each["value"]), "n": each["n"]}


def _gap(each: dict[str, Any]) -> dict[str, Any]:
    detail = each["detail"]
    parts = [
        {"feature": part[0], "value": shown("interaction", part[1]),
         "interval": interval("interaction", {"lower": part[2], "upper": part[3]})}
        for part in detail.get("parts", [])
    ]  # fmt: skip
    return {
        **{name: detail.get(name, "") for name in ("attribute", "group", "reference")},
        "value": shown("interaction", each["value"]),
        "interval": interval("interaction", each),
        "n": each["n"],
        "status": each["status"],
        "reason": each["reason"],
        "parts": parts,
        "leading": parts[:3],
    }


def _case(each: dict[str, Any], unit: str) -> dict[str, Any]:
    """One of the prescribed cases in words: what was decided, by which reasons, what could be done."""
    name = each["case"].replace(", ", "_").replace(" ", "_")
    return {
        **{key: each[key] for key in ("row", "decision", "reasons")},
        "title": each["case"].capitalize(),
        "figure": f"case_{name}",
        "output": f"{shown('number', each['output'])} {unit}",
        "leading": [(part[0], shown("number", part[1]), shown("interaction", part[2])) for part in each["parts"][:3]],
        "recourse": _recourse(each["recourse"]),
    }


def _recourse(could: dict[str, Any] | None) -> str:
    if could is None:
        return ""
    if not could["changes"]:
        return "Nothing that the person can act on changes the decision; the dictionary says what can be acted on."
    changes = " and ".join(f"{name.replace('_', ' ')} to {value:,.6g}" for name, value in could["changes"])
    if could["turned"]:
        return f"With {changes} the model would decide otherwise."
    return f"Even with {changes} the model would not decide otherwise."


def _code(each: dict[str, Any]) -> dict[str, Any]:
    return {
        **each["detail"],
        "share": shown("reason_share", each["value"]),
        "interval": interval("reason_share", each),
        "n": each["n"],
    }


def _groups(run: Any) -> list[dict[str, Any]]:
    """Per attribute its groups with the share of every code, or the sentence why they are withheld."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for each in _of(run, "reason_share_group"):
        detail = each["detail"]
        place = rows.setdefault(
            (detail["attribute"], detail["group"]),
            {"attribute": detail["attribute"], "group": detail["group"], "n": each["n"], "withheld": "", "shares": []},
        )
        if each["n"] is None:
            place["withheld"] = each["reason"]
        else:
            place["shares"].append(shown("reason_share", each["value"]))
    return list(rows.values())
