"""The verifier as a module, loaded from the one file that auditors get."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

from tests.audit.verifier.bundles import LOG, Files

PATH = Path(__file__).resolve().parent.parent.parent.parent / "deploy" / "verifier" / "verify.py"
_spec = importlib.util.spec_from_file_location("verify", PATH)
assert _spec is not None
assert _spec.loader is not None
verify: Any = importlib.util.module_from_spec(_spec)
sys.modules["verify"] = verify  # as an import would; its dataclasses look there
_spec.loader.exec_module(verify)


def report(files: Files, **options: Any) -> Any:
    """What the verifier says, with the log's key given unless another is."""
    return verify.check(verify.Memory(files), verify.Options(**{"keys": (LOG.vkey,), **options}))


def status(files: Files, **options: Any) -> int:
    """The exit status as a number, for files in memory."""
    try:
        found: int = report(files, **options).exit_status
    except verify.Unreadable:
        return 2
    return found


def states(files: Files, **options: Any) -> list[str]:
    """The state of the four verdicts in their order."""
    return [verdict.state for verdict in report(files, **options).verdicts.values()]


def sentence(files: Files, name: str, **options: Any) -> str:
    found: str = report(files, **options)[name].sentence
    return found
