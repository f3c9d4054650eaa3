"""Digests, seed, settings and versions: what fixes the numbers of an evaluation."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mrm import __version__
from mrm.measures.evaluation.spec import RunSpec
from mrm.measures.results import plain

LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "duckdb", "fairlearn", "shap", "scikit-learn", "onnxruntime",
             "skops", "xgboost-cpu", "lightgbm", "woodelf-explainer", "matplotlib")  # fmt: skip


def pins(spec: RunSpec, network: str | None = None) -> dict[str, Any]:
    """Digests, seed, settings and versions that fix the numbers."""
    return {
        "artifact_sha256": spec.artifact_sha256 if spec.predictions is None and spec.answers is None else "",
        "dataset_sha256": spec.dataset_sha256,
        "protected_sha256": spec.protected_sha256,
        "reference_sha256": spec.reference_sha256,
        "seed": spec.seed,
        "model_kind": spec.model_kind,
        "tests": {kind: {name: plain(spec.tests[name]) for name in spec.asked(kind)} for kind in sorted(spec.kinds)},
        "domain": list(spec.domain),
        "cutoff": plain(spec.cutoff),
        "favourable": spec.favourable,
        "positive": plain(spec.positive),
        "features": list(spec.features),
        "predictions": spec.predictions,
        "endpoint": plain(dict(spec.endpoint)),
        "segments": list(spec.segments),
        "period": spec.period,
        "learner": spec.learner,
        "tolerance": spec.tolerance,
        "reasons": f"{spec.reasons['id']} {spec.reasons['version']}" if spec.reasons else "",
        "explain_rows": spec.explain_rows,
        "background_rows": spec.background_rows,
        "network": network,
        "versions": {name: version(name) for name in LIBRARIES},
        "code": f"{__version__}+{code_digest()[:12]}",
    }


def code_digest() -> str:
    """SHA-256 over this package's source, so that a changed formula is a changed pin."""
    root, total = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        total.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()
