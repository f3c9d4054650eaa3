"""Groups known as probabilities, and groups in a ranked list: tests of data that hold such columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mrm.measures.evaluation.bias.proxies import group_names
from mrm.measures.evaluation.scored import Scored
from mrm.measures.evaluation.spec import RunSpec
from mrm.measures.evidence import FairnessSettings
from mrm.measures.fairness.membership import summarise, weighted
from mrm.measures.fairness.ranking import ranking
from mrm.measures.groups import INTERSECTION
from mrm.measures.results import Result

MOST_PLACES = 50_000
NEEDS_PROBABILITIES = (
    "Name the columns of the protected data that hold probabilities of groups when the run is started."
)
NEEDS_RANK = "Name the column with each row's place in the list when the run is started."
Found = tuple[list[Result], dict[str, str]]


def by_probability(spec: RunSpec, rows: Scored, settings: FairnessSettings) -> Found:
    """Rates weighted by membership, or by the id of the test why there are none."""
    if "memberships" not in spec.asked("bias"):
        return [], {}
    given = spec.tests["memberships"]
    if not given["columns"]:
        return [], {"memberships": NEEDS_PROBABILITIES}
    names, columns = [[str(each[what]) for each in given["columns"]] for what in ("group", "column")]
    assert spec.protected is not None
    present = pq.read_schema(spec.protected).names
    if absent := [name for name in columns if name not in present]:
        return [], {"memberships": f"The protected data have no column {', '.join(absent)}."}
    try:
        people = pq.read_table(spec.protected, columns=["row_id", *columns]).to_pandas().set_index("row_id")
        keys = pq.read_table(rows.file, columns=["row_id"])["row_id"].to_pandas()
        weights = people.reindex(keys)[columns].to_numpy(np.float64)
        favoured = rows.scores < spec.cutoff if spec.favourable == "below" else rows.scores >= spec.cutoff
        good = 0.0 if spec.favourable == "below" else 1.0
        right = np.where(rows.known, (rows.labels == good).astype(np.int64), -1)
        table = summarise(str(given["attribute"]), tuple(names), weights, favoured, right)
        return weighted(table, str(given["reference"] or names[0]), settings, spec.thresholds), {}
    except ValueError as error:
        return [], {"memberships": str(error)}


def in_list(
    spec: RunSpec, compared: Sequence[Result], hidden: dict[str, frozenset[str | None]], settings: FairnessSettings
) -> Found:
    """Where groups stand in the list that a column ranks, or by the id of the test why that is not told."""
    if "ranked-list" not in spec.asked("bias"):
        return [], {}
    given = spec.tests["ranked-list"]
    column = str(given["column"])
    if not column:
        return [], {"ranked-list": NEEDS_RANK}
    if column not in pq.read_schema(spec.dataset).names:
        return [], {"ranked-list": f"The data set has no column {column} with the place in the list."}
    keys = _best_first(spec, column)
    if isinstance(keys, str):
        return [], {"ranked-list": keys}
    assert spec.protected is not None
    people, out = pq.read_table(spec.protected), list[Result]()
    places = pc.index_in(keys.cast(people["row_id"].type), value_set=people["row_id"].combine_chunks())
    tops = [int(each) for each in given["tops"] if each <= len(keys)]
    references = {each.attribute: each.reference for each in compared if each.measure == "air" and each.reference}
    try:
        for name, reference in references.items():
            if INTERSECTION not in name:
                groups = group_names(people[name].take(places), hidden[name]).tolist()
                out += ranking(groups, name, reference, tops, settings, spec.thresholds)
    except ValueError as error:
        return [], {"ranked-list": str(error)}
    return out, {}


def _best_first(spec: RunSpec, column: str) -> pa.ChunkedArray | str:
    """The row ids in the order of their places, or why there is no such order; rows without a place are not in the list."""
    table = pq.read_table(spec.dataset, columns=["row_id", column])
    kind = table[column].type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return f"Column {column} holds {kind}; the place in a list is a number, 1 for the best."
    table = table.filter(pc.is_valid(table[column]))
    if table.num_rows > MOST_PLACES:
        return f"The list has {table.num_rows:,} places; up to {MOST_PLACES:,} are looked at: rank fewer people."
    if pc.count_distinct(table[column]).as_py() < table.num_rows:
        return f"Two rows have the same place in column {column}; give every row its own."
    return table.take(pc.sort_indices(table, [(column, "ascending")]))["row_id"]
