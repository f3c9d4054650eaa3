"""Which data may be scored for what, in which parts, and how long that takes: pure rules."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MOST_PARTS = 20_000


@dataclass(frozen=True)
class Piece:
    """Rows `first_row` up to `first_row + rows` of the data, which lie in one row group from `offset` on."""

    index: int
    row_group: int
    offset: int
    first_row: int
    rows: int


def pieces(groups: Sequence[int], part_rows: int) -> Iterator[Piece]:
    """One part for each row group, of which a large one is cut; the same file gives the same parts each time.

    `groups` holds the rows of each row group, in order; groups without rows have no part.
    """
    index = first = 0
    for group, size in enumerate(groups):
        for offset in range(0, size, part_rows):
            rows = min(part_rows, size - offset)
            yield Piece(index, group, offset, first, rows)
            index, first = index + 1, first + rows


def too_many_parts(groups: Sequence[int], part_rows: int) -> str | None:
    """Each part is a process and a line on record; a file of many tiny row groups is written anew first."""
    count = sum(-(-size // part_rows) for size in groups)
    if count > MOST_PARTS:
        return (
            f"The data lie in {count:,} row groups; at most {MOST_PARTS:,} are scored. Write the file with larger ones."
        )
    return None


def not_scorable(data: str, columns: Sequence[str], rows: int, protected: bool, features: Sequence[str]) -> str | None:
    """Why these data cannot be scored, or None: they hold every feature, rows, and no protected attributes."""
    if protected:
        return f"{data} holds protected attributes, which no model is given; choose the data without them."
    if not features:
        return "The version does not name its features, so nobody can tell which columns it takes."
    if absent := [name for name in features if name not in columns]:
        held = ", ".join(columns[:12])
        return f"{data} has no column {', '.join(absent)}, which the version takes; it has {held}."
    if rows < 1:
        return f"{data} holds no rows."
    return None


def not_an_approved_use(use: str, uses: Sequence[str]) -> str | None:
    """A version is approved for the uses on the model's record, and for no other."""
    if use in uses:
        return None
    if not uses:
        return "The model's record names no approved use; its owner names them before it is scored with."
    return f"{use or 'Nothing'} is no approved use of this model; it is approved for {', '.join(uses)}."


def not_the_pinned(pinned: str, standing: str | None) -> str | None:
    """A run ends with the approval it was started under, also where another took its place."""
    if standing == pinned:
        return None
    return "The approval that this run was started under is no longer the one in force."


def seconds_left(rows_left: int, rows_done: int, seconds: float) -> float | None:
    """By the pace of the parts that are done; None before there is one."""
    return seconds * rows_left / rows_done if rows_done > 0 else None
