"""Named reads of runs, and their results laid out for page and print."""

from mrm.evaluation.queries.drawings import capability, figures_by_kind, what_stands
from mrm.evaluation.queries.explained import explained
from mrm.evaluation.queries.numbers import decimal, interval, shown
from mrm.evaluation.queries.panels import RUN_PANELS, run_panels
from mrm.evaluation.queries.records import (
    KEYS,
    completed,
    dataset_choices,
    dictionaries_for,
    evidence,
    protected_columns,
    runs_of,
    suites_for,
    visible_to,
)
from mrm.evaluation.queries.sheet import (
    CROSS,
    OF_POPULATION,
    TITLES,
    Cell,
    GroupRow,
    Sheet,
    bias_sheet,
    chosen_group,
    like_cases,
    measure_rows,
)
from mrm.evaluation.queries.shifts import shifts
from mrm.evaluation.queries.tables import figure_of, figure_table, results_document, results_table

__all__ = [
    "CROSS",
    "KEYS",
    "OF_POPULATION",
    "RUN_PANELS",
    "TITLES",
    "Cell",
    "GroupRow",
    "Sheet",
    "bias_sheet",
    "capability",
    "chosen_group",
    "completed",
    "dataset_choices",
    "decimal",
    "dictionaries_for",
    "evidence",
    "explained",
    "figure_of",
    "figure_table",
    "figures_by_kind",
    "interval",
    "like_cases",
    "measure_rows",
    "protected_columns",
    "results_document",
    "results_table",
    "run_panels",
    "runs_of",
    "shifts",
    "shown",
    "suites_for",
    "visible_to",
    "what_stands",
]
