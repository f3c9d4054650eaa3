"""Spool files as a gateway writes them."""

import datetime as dt
import json
import secrets
import uuid
from pathlib import Path
from typing import Any

from mrm.deployment.models import Revision

NOBODY = "00000000-0000-4000-8000-000000000001"


def an_answer(revision: Revision | None = None, **said: Any) -> dict[str, Any]:
    """One line: what the revision's version answers, unless said otherwise."""
    version = revision.version if revision else None
    told = {
        "id": str(uuid.uuid4()),
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"),
        "endpoint": revision.deployment.endpoint if revision else "credit",
        "deployment": str(revision.deployment_id) if revision else NOBODY,
        "revision": revision.number if revision else 1,
        "role": "champion",
        "model": version.model.ref if version else "M-1",
        "version": version.label if version else "1.0.0",
        "digest": revision.artifact_sha256 if revision else "a" * 64,
        "approval": str(revision.approval_id) if revision else NOBODY,
        "unit": "5f" * 32,
        "rows": 1,
        "inputs": {"income": [0.25], "purpose": ['a\tcar \\ "boat"\n']},
        "outputs": {"probability": [0.125]},
        "micros": 812,
        "flags": [],
        "reason": "",
        "parent": None,
        "outcome": "served",
    }  # fmt: skip
    return told | said


def spooled(folder: Path, lines: list[dict[str, Any] | bytes], ending: str = ".jsonl") -> Path:
    """A file of the spool, complete as soon as its name says so."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    written = folder / f"{name}.open"
    written.write_bytes(
        b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    )
    return written.rename(folder / f"{name}{ending}")
