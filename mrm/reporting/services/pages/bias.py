"""The bias report of a run: what was found, on whom, how, and what it rests on."""

from collections import Counter
from typing import Any

from mrm.evaluation import queries as evaluation
from mrm.reporting.services.pages.alternatives import search_page
from mrm.reporting.services.pages.evidence import JUDGED, as_judged, run_page
from mrm.reporting.services.pages.numbers import figure_table, matrix, result_rows

SIGNIFICANT = 0.05
FEW, MOST_PROXIES = 6, 20
_WORST = ("fail", "watch", "insufficient", "pass")


def context(content: dict[str, Any]) -> dict[str, Any]:
    """What the template says beyond the cover."""
    run = run_page(content["evaluation"])
    judged = as_judged(content["evaluation"])
    results = [each for each in judged.results if each["attribute"] or each["measure"] in evaluation.OF_POPULATION]
    air = judged.suite.content["thresholds"].get("air", {})
    names = list(dict.fromkeys(each["attribute"] for each in results if each["attribute"]))
    pairs = [name for name in names if evaluation.CROSS in name]
    verdict = _verdict(results)
    return {
        "subject": f"{content['version']['model']} {content['version']['label']}",
        "conclusion": 2,
        "run": run,
        "verdict": verdict,
        "said": _said(results),
        "credit": content["suite"]["regime"] not in {"us-nyc-ll144", "us-ugesp-four-fifths"},
        "attributes": [name for name in names if name not in pairs],
        "pairs": pairs,
        "population": result_rows(results, *evaluation.OF_POPULATION),
        "base_rates": result_rows(results, "outcome_rate"),
        "rates": result_rows(results, "selection_rate"),
        "across": result_rows(results, "selection_rate_homogeneity", "demographic_parity_difference", "demographic_parity_ratio"),
        "square": _square(results, air),
        "scores": matrix(results, "smd", "residual_smd", "scoring_rate", "scoring_rate_ratio", "air_sweep"),
        "errors": matrix(results, "tpr_gap", "fpr_gap", "fnr_gap", "ppv_gap", "npv_gap", "equalized_odds_gap"),
        "weighted": result_rows(results, "weighted_selection_rate", "weighted_air", "weighted_tpr_gap"),
        "listed": result_rows(results, "exposure_ratio", "skew_at_k", "top_k_ratio", "ndkl"),
        "ranks": matrix(results, "auc_gap", "xauc_gap"),
        "calibration": matrix(results, "group_ece", "ece_gap", "group_calibration_slope", "actual_to_expected"),
        "worst_cells": result_rows(results, "worst_cell_air", crossed=True),
        "hierarchy": _hierarchy(run, pairs),
        "common": result_rows(results, "common_odds_ratio"),
        "conditional": matrix(results, "conditional_odds_ratio", "average_marginal_effect", "explained_gap", "unexplained_gap"),
        "proxies": _proxies(results),
        "shares": _shares(results),
        **search_page(content["search"]),
        "periods": result_rows(results, "air_by_period"),
        "segments": [figure for name, figure in run["drawn"].items() if name.startswith("segments_")],
        "cells": [figure for name, figure in run["drawn"].items() if name.startswith("cells_")],
        "tables": [figure_table(figure) for figure in content["evaluation"]["figures"]],
        "withheld": sum(bool(each["detail"].get("suppressed")) and each["measure"] == "selection_rate" for each in results),
        "unknown": [each for each in result_rows(results, "selection_rate") if "share" not in each["detail"]],
        "independence": _independence(content["prepared"]),
        "limitations": _limitations(content, results),
    }  # fmt: skip


def _verdict(results: list[dict[str, Any]]) -> dict[str, str]:
    counts = Counter(each["status"] for each in results if each["threshold_text"] and each["status"] in JUDGED)
    worst = next((status for status in _WORST if counts[status]), "insufficient")
    total = sum(counts.values())
    words = {"fail": "Fail", "watch": "Watch", "insufficient": "Insufficient evidence", "pass": "Pass"}
    if not total:
        return {
            "mark": "insufficient",
            "head": "No limit applies.",
            "text": "The suite sets no pass mark; the figures stand as they are.",
        }
    head = f"{words[worst]}: {counts[worst]:,} of {total:,} results."
    rest = ", ".join(
        f"{counts[status]:,} {words[status].lower()}" for status in _WORST if status != worst and counts[status]
    )
    return {"mark": worst, "head": head, "text": f"The others: {rest}." if rest else "There are no others."}


def _said(results: list[dict[str, Any]]) -> list[str]:
    """The message in plain words: every group that fails or is watched by its ratio, worst first, and the worst cell."""
    ratios = [
        each
        for each in results
        if each["measure"] == "air" and each["value"] is not None and evaluation.CROSS not in each["attribute"]
    ]
    told = sorted((each for each in ratios if each["status"] in {"fail", "watch"}), key=lambda each: each["value"])
    out = [_sentence(each, results) for each in told[:FEW]]
    if len(told) > FEW:
        out.append(f"{len(told) - FEW} more groups lie beyond a limit; section 6 lists them.")
    if not told and ratios:
        low = min(ratios, key=lambda each: each["value"])
        out.append(
            f"No impact ratio lies beyond a limit. The lowest is that of {low['attribute'].replace('_', ' ')} {low['group']}:"
            f" {evaluation.shown('air', low['value'])} times the rate of {low['reference']}."
        )
    if not ratios:
        out.append("No group is large enough to be compared with another; nothing is concluded.")
    return out


