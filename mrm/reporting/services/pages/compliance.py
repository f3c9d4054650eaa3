"""The compliance report of a version: record, evidence, challenge, decision and what runs."""

import datetime as dt
from typing import Any

from mrm.reporting.services.pages.alternatives import search_page
from mrm.reporting.services.pages.evidence import FURTHER, run_page
from mrm.reporting.services.pages.words import day, in_words

MOST_EVENTS = 300
_VALID = "valid"
_KINDS = ("performance", "bias", "explainability")


def context(content: dict[str, Any]) -> dict[str, Any]:
    """What the template says beyond the cover."""
    runs = [run_page(run) for run in content["evaluations"]]
    by_kind = {kind: next((run for run in reversed(runs) if kind in run["kinds"]), None) for kind in _KINDS}
    return {
        "subject": f"{content['version']['model']} {content['version']['label']}",
        "fields": [{"label": field["label"], "text": in_words(field["value"])} for field in content["card"]["fields"]],
        "runs": runs,
        "performance": by_kind["performance"],
        "bias": by_kind["bias"],
        "explaining": by_kind["explainability"],
        "further": [
            {"title": title, "run": run, "rows": run["rows_of"][kind]}
            for kind, title in FURTHER.items()
            if (run := next((run for run in reversed(runs) if kind in run["kinds"]), None))
        ],
        **search_page(content["search"]),
        "verdict": _verdict(content),
        "actions": _actions(content),
        "open_findings": [finding for finding in _findings(content) if finding["open"]],
        "events": content["timeline"][-MOST_EVENTS:],
        "events_left": max(0, len(content["timeline"]) - MOST_EVENTS),
        "digests": _digests(content),
    }


def _verdict(content: dict[str, Any]) -> dict[str, str]:
    """Whether the version may be used, with the mark, and in one sentence why."""
    valid = next((approval for approval in content["approvals"] if approval["state"] == _VALID), None)
    if valid is None:
        return _not_in_force(content)
    waiting = [condition for condition in valid["conditions"] if not condition["met_on"]]
    until = day(valid["valid_until"])
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
