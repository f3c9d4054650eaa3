"""The golden rows as they were scored when a revision was verified: asked again at every look."""

import json
from typing import Any

from mrm.connectors.errors import ConnectorError
from mrm.connectors.protocol import Cap, Connector
from mrm.core import blobs
from mrm.core.refusal import Refused
from mrm.deployment.models import Revision, Variant
from mrm.deployment.policies import Drift, Kind

TOLERANCE = 1e-5
SECONDS = 10.0
Rows = dict[str, list[float]]


def keep(rows: Rows) -> str:
    """Store the rows under their digest."""
    return blobs.put_bytes(json.dumps(rows, sort_keys=True).encode()).sha256


def ask(place: Connector, variant: Variant, endpoint: str, rows: Rows) -> list[float]:
    """The probability of the last class, row by row, whatever shape the place answers in."""
    body = {
        "inputs": [
            {"name": name, "shape": [len(values), 1], "datatype": "FP32", "data": values}
            for name, values in rows.items()
        ]
    }
    named = variant.version.label if Cap.DECLARED_ONLY not in place.caps else None
    answer = place.predict(endpoint, named, body, timeout=SECONDS)
    count = len(next(iter(rows.values())))
    for output in answer["outputs"]:
        if output["datatype"].startswith("FP") and len(output["data"]) % count == 0:
            width = len(output["data"]) // count
            return [float(output["data"][row * width + width - 1]) for row in range(count)]
    raise Refused("The place answered no probabilities.")


def distance(here: list[float], there: list[float]) -> float:
    """The largest difference between what was answered here and there."""
    return max(abs(ours - theirs) for ours, theirs in zip(here, there, strict=True))


def differs(place: Connector, revision: Revision) -> Drift | None:
    """Whether every version there still answers the golden rows as it did when the revision was verified."""
    found = (_differs(place, revision, each) for each in revision.variants.all())
    return next((each for each in found if each), None)


def _differs(place: Connector, revision: Revision, variant: Variant) -> Drift | None:
    label = variant.version.label
    kept: dict[str, Any] = revision.proof_of(label).get("probe", {})
    if not kept.get("done") or "rows_sha256" not in kept:
        return None
    try:
        there = ask(place, variant, revision.deployment.endpoint, _read(kept["rows_sha256"]))
    except (ConnectorError, Refused, KeyError, TypeError, ValueError) as fault:
        return Drift(Kind.NOT_READY, f"The golden rows could not be scored there by version {label}. {fault}", label)
    largest = distance(kept["here"], there) if len(there) == len(kept["here"]) else float("inf")
    return Drift(Kind.BEHAVIOUR, otherwise(label, largest), label) if largest > TOLERANCE else None


def otherwise(label: str, largest: float) -> str:
    """What is said of a place whose version answers other than the approved bytes do."""
    return f"Version {label} answers otherwise there than the approved model: the golden rows differ by up to {largest:.6f}."


def _read(sha256: str) -> Rows:
    path = blobs.fetch(sha256)
    try:
        rows: Rows = json.loads(path.read_bytes())
        return rows
    finally:
        path.unlink()
