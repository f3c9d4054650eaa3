"""A grid of cells, each a value with the mark of its status; what is withheld says so in its place."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mrm.measures.charts.theme import LABEL, MARKS, NOTE, WIDTH, Theme, folded, number, svg

_ROW, _NAMES, _HEAD = 0.3, 1.55, 0.42


@dataclass(frozen=True, slots=True)
class GridCell:
    """A value, or the word that stands in its place; `status` as in the results."""

    value: float | None
    status: str
    word: str = ""


@dataclass(frozen=True, slots=True)
class CellGrid:
    """Rows and columns by name; `cells` by (row, column), absent where there is nobody."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[tuple[str, str], GridCell]
    row_title: str
    column_title: str


def draw_cells(data: CellGrid, theme: str) -> str:
    """The grid, 7.1 inches wide; watch and fail are tinted in grey besides their marks."""
    names = [folded(name, NOTE, _cell_width(data) - 0.08) for name in data.columns]
    head = _HEAD + 0.13 * max((name.count("\n") for name in names), default=0)
    height = head + _ROW * len(data.rows) + 0.12

    def paint(figure: Figure, inks: Theme) -> None:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, WIDTH)
        axes.set_ylim(0, height)
        axes.axis("off")
        top = height - head
        axes.text(0.02, top + 0.05, data.row_title, fontsize=NOTE, color=inks.secondary, va="bottom")
        axes.text(_NAMES, height - 0.05, data.column_title, fontsize=NOTE, color=inks.secondary, va="top")
        for column, name in enumerate(names):
            x = _NAMES + (column + 0.5) * _cell_width(data)
            axes.text(x, top + 0.05, name, fontsize=NOTE, ha="center", va="bottom", linespacing=1.0)
        for place, row in enumerate(data.rows):
            y = top - (place + 1) * _ROW
            axes.text(0.02, y + _ROW / 2, folded(row, NOTE, _NAMES - 0.1), fontsize=NOTE, va="center", linespacing=0.95)
            for column, name in enumerate(data.columns):
                _cell(
                    figure, data.cells.get((row, name)), _NAMES + column * _cell_width(data), y, _cell_width(data), inks
                )

    return svg(theme, height, paint)


def describe_cells(data: CellGrid, what: str) -> str:
    """The lowest value by name, and how many cells fail, are watched, too small or withheld."""
    shown = {key: cell for key, cell in data.cells.items() if cell.value is not None}
    withheld = sum(cell.word == "withheld" for cell in data.cells.values())
    counts = ", ".join(
        f"{count} {word}"
        for status, word in (
            ("fail", "fail"),
            ("watch", "to watch"),
            ("insufficient", "too small to judge or withheld"),
        )
        if (count := sum(cell.status == status for cell in data.cells.values()))
    )
    said = f"{len(data.rows)} by {len(data.columns)} cells of {what}: {counts or 'none beyond a limit'}."
    if withheld:
        said += f" {withheld} withheld."
    if shown:
        (row, column), cell = min(shown.items(), key=lambda each: each[1].value or 0.0)
        said += f" The lowest is {row}, {column} at {number(cell.value or 0.0)}."
    return f"{said} The numbers are in the table below."


def _cell_width(data: CellGrid) -> float:
    return min(1.3, (WIDTH - _NAMES - 0.02) / max(1, len(data.columns)))


def _cell(figure: Figure, cell: GridCell | None, x: float, y: float, wide: float, inks: Theme) -> None:
    axes = figure.axes[0]
    tint = {"fail": 0.22, "watch": 0.1}.get(cell.status if cell else "", 0.0)
    edge = Rectangle((x, y), wide, _ROW, facecolor=inks.secondary if tint else "none", alpha=tint or 1.0, linewidth=0)
    axes.add_patch(edge)
    axes.add_patch(Rectangle((x, y), wide, _ROW, facecolor="none", edgecolor=inks.axis, linewidth=0.6))
    if cell is None:
        axes.text(x + wide / 2, y + _ROW / 2, "nobody", fontsize=NOTE, ha="center", va="center", color=inks.secondary)
        return
    if cell.value is None:
        if cell.word == "withheld":
            axes.add_patch(Rectangle((x, y), wide, _ROW, facecolor=inks.band, edgecolor=inks.axis, linewidth=0.6))
        axes.text(
            x + wide / 2, y + _ROW / 2, cell.word or "–", fontsize=NOTE, ha="center", va="center", color=inks.secondary
        )
        return
    axes.text(x + wide / 2 + 0.08, y + _ROW / 2, number(cell.value), fontsize=LABEL, ha="center", va="center",
              fontweight="bold" if cell.status == "fail" else "normal")  # fmt: skip
    if cell.status in MARKS:
        ink, hollow = inks.status(cell.status), cell.status == "insufficient"
        axes.plot([x + wide / 2 - 0.24], [y + _ROW / 2], MARKS[cell.status], color=ink, markersize=4.5,
                  markerfacecolor="none" if hollow else ink)  # fmt: skip
