"""The rows of a run counted anew by columns of its data set: legitimate factors, or the period."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq

from mrm.measures.evaluation.scored import Scored
from mrm.measures.evaluation.spec import RunSpec
from mrm.measures.fairness.banding import periods, segments
from mrm.measures.results import EvaluationFailed
from mrm.measures.tables import ParquetBatch, Summary, summarise


def by_columns(spec: RunSpec, rows: Scored, names: tuple[str, ...]) -> Summary:
    """The table of groups by named columns as well. Raises `EvaluationFailed` on columns that cannot be used so."""
    present = pq.read_schema(spec.dataset).names
    if missing := [name for name in names if name not in present]:
        raise EvaluationFailed(f"The data set has no column {', '.join(missing)}.")
    scored = pq.read_table(rows.file)
    data = pq.read_table(spec.dataset, columns=list(names))
    for name in names:
        strata = (periods if name == spec.period else segments)(data[name], name)
        if name in scored.column_names:
            raise EvaluationFailed(f"The column {name} cannot be a segment: it is what is evaluated.")
        scored = scored.append_column(name, pa.array(strata, pa.string()).dictionary_encode())
    target = spec.folder / "by-columns.parquet"
    pq.write_table(scored, target)
    try:
        table = replace(rows.summary.spec, segments=names)
        return summarise(ParquetBatch(target, spec.protected), table, spec.engine)
    except ValueError as error:
        raise EvaluationFailed(str(error)) from error
    finally:
        target.unlink()