def _sentence(ratio: dict[str, Any], results: list[dict[str, Any]]) -> str:
    said = (
        f"{ratio['attribute'].replace('_', ' ').capitalize()} {ratio['group']}: favourable decisions at {evaluation.shown('air', ratio['value'])}"
        f" times the rate of {ratio['reference']} (95 % interval {evaluation.interval('air', ratio)})."
    )
    odds = next(
        (each for each in results if (each["measure"], each["attribute"], each["group"]) == ("conditional_odds_ratio", ratio["attribute"], ratio["group"])
         and each["value"] is not None), None)  # fmt: skip
    if odds is not None:
        said += f" Between like cases the odds ratio is {evaluation.shown('auc', odds['value'])} ({evaluation.interval('auc', odds)})."
    return said


def _square(results: list[dict[str, Any]], limits: dict[str, Any]) -> dict[str, Any]:
    """Groups by statistical against practical significance; practical is a ratio below the watch limit, or 0.80."""
    line = next((float(limits[name]) for name in ("watch", "fail") if isinstance(limits.get(name), int | float)), 0.8)
    cells: dict[tuple[bool, bool], list[str]] = {(a, b): [] for a in (True, False) for b in (True, False)}
    for each in results:
        if each["measure"] != "air" or each["value"] is None or evaluation.CROSS in each["attribute"]:
            continue
        p = each["detail"].get("p_adjusted")
        cells[p is not None and p < SIGNIFICANT, each["value"] < line].append(each["group"])
    rows = [
        {"name": name, "practical": cells[significant, True], "not": cells[significant, False]}
        for name, significant in (("Significant at 5 %", True), ("Not significant, or not tested", False))
    ]
    return {"line": f"{line:.2f}", "rows": rows}


def _hierarchy(run: dict[str, Any], pairs: list[str]) -> list[dict[str, Any]]:
    """Every pair of attributes with its cells under the groups of the first, worst ratio first."""
    judged = as_judged(run)
    sheet = evaluation.bias_sheet(judged, crossed=True) if pairs else None
    out = []
    for attribute in sheet.attributes if sheet else ():
        parents: dict[str, list[Any]] = {}
        for row in attribute.rows:
            parents.setdefault(row.group.split(evaluation.CROSS)[0], []).append(row)
        out.append({"name": attribute.name, "note": attribute.note, "parents": list(parents.items())})
    return out


def _proxies(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every feature's best guess of any group, and its association with the attribute, the strongest first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for each in results:
        feature = str(each["detail"].get("feature") or "All features together")
        row = found.setdefault((feature, each["attribute"]), {"feature": feature, "attribute": each["attribute"]})
        if each["measure"] in {"proxy_auc", "proxy_auc_all_features"} and each["value"] is not None:
            if each["value"] > row.get("value", 0.0):
                row |= {"value": each["value"], "auc": evaluation.shown("auc", each["value"]), "group": each["group"],
                        "between": evaluation.interval("auc", each), "status": each["status"]}  # fmt: skip
        elif each["measure"] in {"proxy_cramers_v", "mutual_information"}:
            row[each["measure"]] = evaluation.shown("auc", each["value"])
        elif each["measure"] == "disparity_share" and abs(each["value"] or 0.0) > row.get("carried", 0.0):
            share = evaluation.shown("disparity_share", each["value"])
            row |= {"carried": abs(each["value"]), "share": f"{share}, {each['group']}"}
    return sorted((row for row in found.values() if "value" in row), key=lambda row: -row["value"])[:MOST_PROXIES]


def _shares(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The features that carry most of the gap of a group, as rows; where none could be told, the reasons."""
    rows = [row for row in result_rows(results, "disparity_share") if row["value"] is not None]
    return sorted(rows, key=lambda row: (row["status"] == "insufficient", -abs(row["value"])))[:MOST_PROXIES]


def _independence(prepared: dict[str, Any]) -> str:
    if prepared["parts"]:
        return f"Not independent: {prepared['by']}, who ran the tests, is {' and '.join(prepared['parts'])}."
    return f"{prepared['by']}, who ran the tests, is on record neither as developer nor as owner of this model."


def _limitations(content: dict[str, Any], results: list[dict[str, Any]]) -> list[str]:
    """What the numbers cannot say, from the run itself and from the record."""
    population = {
        (each["measure"], each["attribute"]): each for each in results if each["measure"] in evaluation.OF_POPULATION
    }
    open_ = population.get(("outcome_not_known", ""))
    said = [
        "Outcomes are often known only for those decided favourably; error rates and calibration carry that selection, and a label may itself carry bias."
    ]
    if open_ and int(open_["detail"]["people"]):
        said.append(
            f"The outcome of {evaluation.shown('outcome_not_known', open_['value'])} of the rows is not known; they are in no error rate."
        )
    for (measure, attribute), each in population.items():
        if measure == "group_not_known" and each["value"] and each["value"] > 0.05:
            said.append(
                f"{evaluation.shown(measure, each['value'])} of the people have no known or shown group of {attribute.replace('_', ' ')}; they are counted, and compared with nobody."
            )
    settings = content["evaluation"]["settings"]
    if not settings.get("segments"):
        said.append("No legitimate factor was named, so groups are compared as wholes and not within like cases.")
    return [*said, *content["version"]["limitations"]]
