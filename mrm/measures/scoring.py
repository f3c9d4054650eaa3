"""Running a model in a process of its own: limits, no network, no secrets, killed on time.

The caller never opens the artifact beyond hashing its bytes.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mrm.measures.estimates import Estimate
from mrm.measures.explanation.assessment import Doubt
from mrm.measures.explanation.attributions import Explanation, joined, load
from mrm.measures.process import HEARTBEAT_S, CannotScore, Progress, ScoringFailed, run_confined

KINDS = ("onnx", "skops", "xgboost", "lightgbm", "pickle")


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores written to `path`: a column `score`, and `row_id` if the input had one, in input order.

    `network` is "isolated" if the kernel gave the process none, "refused" if only Python code was
    refused one. `cpu_s` is what the predictions took of a processor, `memory_mb` the most that the
    process held.
    """

    path: Path
    rows: int
    sha256: str
    network: str
    seconds: float
    cpu_s: float
    memory_mb: float


def score(
    artifact_path: Path,
    kind: str,
    expected_sha256: str,
    parquet_in: Path,
    parquet_out: Path,
    features: Sequence[str],
    timeout_s: float = 600,
    memory_mb: int = 4_096,
    progress: Progress | None = None,
) -> Scored:
    """Score every row of `parquet_in` and write the scores to `parquet_out`.

    For classifiers the score is the probability of the last class. `progress(done, total)` counts
    rows; what it raises ends the process and is passed on. Raises `CannotScore` for kinds that are
    not run and artifacts that are refused, `ScoringFailed` otherwise, both with a sentence.
    """
    started = time.monotonic()
    rows = _ready(artifact_path, kind, expected_sha256, parquet_in, features)
    request = {"task": "score", "parquet_out": str(parquet_out.resolve())}
    request |= _request(artifact_path, kind, expected_sha256, parquet_in, features)
    answer = run_confined(request, timeout_s, memory_mb, progress)
    try:
        scores = pq.read_table(parquet_out, columns=["score"])["score"].to_numpy()
    except (OSError, ValueError, KeyError) as error:
        raise ScoringFailed("The model's output could not be read.", str(error)) from error
    if len(scores) != rows or not np.isfinite(scores).all():
        raise ScoringFailed(f"The model gave {np.isfinite(scores).sum()} usable scores for {rows} rows.")
    digest = file_digest(parquet_out)
    return Scored(
        parquet_out, rows, digest, answer["network"], time.monotonic() - started, answer["cpu_s"], answer["memory_mb"]
    )


def cost_of_explaining(
    artifact_path: Path, kind: str, expected_sha256: str, parquet_in: Path, folder: Path, features: Sequence[str],
    seed: int, *, rows: int = 20, background_rows: int = 1_000, timeout_s: float = 600, memory_mb: int = 4_096,
    progress: Progress | None = None,
) -> tuple[int, float]:  # fmt: skip
    """So many rows were explained, and the seconds of a processor that took; same errors as `score`."""
    count = min(rows, _ready(artifact_path, kind, expected_sha256, parquet_in, features))
    request = {"task": "explain", "seed": seed, "explain_rows": rows, "background_rows": background_rows, "exact": True,
               "part": (0, count), "npz_out": str((folder / "cost.npz").resolve())}  # fmt: skip
    request |= _request(artifact_path, kind, expected_sha256, parquet_in, features)
    return count, float(run_confined(request, timeout_s, memory_mb, progress)["cpu_s"])


def score_variants(
    artifact_path: Path,
    kind: str,
    expected_sha256: str,
    parquet_in: Path,
    parquet_out: Path,
    features: Sequence[str],
    rows: int,
    timeout_s: float = 600,
    memory_mb: int = 4_096,
    progress: Progress | None = None,
) -> list[NDArray[np.float64] | str]:
    """Score variants of the same `rows` rows, stacked in `parquet_in`, all in one process; same errors as `score`.

    For each variant its scores (rows,), or what the model said when it did not take it.
    """
    total = _ready(artifact_path, kind, expected_sha256, parquet_in, features)
    request = {"task": "variants", "parquet_out": str(parquet_out.resolve()), "rows": rows}
    request |= _request(artifact_path, kind, expected_sha256, parquet_in, features)
    answer = run_confined(request, timeout_s, memory_mb, progress)
    try:
        scores = pq.read_table(parquet_out, columns=["score"])["score"].to_numpy()
        refused = {int(number): str(said) for said, numbers in answer["refused"].items() for number in numbers}
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ScoringFailed("The model's output could not be read.", str(error)) from error
    if len(scores) != total or rows < 1 or total % rows:
        raise ScoringFailed(f"The model gave {len(scores):,} scores for {total:,} rows.")
    parts = scores.reshape(-1, rows)
    if not all(number in refused or np.isfinite(part).all() for number, part in enumerate(parts)):
        raise ScoringFailed("The model's output holds scores that are not numbers.")
    return [refused.get(number, part) for number, part in enumerate(parts)]


