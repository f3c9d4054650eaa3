"""The confined process: opens one artifact, inspects or converts it, scores, explains or examines one file or
variants of it, and ends.

Run as a module. Reads one JSON request from standard input, writes JSON lines to standard output:
progress, then a result or an error with a sentence. Confines itself before anything else.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from mrm.measures.confinement import confine

BATCH = 65_536
DOUBTED = 50  # so many explained rows are explained again against another background
SAMPLE = 1_000  # rows on which other methods are tried
SAID = 200  # letters of what a model says when it fails


def main() -> int:
    """Serve the one request; the exit code is 0 if a result was written."""
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    request = json.loads(sys.stdin.readline())

    def say(**line: Any) -> None:
        channel.write(json.dumps(line) + "\n")

    try:
        network = confine(memory_mb=request["memory_mb"], cpu_s=request["cpu_s"])
        result = _serve(request, lambda done, total: say(done=done, total=total))
    except MemoryError:
        return _failed(channel, "memory", "")
    except Exception as error:
        cause = "refused" if "Refusal" in {each.__name__ for each in type(error).__mro__} else "failed"
        text = str(error) or type(error).__name__
        if "bad_alloc" in text or "allocate memory" in text:
            cause = "memory"
        return _failed(channel, cause, text if cause == "refused" else f"{type(error).__name__}: {text}"[:500])
    say(result={**result, "network": network})
    return 0


def _failed(channel: TextIO, cause: str, text: str) -> int:
    channel.write(json.dumps({"error": text, "cause": cause}) + "\n")
    return 1


def _serve(request: dict[str, Any], progress: Callable[[int, int], None]) -> dict[str, Any]:
    from mrm.measures.artifacts import OPENERS, Refusal  # limits come first

    content = Path(request["artifact"]).read_bytes()
    if hashlib.sha256(content).hexdigest() != request["sha256"]:
        raise Refusal("The artifact's digest is not the one on record.")
    if request["task"] == "inspect":
        from mrm.measures.inspection import Limits, inspect

        return inspect(content, request["kind"], Limits(**request["limits"])).as_dict()

    scorer, native = OPENERS[request["kind"]](content, request["features"])
    if request["task"] == "convert":
        from mrm.measures.conversion import converted

        made, converter = converted(native, request["kind"], len(request["features"]))
        Path(request["onnx_out"]).write_bytes(made)
        return {"converter": converter}
    serve = {"score": _score, "variants": _score_variants, "explain": _explain, "examine": _examine}[request["task"]]
    began = time.process_time()  # what it costs to load libraries and model is no cost of a prediction
    answer = serve(scorer, native, request, progress)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**answer, "cpu_s": time.process_time() - began, "memory_mb": peak}


def _score(scorer: Any, native: Any, request: dict[str, Any], progress: Callable[[int, int], None]) -> dict[str, Any]:
    import numpy as np  # limits come first
    import pyarrow as pa
    import pyarrow.parquet as pq

    from mrm.measures.artifacts import Refusal

    source, done = pq.ParquetFile(request["parquet_in"]), 0
    total = source.metadata.num_rows
    keys = ["row_id"] if "row_id" in source.schema_arrow.names else []
    fields = [source.schema_arrow.field(name) for name in keys] + [pa.field("score", pa.float64())]
    wanted = list(dict.fromkeys([*request["features"], *keys]))
    with pq.ParquetWriter(request["parquet_out"], pa.schema(fields), compression="zstd") as writer:
        for batch in source.iter_batches(BATCH, columns=wanted):
            scores = scorer(batch.select(request["features"]).to_pandas())
            if len(scores) != batch.num_rows:
                raise Refusal(f"The model gave {len(scores)} scores for {batch.num_rows} rows.")
            odd = np.flatnonzero(~np.isfinite(scores))
            if odd.size:
                raise Refusal(f"{odd.size} scores are not numbers, the first in row {done + int(odd[0]) + 1}.")
            columns = [batch.column(name) for name in keys] + [pa.array(scores)]
            writer.write_batch(pa.record_batch(columns, schema=pa.schema(fields)))
            done += batch.num_rows
            progress(done, total)
    return {"rows": done}


def _score_variants(
    scorer: Any, native: Any, request: dict[str, Any], progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """Scores of the same rows changed in many ways; a variant that the model does not take keeps the sentence why."""
    import numpy as np  # limits come first
    import pyarrow as pa
    import pyarrow.parquet as pq

    frame = pq.read_table(request["parquet_in"], columns=request["features"]).to_pandas()
    rows, refused = request["rows"], dict[str, list[int]]()
    found = np.full(len(frame), np.nan)
    for number, start in enumerate(range(0, len(frame), rows)):
        try:
            scores = scorer(frame.iloc[start : start + rows])
        except MemoryError:
            raise
        except Exception as error:  # a model may fail in any way; that it does on this variant is the finding
            refused.setdefault(f"{type(error).__name__}: {error}"[:SAID], []).append(number)
        else:
            if len(scores) == rows and np.isfinite(scores).all():
                found[start : start + rows] = scores
            else:
                refused.setdefault("The model gave no usable score for some of the rows.", []).append(number)
        progress(min(start + rows, len(frame)), len(frame))
    pq.write_table(pa.table({"score": found}), request["parquet_out"])
    return {"rows": len(frame), "refused": refused}


def _explain(scorer: Any, native: Any, request: dict[str, Any], progress: Callable[[int, int], None]) -> dict[str, Any]:
    import numpy as np  # limits come first

    begin, end = request["part"]
    frame, model = _rows(request["parquet_in"], request), _model(scorer, native, request)
    order = np.random.default_rng(request["seed"]).permutation(len(frame))
    background = frame.iloc[np.sort(order[: request["background_rows"]])]
    chosen = np.sort(order[::-1][: request["explain_rows"]])[begin:end]
    rows = _attribute(model, background, frame.iloc[chosen], request, request["npz_out"], progress)
    return {"rows": rows, **(_doubt(model, frame, order, request) if "again_out" in request else {})}


def _examine(scorer: Any, native: Any, request: dict[str, Any], progress: Callable[[int, int], None]) -> dict[str, Any]:
    from mrm.measures.explanation.attributions import load  # limits come first
    from mrm.measures.explanation.examination import examine

    found = load(Path(request["npz_in"]))
    reference = _rows(request["reference"], request) if request["reference"] else None
    frame, model = _rows(request["parquet_in"], request), _model(scorer, native, request)
    said = examine(model, frame, reference, found, request, progress)
    Path(request["json_out"]).write_text(json.dumps(said))
    return {"rows": found.n_rows}


def _rows(parquet: str, request: dict[str, Any]) -> Any:
    import pyarrow.parquet as pq  # limits come first

    return pq.read_table(parquet, columns=request["features"]).to_pandas()


def _model(scorer: Any, native: Any, request: dict[str, Any]) -> Any:
    """The model itself where an explainer may read it, else its outputs."""
    import pandas as pd  # limits come first

    return native if native is not None else (lambda matrix: scorer(pd.DataFrame(matrix, columns=request["features"])))


def _doubt(model: Any, frame: Any, order: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Some of the rows against another draw of the background, and what other methods say; counted as no progress."""
    import numpy as np  # limits come first

    from mrm.measures.explanation.capability import margin, matrix_of
    from mrm.measures.explanation.validity import permutation_importance, surrogate_fidelity

    size = min(request["background_rows"], len(frame))
    drawn = np.sort(np.random.default_rng([request["seed"], 1]).integers(0, len(frame), size))
    chosen = np.sort(order[::-1][: min(request["explain_rows"], DOUBTED)])
    _attribute(model, frame.iloc[drawn], frame.iloc[chosen], request, request["again_out"], lambda done, total: None)
    function, _ = margin(model, request["features"])
    sample = matrix_of(frame.iloc[np.sort(order[::-1][:SAMPLE])])
    found = {"importance": permutation_importance(function, sample, request["seed"]).tolist(), "surrogate": None}
    outputs = function(sample)
    if len(sample) > sample.shape[1] + 1 and np.ptp(outputs) > 0:
        fit = surrogate_fidelity(sample, outputs, request["seed"])
        found["surrogate"] = [fit.value, fit.lower, fit.upper, fit.method, fit.n, fit.reason]
    return found


def _attribute(
    model: Any, background: Any, rows: Any, request: dict[str, Any], target: str, progress: Callable[[int, int], None]
) -> int:
    from dataclasses import replace  # limits come first

    from mrm.measures.explanation.shapley import explain

    found = explain(model, background, rows, request["seed"], progress, exact=request["exact"])
    replace(found, rows=tuple(int(row) for row in rows.index)).save(Path(target))
    return found.n_rows


if __name__ == "__main__":
    sys.exit(main())
