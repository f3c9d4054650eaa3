"""A bias report of a million people, from the Parquet with predictions to the printed file."""

import hashlib
import json
import resource
import tempfile
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from django.template.loader import render_to_string

from mrm.core import blobs
from mrm.core.canonical import plain
from mrm.measures.evaluation import RunOutcome, RunSpec
from mrm.measures.evaluation import run as measure
from mrm.measures.evidence import FairnessSettings
from mrm.measures.scoring import file_digest
from mrm.measures.synthetic import FEATURES, applications
from mrm.reporting.models import DocumentKind
from mrm.reporting.queries.bias import files
from mrm.reporting.services.check import check
from mrm.reporting.services.pages import PAGES
from mrm.reporting.services.pages.cover import cover
from mrm.reporting.services.pages.words import dated
from mrm.reporting.services.printing import print_report
from tests.bench.table import Row, wants

ROWS, GOAL_S = 1_000_000, 30.0
ATTRIBUTES = ("sex", "age_band", "region")
LIMITS = {
    "air": {
        "direction": "higher",
        "watch": 0.9,
        "fail": 0.8,
        "text": "watch below 0.90, fail below 0.80",
        "source": "bench",
    },
    "smd": {"direction": "absolute", "watch": 20, "fail": 30, "text": "watch from 20, fail from 30", "source": "bench"},
}


def run(wanted: list[str]) -> list[Row]:
    """Seconds of the wall: measuring with pairs of three attributes, two legitimate factors and a period; then printing."""
    if not wants(wanted, "bias report"):
        return []
    with tempfile.TemporaryDirectory(prefix="mrm-bench-report-") as name:
        spec = _spec(Path(name))
        began = _processor()
        outcome, measured = _timed(lambda: measure(spec))
        pages, printed = _timed(lambda: _printed(outcome))
        worked = _processor() - began
    total = measured + printed
    told = f"bias report of {ROWS:,} rows, {pages} pages"
    return [
        Row(f"{told}: measured", measured, "s", "", None),
        Row(f"{told}: laid out and printed", printed, "s", "", None),
        Row(f"{told}: processor time of all processes", worked, "CPU s", "", None),
        Row(f"{told}: from click to file", total, "s", f"under {GOAL_S:g} s", total < GOAL_S),
    ]


def _processor() -> float:
    """Processor seconds of this process and those it has waited for."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _spec(folder: Path) -> RunSpec:
    data, protected = applications(ROWS, seed=11)
    data["predicted"] = np.clip(1.35 - data["bureau_score"] / 640, 0, 1)
    data["decided_on"] = pd.Series(np.resize([f"2026-{month:02d}-15" for month in range(1, 13)], ROWS))
    data.to_parquet(folder / "data.parquet", row_group_size=131_072)
    protected.to_parquet(folder / "protected.parquet", row_group_size=131_072)
    return RunSpec(
        dataset=folder / "data.parquet", dataset_sha256=file_digest(folder / "data.parquet"), label="default",
        features=FEATURES, cutoff=0.35, favourable="below", folder=folder, predictions="predicted",
        protected=folder / "protected.parquet", protected_sha256=file_digest(folder / "protected.parquet"),
        kinds=frozenset({"bias"}), segments=("income", "loan_to_value"), period="decided_on", thresholds=LIMITS,
        fairness=FairnessSettings(references={"sex": "M"}, intersections=tuple(combinations(ATTRIBUTES, 2))),
    )  # fmt: skip


def _printed(outcome: RunOutcome) -> int:
    """Content, page and file as a worker makes them, of a record that is as small as it can be."""
    content = plain(_content(outcome, lambda svg: blobs.put_bytes(svg.encode()).sha256))
    embedded = files(content)
    page = _page(PAGES[DocumentKind.BIAS], dated(content))
    pdf = print_report(page, embedded)
    return check(pdf, {entry["name"]: entry["content"] for entry in embedded})


def _page(page: Any, content: dict[str, Any]) -> str:
    asked: Any = SimpleNamespace(
        ref="R-2026-00001", get_kind_display=lambda: "Bias report", requested_by=SimpleNamespace(name="Bench")
    )
    return render_to_string(page.template, {**cover(asked, "0" * 64), "content": content, **page.context(content)})


def _content(outcome: RunOutcome, keep: Callable[[str], str]) -> dict[str, Any]:
    found = outcome.as_dict()
    figures = [
        {**{key: value for key, value in each.items() if key not in {"light", "dark"}}, "sha256": keep(each["light"])}
        for each in found["figures"]
    ]
    named = {
        "ref": "DS-1",
        "name": "Applications",
        "rows": ROWS,
        "sha256": "0" * 64,
        "source": "",
        "columns": list(ATTRIBUTES),
    }
    return {
        "version": {"model": "Bench", "label": "1", "limitations": [], "status": "draft"}, "artifact": {"sha256": "0" * 64},
        "evaluation": {
            "ref": "EV-1", "kinds": ["bias"], "finished_at": None, "asked_by": "Bench", "dataset": named, "digest": _digest(found),
            "suite": {"title": "Bench", "version": "1", "digest": "0" * 64}, "thresholds": LIMITS, "pins": found["pins"],
            "settings": {"cutoff": "0.35", "favourable": "below", "references": [["sex", "M"]], "segments": ["income", "loan_to_value"],
                         "period": "decided_on", "label": "default", "positive": 1, "event_name": "Default"},
            "results": found["results"], "figures": figures, "crosscheck": found["crosscheck"], "counts": {}, "explanation": {},
        },
        "suite": {"regime": "", "purpose": "", "status": "default", "effective_from": None, "groups": {}, "sources": []},
        "scope": [], "protected": named, "dataset_source": "", "prepared": {"by": "Bench", "at": None, "parts": []},
        "reviews": [], "findings": [], "other_runs": [],
        "search": None,
    }  # fmt: skip


def _digest(found: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(found["results"], sort_keys=True).encode()).hexdigest()


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.monotonic()
    return work(), time.monotonic() - began
