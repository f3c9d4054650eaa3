"""What a run says of scores that a model gave elsewhere."""

from collections.abc import Mapping
from typing import Any


def scored_through(pins: Mapping[str, Any]) -> str:
    """Where, when and how the rows were scored that no model was run for here; empty for other runs."""
    found = pins.get("endpoint")
    if not found:
        return ""
    version = found["served_version"] or found["version"]
    moment = str(found["scored_at"])[:16].replace("T", " ")
    return (
        f"Scored through {found['address']}, model {found['model']}{f' {version}' if version else ''}, on {moment} UTC:"
        f" {int(found['scored_rows']):,} rows, at most {int(found['rows']):,} in one request. The answers are kept under SHA-256"
        f" {found['answers_sha256'][:12]}…; that the endpoint runs the artifact on record is not proven by them."
    )
