"""Named reads of runs, and their results laid out for page and print."""

from mrm.evaluation.queries.compared import compared
from mrm.evaluation.queries.drawings import capability, figures_by_kind, tabled, what_stands
from mrm.evaluation.queries.elsewhere import scored_through
from mrm.evaluation.queries.explained import explained
from mrm.evaluation.queries.kinds import divided, domain_panel, kind_panels, performance_panel
from mrm.evaluation.queries.library import TITLES, explained_at, library, library_entry, suites_naming
from mrm.evaluation.queries.numbers import decimal, interval, shown
from mrm.evaluation.queries.panels import RUN_PANELS, run_panels
from mrm.evaluation.queries.records import (
    KEYS,
    OF_PRESENT_ENDPOINT,
    challengers_of,
    comparisons_visible_to,
    completed,
    dataset_choices,
    dictionaries_for,
    evidence,
    permission_of,
    permissions_visible_to,
    pickle_facts,
    protected_columns,
    runs_of,
    suites_for,
    visible_to,
    why_not_run_here,
)
from mrm.evaluation.queries.sheet import (
    CROSS,
    OF_POPULATION,
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
    "OF_PRESENT_ENDPOINT",
    "RUN_PANELS",
    "TITLES",
    "Cell",
    "GroupRow",
    "Sheet",
    "bias_sheet",
    "capability",
    "challengers_of",
    "chosen_group",
    "compared",
    "comparisons_visible_to",
    "completed",
    "dataset_choices",
    "decimal",
    "dictionaries_for",
    "divided",
    "domain_panel",
    "evidence",
    "explained",
    "explained_at",
    "figure_of",
    "figure_table",
    "figures_by_kind",
    "interval",
    "kind_panels",
    "library",
    "library_entry",
    "like_cases",
    "measure_rows",
    "performance_panel",
    "permission_of",
    "permissions_visible_to",
    "pickle_facts",
    "protected_columns",
    "results_document",
    "results_table",
    "run_panels",
    "runs_of",
    "scored_through",
    "shifts",
    "shown",
    "suites_for",
    "suites_naming",
    "tabled",
    "visible_to",
    "what_stands",
    "why_not_run_here",
]
