"""The verifier on a million events: the quick look against hashing and tree alone, every check, and its memory."""

import hashlib
import json
import statistics
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from mrm.audit.log import tiles
from tests.bench import events, log_bundle
from tests.bench.ground import ROOT
from tests.bench.table import ROUNDS, Row

EVENTS, FEW = 1_000_000, 100_000
VERIFIER = ROOT / "deploy" / "verifier" / "verify.py"
SECONDS = 30
MEMORY = 1.10  # how much more a million may take than a tenth of it


def rows() -> list[Row]:
    whole, part = _bundle(EVENTS), _bundle(FEW)
    bare, quick, every = [], [], []
    memory = 0.0
    for _ in range(ROUNDS):
        bare.append(_hash_alone(whole))
        quick.append(_verify(whole, "--quick")[0])
        seconds, memory = _verify(whole)
        every.append(seconds)
    floor, look, all_checks = (statistics.median(values) for values in (bare, quick, every))
    few = _verify(part)[1]
    return [
        Row(f"verify --quick, {EVENTS:,} events", look, "s", "at most 2.00", look <= 2 * floor, "hashes and tree alone", floor,
            look / floor),
        Row(f"verify with every check, {EVENTS:,} events", all_checks, "s", f"at most {SECONDS} s", all_checks <= SECONDS),
        Row(f"verify, memory of a process, {EVENTS:,} events", memory, "MiB", f"at most {MEMORY:.2f}", memory <= MEMORY * few,
            f"with {FEW:,} events", few, memory / few),
    ]  # fmt: skip


def _bundle(count: int) -> Path:
    """A bundle of so many events, written once for each way of writing it."""
    source = b"".join(Path(str(module.__file__)).read_bytes() for module in (events, log_bundle))
    path = ROOT / "build" / f"bench-log-{count}-{hashlib.sha256(source).hexdigest()[:12]}.zip"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        for old in path.parent.glob(f"bench-log-{count}-*"):
            old.unlink()
        log_bundle.write(path, count)
    return path


# a process inherits the mark of the most memory from the one that starts it, so a small one stands in between
STARTER = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
told = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE).stdout
taken = time.perf_counter() - began
print(json.dumps([taken, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, json.loads(told)]))
"""


def _verify(bundle: Path, *more: str) -> tuple[float, float]:
    """Seconds from start to end of the command, and the most memory that one of its processes took, in MiB."""
    command = [sys.executable, str(VERIFIER), str(bundle), "--key", log_bundle.KEY.vkey, "--json", *more]
    ran = subprocess.run([sys.executable, "-c", STARTER, *command], stdout=subprocess.PIPE, check=True)
    taken, memory, told = json.loads(ran.stdout)
    states = [verdict["state"] for verdict in told["verdicts"]]
    if states != (["OK", "NOT CHECKED", "NOT CHECKED", "NOT CHECKED"] if more else ["OK", "NOT CHECKED", "OK", "OK"]):
        raise RuntimeError(f"the verifier said {told}")
    return taken, memory


def _hash_alone(bundle: Path) -> float:
    """Seconds to hash every payload and the whole tree in this one process, with the payloads at hand."""
    taken, row = 0.0, []
    with zipfile.ZipFile(bundle) as archive:
        for index in range(-(-EVENTS // tiles.WIDTH)):
            name = tiles.entries_path(index, tiles.tile_width(0, index, EVENTS))
            payloads = tiles.unpack_entries(archive.read(name))
            began = time.perf_counter()
            row.append(_root([hashlib.sha256(b"\x00" + payload).digest() for payload in payloads]))
            taken += time.perf_counter() - began
    began = time.perf_counter()
    _root(row)
    return taken + time.perf_counter() - began


def _root(row: list[bytes]) -> bytes:
    """Neighbours hashed level by level; an odd one goes up as it is, which gives the tree of RFC 6962."""
    while len(row) > 1:
        pairs = [hashlib.sha256(b"\x01" + row[at] + row[at + 1]).digest() for at in range(0, len(row) - 1, 2)]
        row = pairs + row[len(row) & ~1 :]
    return row[0]
