"""ModelScan in a process of its own, run by the Python of its own environment: confines itself, then scans one file.

Arguments: the folder of our package, the limits as JSON, then what ModelScan is to be told. Standard library only
besides ModelScan itself: nothing else of ours is installed there.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType


def main() -> None:
    """Ends the process with ModelScan's own exit code."""
    package, limits, *told = sys.argv[1:]
    from modelscan.cli import main as scan  # type: ignore[import-not-found]  # noqa: PLC0415  its own files are read before the limits close

    _ours(Path(package) / "measures" / "confinement.py").confine(**json.loads(limits))
    sys.argv = ["modelscan", *told]
    scan()


def _ours(file: Path) -> ModuleType:
    """One file of ours, without the package around it."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