def explain_artifact(
    artifact_path: Path,
    kind: str,
    expected_sha256: str,
    parquet_in: Path,
    folder: Path,
    features: Sequence[str],
    seed: int,
    *,
    explain_rows: int = 200,
    background_rows: int = 10_000,
    timeout_s: float = 1_800,
    memory_mb: int = 4_096,
    progress: Progress | None = None,
    workers: int = 1,
) -> tuple[Explanation, Doubt]:
    """Explain rows chosen by `seed` against a background chosen by `seed`; same errors as `score`.

    With it comes what it is held against: some of the rows explained against a background drawn
    anew with replacement, and what other methods say the output depends on. The rows are divided
    among `workers` processes, each confined and limited by itself; how many there are does not
    change a number. `folder` takes their files.
    """
    rows = min(explain_rows, _ready(artifact_path, kind, expected_sha256, parquet_in, features))
    common = {"task": "explain", "seed": seed, "explain_rows": explain_rows, "background_rows": background_rows}
    common |= _request(artifact_path, kind, expected_sha256, parquet_in, features)
    bounds = [rows * i // workers for i in range(workers + 1)]
    parts = [(begin, end) for begin, end in pairwise(bounds) if end > begin]
    again = (folder / "again.npz").resolve()

    def explained(*, exact: bool) -> tuple[list[Explanation], dict[str, Any]]:
        asked: list[dict[str, Any]] = [
            {**common, "exact": exact, "part": part, "npz_out": str((folder / f"explained-{part[0]}.npz").resolve())}
            for part in parts
        ]
        asked[0]["again_out"] = str(again)  # one process that has started already does this too
        answers = together(asked, timeout_s, memory_mb, progress)
        return [_read(Path(each["npz_out"])) for each in asked], answers[0]

    found, answer = explained(exact=True)
    if len({each.method for each in found}) > 1:  # where one part had to leave the exact method, all do
        found, answer = explained(exact=False)
    fit = answer["surrogate"]
    return joined(found), Doubt(_read(again), tuple(answer["importance"]), Estimate(*fit) if fit else None)


def examine_artifact(
    artifact_path: Path,
    kind: str,
    expected_sha256: str,
    parquet_in: Path,
    folder: Path,
    features: Sequence[str],
    found: Explanation,
    plan: Mapping[str, Any],
    *,
    reference: Path | None = None,
    background_rows: int = 10_000,
    timeout_s: float = 1_800,
    memory_mb: int = 4_096,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """What the model answers once its rows are explained, by `examination.examine`; same errors as `score`."""
    _ready(artifact_path, kind, expected_sha256, parquet_in, features)
    source, target = (folder / "explained.npz").resolve(), (folder / "examined.json").resolve()
    found.save(source)
    request = {"task": "examine", "npz_in": str(source), "json_out": str(target), "background_rows": background_rows}
    request |= {**plan, "reference": str(reference.resolve()) if reference else None, "seed": found.seed}
    request |= _request(artifact_path, kind, expected_sha256, parquet_in, features)
    run_confined(request, timeout_s, memory_mb, progress)
    try:
        said: dict[str, Any] = json.loads(target.read_text())
    except (OSError, ValueError) as error:
        raise ScoringFailed("What the model was examined for could not be read.", str(error)) from error
    return said


def inspect_artifact(
    artifact_path: Path, kind: str, expected_sha256: str, limits: Mapping[str, int], timeout_s: float = 300,
    memory_mb: int = 4_096, progress: Progress | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What the file is and holds, looked through in a confined process: `inspection.Report` as a dict.

    `limits` are those of `inspection.Limits`. Raises `ScoringFailed`, with the sentence, if there is no answer.
    """
    if file_digest(artifact_path) != expected_sha256:
        raise ScoringFailed("The artifact's digest is not the one on record; it was not opened.")
    request = {"task": "inspect", "artifact": str(artifact_path.resolve()), "kind": kind, "sha256": expected_sha256}
    return run_confined({**request, "limits": dict(limits)}, timeout_s, memory_mb, progress)


def together(
    requests: Sequence[dict[str, Any]], timeout_s: float, memory_mb: int, progress: Progress | None
) -> list[dict[str, Any]]:
    """Serve all requests at once, each in a process of its own; the first that fails ends the others.

    `progress` is called here, in the caller's thread, with the sums over all.
    """
    stop, counts = threading.Event(), [(0, 0)] * len(requests)

    def serve(number: int) -> dict[str, Any]:
        def tell(done: int, total: int) -> None:
            if stop.is_set():
                raise ScoringFailed("Another part of the work failed.")
            counts[number] = (done, total)

        return run_confined(requests[number], timeout_s, memory_mb, tell)

    with ThreadPoolExecutor(len(requests)) as pool:
        served = [pool.submit(serve, number) for number in range(len(requests))]
        waited = set(served)
        try:
            while waited:
                ended, waited = wait(waited, HEARTBEAT_S, FIRST_EXCEPTION)
                if progress is not None:
                    progress(sum(done for done, _ in counts), sum(total for _, total in counts))
                for each in ended:
                    each.result()
        except BaseException:
            stop.set()
            raise
    return [each.result() for each in served]


def _read(path: Path) -> Explanation:
    try:
        return load(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ScoringFailed("The explanation could not be read.", str(error)) from error


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _ready(artifact: Path, kind: str, sha256: str, parquet_in: Path, features: Sequence[str]) -> int:
    """Rows to score, once everything that can be checked without the model holds."""
    if kind not in KINDS:
        raise CannotScore(
            f"Models stored as {kind} are not run here, only {', '.join(KINDS[:-1])} and {KINDS[-1]}."
            " Score the data where the model lives and upload the predictions instead."
        )
    if file_digest(artifact) != sha256:
        raise ScoringFailed("The artifact's digest is not the one on record; it was not run.")
    parquet = pq.ParquetFile(parquet_in)
    missing = [name for name in features if name not in parquet.schema_arrow.names]
    if missing:
        raise ScoringFailed(f"The data has no column {', '.join(missing)}.")
    return int(parquet.metadata.num_rows)


def _request(artifact: Path, kind: str, sha256: str, parquet_in: Path, features: Sequence[str]) -> dict[str, Any]:
    return {
        "artifact": str(artifact.resolve()),
        "kind": kind,
        "sha256": sha256,
        "parquet_in": str(parquet_in.resolve()),
        "features": list(features),
    }
