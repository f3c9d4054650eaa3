"""The explainability report of a run: may the explanation be believed, what does it say, what may not be read into it."""

import re
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from mrm.core import blobs
from mrm.evaluation import queries as evaluation
from mrm.reporting.services.pages.evidence import as_judged
from mrm.reporting.services.pages.outlines import outlined
from mrm.reporting.services.pages.words import image

MOST_ROWS = 300  # a longer table is attached, not printed
SEVERITY = ("fail", "insufficient", "watch", "pass")
_NUMBER = re.compile(r"^-?\d+(\.\d+)?(e[-+]?\d+)?$")
_TEXT = {"row", "code", "feature", "dictionary", "background_digest", "values_digest", "version"}
_HEADS = {
    "pass": ("Explainable for its use.", "Every check that has a limit holds."),
    "watch": ("Explainable, with reservations.", "Nothing fails; what is to be watched is named below."),
    "insufficient": ("Not shown to be explainable yet.", "Evidence is missing, and missing evidence is never a pass."),
    "fail": ("Not explainable as it stands.", "A check fails; reasons must not be given out under it."),
}
_AUDIENCES = (
    ("The person decided about", "Are the reasons specific, true to the model, and the same tomorrow?", "checks"),
    ("Validators", "Do contributions add up, repeat and agree with other methods?", "validity"),
    ("Owner and developer", "Does the output move in the direction that the business expects?", "shape"),
)


def context(content: dict[str, Any]) -> dict[str, Any]:
    """What the template says beyond the cover."""
    run = content["evaluation"]
    judged = _run(run)
    told = evaluation.explained(judged)
    drawn = {each["name"]: _drawn(each) for each in run["figures"]}
    statuses = [row["status"] for name in ("validity", "checks") for row in told[name]]
    return {
        "subject": f"{content['version']['model']} {content['version']['label']}",
        "run": run,
        "explanation": judged.explanation,
        "told": told,
        "drawn": drawn,
        "gaps_drawn": _starting(drawn, "gap_"),
        "cases": [{**case, "drawn": drawn.get(case["figure"])} for case in told["cases"]],
        "groups_drawn": _starting(drawn, "reason_groups_"),
        "verdict": _verdict(statuses, told),
        "audiences": [_audience(*each, told) for each in _AUDIENCES],
        "owed": _owed(told),
        "drift": [row for row in told["validity"] if row["measure"] == "attribution_drift"],
        "sensitivity": [
            row for row in told["validity"]
            if row["measure"] in {"explanation_noise", "explanation_stability", "importance_error", "explanation_repetition"}
        ],
        "appendix": list(drawn.values()),
        "digests": _digests(content),
    }  # fmt: skip


def _run(run: dict[str, Any]) -> Any:
    """The run with its numbers back as numbers, at any depth."""
    judged = as_judged(run)
    results = [
        {**each, "detail": _numbers(kept["detail"])} for each, kept in zip(judged.results, run["results"], strict=True)
    ]
    return SimpleNamespace(results=results, explanation=_numbers(run["explanation"]), suite=judged.suite)


def _numbers(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _numbers(entry, name) for name, entry in value.items()}
    if isinstance(value, list):
        return [_numbers(entry, key) for entry in value]
    return float(value) if isinstance(value, str) and key not in _TEXT and _NUMBER.match(value) else value


def _drawn(figure: dict[str, Any]) -> dict[str, Any]:
    """A figure with its drawing, and its numbers as the page shows them."""
    rows = [[_cell(value) for value in row] for row in figure["rows"][:MOST_ROWS]]
    left = max(0, len(figure["rows"]) - MOST_ROWS)
    right = [all(row[place][1] for row in rows) for place in range(len(figure["header"]))]
    heads = list(zip(figure["header"], right, strict=True))
    drawing = image(outlined(blobs.read(figure["sha256"])))
    return {**figure, "image": drawing, "heads": heads, "printed": rows, "left": left}


def _cell(value: Any) -> tuple[str, bool]:
    """A number as text and that it stands right, or text as it is."""
    if isinstance(value, str) and not _NUMBER.match(value):
        return value, False
    if value is None:
        return "–", True
    number = float(value)
    if number.is_integer() and abs(number) >= 10:
        return f"{number:,.0f}".replace("-", "\N{MINUS SIGN}"), True
    return evaluation.shown("number", number), True


def _starting(drawn: dict[str, Any], start: str) -> list[dict[str, Any]]:
    return [each for name, each in drawn.items() if name.startswith(start)]


def _worst(statuses: Iterable[str]) -> str:
    found = set(statuses)
    return next((status for status in SEVERITY if status in found), "info")


def _verdict(statuses: list[str], told: dict[str, Any]) -> dict[str, str]:
    worst = _worst(statuses)
    worst = "insufficient" if worst == "info" or (worst != "fail" and not told["codes"]) else worst
    head, text = _HEADS[worst]
    return {"mark": worst, "head": head, "text": text}


def _audience(who: str, question: str, part: str, told: dict[str, Any]) -> dict[str, str]:
    rows = told[part]
    status = _worst(row["status"] for row in rows)
    if part == "checks" and not told["codes"]:
        status, said = "insufficient", told["reasons"].get("why_not") or "No reasons were given in this run."
    elif part == "shape":
        wrong = [row["feature"].replace("_", " ") for row in rows if row["status"] == "watch"]
        said = f"Not as expected: {', '.join(wrong)}." if wrong else "Every stated expectation is met."
    else:
        off = [row["title"].lower() for row in rows if row["status"] in {"fail", "watch", "insufficient"}]
        said = f"To look at: {'; '.join(off)}." if off else "Every check with a limit holds."
    return {"who": who, "question": question, "status": status, "said": said}


def _owed(told: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What does not hold or is missing: check, status, what to do."""
    rows = [row for name in ("validity", "checks") for row in told[name]]
    found = [row for row in rows if row["status"] in {"fail", "insufficient", "watch"}]
    out = [
        (row["title"], row["status"], row["reason"] or _REMEDIES.get(row["measure"], "Look into it before use."))
        for row in found
    ]
    wrong = [row["feature"].replace("_", " ") for row in told["shape"] if row["status"] == "watch"]
    if wrong:
        out.append(
            (
                f"Direction of {', '.join(wrong)}",
                "watch",
                "Explain the shape, constrain the model, or correct the expectation.",
            )
        )
    return out


_REMEDIES = {
    "reason_stability": "Fix a larger background and name it in the notice procedure; the same person must get the same reasons.",
    "reason_fidelity": "Look at the reasons that do not improve the output, and at the features behind them.",
    "explanation_agreement": "Compare both orders; features that depend on each other share their contributions.",
    "attribution_drift": "The model rests on other features than when it was made; revalidate.",
    "additivity": "Give out no reasons; choose a method whose contributions add up.",
}


def _digests(content: dict[str, Any]) -> list[tuple[str, str]]:
    run = content["evaluation"]
    found = [
        ("Artifact", run["pins"]["artifact_sha256"]),
        (f"Data set {run['dataset']['ref']}", run["dataset"]["sha256"]),
        (f"Results of {run['ref']}", run["digest"]),
        (f"Suite {run['suite']['title']} {run['suite']['version']}", run["suite"]["digest"]),
        ("Background of the explanation", run["explanation"]["background_digest"]),
        ("Contributions", run["explanation"]["values_digest"]),
    ]
    if words := content["dictionary"]:
        found.append((f"Dictionary of reason codes {words['version']}", words["digest"]))
    return found
