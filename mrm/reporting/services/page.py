"""From content to the printed page: what each section says, in words and tables."""

import base64
import datetime as dt
import re
from types import SimpleNamespace
from typing import Any

import segno
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from mrm.core import blobs
from mrm.evaluation import queries as evaluation
from mrm.reporting.models import Document

MOST_EVENTS = 300
# the marks of the charts: they survive greyscale by their shape
_MARKS = {
    "pass": '<circle cx="5" cy="5" r="4.2" fill="#176b2c"/>',
    "watch": '<path d="M5 .8 9.6 9.2H.4z" fill="#9a5b00"/>',
    "fail": '<path d="M.8.8h8.4v8.4H.8z" fill="#a61b12"/>',
    "insufficient": '<circle cx="5" cy="5" r="3.6" fill="none" stroke="#545b66" stroke-width="1.3"/>',
}
_WORDS = {"pass": "Pass", "watch": "Watch", "fail": "Fail", "insufficient": "Insufficient"}
_VALID = "valid"
_DAY = re.compile(r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")


def html_of(document: Document, content: dict[str, Any], content_digest: str) -> str:
    """The report as one page for the printer; times are UTC wherever the bank is."""
    with timezone.override(dt.UTC):
        return render_to_string("reporting/compliance.html", _context(document, content, content_digest))


def _context(document: Document, content: dict[str, Any], content_digest: str) -> dict[str, Any]:
    content = _dated(content)
    address = settings.HOST_URL.rstrip("/") + reverse("reporting:verify_ref", args=[document.ref])
    runs = [_run(run) for run in content["evaluations"]]
    by_kind = {kind: next((run for run in reversed(runs) if kind in run["kinds"]), None) for kind in _KINDS}
    return {
        "ref": document.ref,
        "bank": settings.BANK_NAME,
        "prepared_at": timezone.now(),
        "asked_by": document.requested_by.name,
        "content": content,
        "digest": content_digest,
        "groups_of_digest": [content_digest[place : place + 8] for place in range(0, 64, 8)],
        "address": address,
        "short_address": address.split("://", 1)[-1],
        "qr": segno.make(address, error="m").svg_data_uri(scale=4, border=0, dark="#1f2937"),
        "marks": {name: _image(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">{shape}</svg>'.encode())
                  for name, shape in _MARKS.items()},
        "words": _WORDS,
        "fields": [{"label": field["label"], "text": _text(field["value"])} for field in content["card"]["fields"]],
        "runs": runs,
        "performance": by_kind["performance"],
        "bias": by_kind["bias"],
        "explaining": by_kind["explainability"],
        "verdict": _verdict(content),
        "actions": _actions(content),
        "open_findings": [finding for finding in _findings(content) if finding["open"]],
        "events": content["timeline"][-MOST_EVENTS:],
        "events_left": max(0, len(content["timeline"]) - MOST_EVENTS),
        "digests": _digests(content),
    }  # fmt: skip


_KINDS = ("performance", "bias", "explainability")


def _run(run: dict[str, Any]) -> dict[str, Any]:
    """A run with its numbers back as numbers, its tables, and its drawings inside the page."""
    judged = _judged(run)
    sheet = evaluation.bias_sheet(judged) if any(each["attribute"] for each in judged.results) else None
    return {
        **run,
        "cutoff": evaluation.decimal(run["settings"]["cutoff"]),
        "sheet": sheet,
        "bias_rows": _bias_rows(judged) if sheet else [],
        "performance_rows": evaluation.measure_rows(judged, "performance"),
        "explaining_rows": evaluation.measure_rows(judged, "explainability"),
        "importance": [_importance(each) for each in judged.results if each["measure"] == "importance"],
        "drawn": {
            figure["name"]: {**figure, "image": _image(blobs.read(figure["sha256"]))} for figure in run["figures"]
        },
        "judged": sum(run["counts"].get(status, 0) for status in _WORDS),
    }


def _judged(run: dict[str, Any]) -> Any:
    results = [{**each, **{name: _number(each[name]) for name in ("value", "lower", "upper")}, "detail": _numbers(each["detail"])}
               for each in run["results"]]  # fmt: skip
    thresholds = {
        name: {key: _number(value) for key, value in limits.items()} for name, limits in run["thresholds"].items()
    }
    return SimpleNamespace(results=results, suite=SimpleNamespace(content={"thresholds": thresholds}))


def _number(value: Any) -> Any:
    """Decimals travel as text in the content; here they are numbers again, other text stays."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value


def _numbers(detail: dict[str, Any]) -> dict[str, Any]:
    return {key: _number(value) for key, value in detail.items() if key != "feature"} | {
        key: value for key, value in detail.items() if key == "feature"
    }


def _bias_rows(judged: Any) -> list[dict[str, Any]]:
    """Every group with counts, rate, ratio, shortfall and test, by attribute."""
    places = {(each["attribute"], each["group"], each["measure"]): each for each in judged.results}
    rows = []
    sheet = evaluation.bias_sheet(judged)
    for attribute in sheet.attributes if sheet else ():
        groups = [_bias_row(attribute.name, group, places) for group in attribute.rows]
        rows.append({"name": attribute.name, "note": attribute.note, "groups": groups})
    return rows


def _bias_row(attribute: str, group: Any, places: dict[Any, Any]) -> dict[str, Any]:
    if group.withheld:
        return {"group": group.group, "withheld": group.withheld}
    rate, ratio = (places[(attribute, group.group, measure)] for measure in ("selection_rate", "air"))
    short = places.get((attribute, group.group, "shortfall"))
    p = ratio["detail"].get("p_adjusted")
    return {
        "group": group.group,
        "n": group.n,
        "favourable": int(rate["detail"]["favourable"]),
        "rate": group.rate,
        "rate_interval": evaluation.interval("selection_rate", rate),
        "ratio": evaluation.shown("auc", ratio["value"]),
        "ratio_interval": evaluation.interval("auc", ratio),
        "shortfall": max(0, round(short["value"])) if short and short["value"] is not None else "–",
        "p": "not tested" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}",
        "status": ratio["status"],
        "reason": ratio["reason"],
    }


def _importance(result: dict[str, Any]) -> dict[str, Any]:
    return {
        "feature": result["detail"]["feature"],
        "value": evaluation.shown("importance", result["value"]),
        "interval": evaluation.interval("importance", result),
        "share": evaluation.shown("accuracy", result["detail"]["share"]),
    }


def _verdict(content: dict[str, Any]) -> dict[str, str]:
    """Whether the version may be used, with the mark, and in one sentence why."""
    valid = next((approval for approval in content["approvals"] if approval["state"] == _VALID), None)
    if valid is None:
        return _not_in_force(content)
    waiting = [condition for condition in valid["conditions"] if not condition["met_on"]]
    until = _day(valid["valid_until"])
    if waiting:
        owed = "1 condition" if len(waiting) == 1 else f"{len(waiting)} conditions"
        return {
            "mark": "watch",
            "head": f"Approved with {owed} to meet.",
            "text": f"In force until {until} for exactly these bytes.",
        }
    return {"mark": "pass", "head": "Approved.", "text": f"In force until {until} for exactly these bytes."}


def _not_in_force(content: dict[str, Any]) -> dict[str, str]:
    if content["approvals"]:
        last = content["approvals"][-1]
        return {"mark": "fail", "head": f"Not approved: {last['status'].lower()}.", "text": last["ended_reason"]}
    asked = content["decisions"][-1] if content["decisions"] else None
    if asked is None:
        return {
            "mark": "insufficient",
            "head": "Not approved.",
            "text": "Nobody has been asked to approve the use of this version.",
        }
    mark = "insufficient" if asked["decided_at"] is None else "fail"
    return {"mark": mark, "head": "Not approved.", "text": f"Request {asked['ref']} is {asked['status'].lower()}."}


def _findings(content: dict[str, Any]) -> list[dict[str, Any]]:
    found = (finding for validation in content["validations"] for finding in validation["findings"])
    return [*found, *content["earlier_findings"]]


def _actions(content: dict[str, Any]) -> list[dict[str, Any]]:
    """What is owed: conditions not met and findings not closed, the earliest first."""
    conditions = [
        {"text": each["text"], "owner": each["owner"], "due": each["due"], "source": f"Condition of {approval['request']}"}
        for approval in content["approvals"] if approval["state"] == _VALID
        for each in approval["conditions"] if not each["met_on"]
    ]  # fmt: skip
    findings = [
        {
            "text": each["title"], "owner": each["owner"], "due": each["due"],
            "source": f"{each['ref']}, {each['severity'].lower()}",
        }
        for each in _findings(content) if each["open"]
    ]  # fmt: skip
    owed: list[dict[str, Any]] = [*conditions, *findings]
    return sorted(owed, key=lambda action: action["due"] or dt.date.max)


def _digests(content: dict[str, Any]) -> list[tuple[str, str]]:
    found = (
        [(f"Artifact {content['artifact']['filename']}", content["artifact"]["sha256"])] if content["artifact"] else []
    )
    found += [(f"Data set {data['ref']}, {data['role'].lower()}", data["sha256"]) for data in content["datasets"]]
    for run in content["evaluations"]:
        found += [(f"Results of {run['ref']}", run["digest"]), (f"Suite of {run['ref']}", run["suite"]["digest"])]
    if content["rating"]:
        found.append(
            (f"Tiering method {content['rating']['method']['version']}", content["rating"]["method"]["digest"])
        )
    found.append((f"Field pack {content['card']['pack']}", content["card"]["digest"]))
    for request in content["decisions"]:
        found += [
            (f"What {request['ref']} bound", request["subject_digest"]),
            (f"Policy {request['policy']}", request["policy_digest"]),
        ]
    if content["timeline"]:
        found.append(
            (f"Event {content['timeline'][-1]['position']}, the last printed", content["timeline"][-1]["digest"])
        )
    return found


def _dated(value: Any) -> Any:
    """The content with its days as days; text that only looks like one is one here too."""
    if isinstance(value, dict):
        return {key: _dated(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_dated(entry) for entry in value]
    return dt.date.fromisoformat(value) if isinstance(value, str) and _DAY.match(value) else value


def _text(value: Any) -> str:
    """A recorded fact in words; empty when nothing is recorded."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return "; ".join(_text(entry) for entry in value)
    if isinstance(value, dt.date):
        return _day(value)
    return "" if value is None else str(value)


def _image(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()


def _day(day: dt.date) -> str:
    return f"{day.day} {day:%b %Y}"
