"""Which features of the data set stand in for a protected attribute."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mrm.measures.evaluation.spec import RunSpec
from mrm.measures.fairness.proxies import People, proxies
from mrm.measures.intervals import generator
from mrm.measures.results import Result

ROWS, DRAWS = 20_000, 500


def proxy_results(spec: RunSpec, hidden: dict[str, frozenset[str | None]]) -> tuple[list[Result], list[str]]:
    """Every feature against every attribute, on rows chosen by the seed; groups that are withheld take no part.

    With the results come sentences on what was left out.
    """
    assert spec.protected is not None
    present = pq.read_schema(spec.dataset).names
    features = [name for name in spec.features if name in present]
    if not features:
        return [], ["Features were not tested as proxies: the data set holds none of them."]
    data = pq.read_table(spec.dataset, columns=list(dict.fromkeys(["row_id", *features])))
    rows = data.num_rows
    data = data.take(np.sort(generator(spec.seed, "proxies").permutation(rows)[:ROWS]))
    columns = {name: values(data[name]) for name in features}
    people = pq.read_table(spec.protected)
    places = pc.index_in(data["row_id"].cast(people["row_id"].type), value_set=people["row_id"].combine_chunks())
    out: list[Result] = []
    for name in (each for each in people.column_names if each in hidden):
        groups = group_names(people[name].take(places), hidden[name])
        if len({each for each in groups if each is not None}) > 1:
            out += proxies(People(columns, name, groups, spec.seed, DRAWS, spec.workers), spec.thresholds)
    if rows <= ROWS:
        return out, []
    return out, [f"Features were tested as proxies on {ROWS:,} rows chosen by the seed."]


def values(column: pa.ChunkedArray) -> NDArray[np.generic]:
    """A feature as numbers, or as names."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return np.asarray(column.cast(pa.float64()).to_numpy())
    return np.array([str(each) for each in column.to_pylist()], dtype=object)


def group_names(column: pa.ChunkedArray, hidden: frozenset[str | None]) -> NDArray[np.object_]:
    """Groups by the names that the table of counts gives them."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    named = [None if each is None else each.strip() or None for each in column.cast(pa.string()).to_pylist()]
    return np.array([None if each in hidden or each == "nan" else each for each in named], dtype=object)
