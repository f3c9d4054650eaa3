"""What runs with the product is licensed so that anybody may use it; where a package offers a choice, one fits."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
GOOD = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|LGPL|Lesser General|Unlicense|Zlib|HPND|PostgreSQL"
    r"|Public Domain|CC0|0BSD|CMU",
    re.IGNORECASE,
)


def requirement(line: str) -> str:
    return re.split(r"[\[<>=!~; ]", line)[0].lower().replace("_", "-")


def run_time() -> set[str]:
    """The declared dependencies and everything they bring."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting = {requirement(line) for line in project["dependencies"]}
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        found.add(name)
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            found.discard(name)
            continue
        waiting |= {requirement(line) for line in needs if "extra ==" not in line} - found
    return found


def licence(name: str) -> str:
    data = importlib.metadata.metadata(name)
    classifiers = [
        line.removeprefix("License :: ") for line in data.get_all("Classifier") or [] if line.startswith("License")
    ]
    stated = " ".join([data.get("License-Expression") or "", (data.get("License") or "")[:200], *classifiers])
    if stated.replace("OSI Approved", "").strip():
        return stated
    files = importlib.metadata.files(name) or []
    texts = [Path(str(file.locate())).read_text()[:200] for file in files if "LICENSE" in file.name.upper()]
    return " ".join(texts)


def test_run_time_licences_are_permissive_mpl_or_lgpl() -> None:
    names = run_time()
    assert len(names) > 60
    doubtful = {name: licence(name) for name in names if not GOOD.search(licence(name))}
    assert doubtful == {}


def test_every_dependency_says_what_for() -> None:
    lines = (ROOT / "pyproject.toml").read_text().split("dependencies = [")[1].split("\n]")[0].splitlines()
    for line in lines:
        assert not line.strip() or "#" in line, line


def test_the_lock_names_versions_with_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in "\n".join(line for line in lock.splitlines() if not line.lstrip().startswith("#"))
    for block in re.split(r"\n(?=[a-z0-9])", lock.split("\n#\n")[-1]):
        if re.match(r"[a-z0-9]", block):
            assert "--hash=sha256:" in block, block.splitlines()[0]
