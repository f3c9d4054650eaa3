"""The rows of a run counted anew by columns of its data set: legitimate factors, or the period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow.parquet as pq

from mrm.measures.evaluation.scored import Scored
from mrm.measures.evaluation.spec import RunSpec
from mrm.measures.fairness.banding import periods, segments
from mrm.measures.results import EvaluationFailed
from mrm.measures.tables import ParquetBatch, Summary, summaries


def by_columns(spec: RunSpec, rows: Scored, wanted: Sequence[tuple[str, ...]]) -> list[Summary]:
    """A table of groups for every set of named columns, by these as well, in one reading of the rows.

    Raises `EvaluationFailed` on columns that cannot be used so.
    """
    names = list(dict.fromkeys(name for each in wanted for name in each))
    if not names:
        return []
    present = pq.read_schema(spec.dataset).names
    if missing := [name for name in names if name not in present]:
        raise EvaluationFailed(f"The data set has no column {', '.join(missing)}.")
    scored = pq.read_table(rows.file)
    data = pq.read_table(spec.dataset, columns=names)
    for name in names:
        if name in scored.column_names:
            raise EvaluationFailed(f"The column {name} cannot be a segment: it is what is evaluated.")
        scored = scored.append_column(name, (periods if name == spec.period else segments)(data[name], name))
    target = spec.folder / "by-columns.parquet"
    pq.write_table(scored, target)
    try:
        tables = [replace(rows.summary.spec, segments=each) for each in wanted]
        return summaries(ParquetBatch(target, spec.protected), tables, spec.engine)
    except ValueError as error:
        raise EvaluationFailed(str(error)) from error
    finally:
        target.unlink()
