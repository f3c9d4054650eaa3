"""Charts: equal data, equal bytes; words that say the message."""

import re

import pytest

from mrm.measures import charts
from mrm.measures.charts.theme import THEMES, WIDTH, bound, number, text_width

FOREST = charts.Forest(
    (
        charts.ForestRow("Sex", "Female", 3_208, 0.819, 0.797, 0.842, "watch"),
        charts.ForestRow("Age", "62 and over", 26, 0.84, 0.59, 1.08, "insufficient"),
        charts.ForestRow("Age", "18-24", None, None, None, None, "insufficient", "Fewer than 11 people"),
        charts.ForestRow("Age", "25-39", 118, 0.74, 0.62, 0.85, "fail"),
    ),
    "Approval ratio",
    0.9,
    0.8,
)
BARS = [
    charts.Bar("debt", 0.3, 0.25, 0.36, "0.4", heading="x"),
    charts.Bar("income", 0.1, 0.08, 0.12, "7", heading="y"),
]
POINTS = [
    charts.CalibrationPoint(0.1, 0.12, 0.08, 0.16, 100),
    charts.CalibrationPoint(0.3, 0.2, 0.15, 0.26, 100),
]
SCORES = charts.Distribution((1, 2, 5, 9), (9, 6, 2, 1), 0.5)
DRAWINGS = {
    "forest": lambda theme: charts.draw_forest(FOREST, theme),
    "distribution": lambda theme: charts.draw_distribution(SCORES, theme),
    "calibration": lambda theme: charts.draw_calibration(POINTS, theme),
    "importance": lambda theme: charts.draw_importance(BARS, theme),
    "contributions": lambda theme: charts.draw_contributions(BARS, -1.0, -0.6, "log-odds", theme),
    "rates": lambda theme: charts.draw_rates(BARS, theme),
}


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
@pytest.mark.parametrize("theme", THEMES)
def test_equal_data_gives_equal_bytes_without_date_text_or_ground(draw, theme):
    first = draw(theme)
    assert first == draw(theme)
    assert "<dc:date>" not in first
    assert "<text" not in first
    assert 'width="511.2pt"' in first
    assert not re.search(r'id="patch_1">\s*<path[^>]*style="fill: #', first)
    assert THEMES[theme].secondary in first


def test_themes_differ_in_ink_only():
    light, dark = (re.sub(r"#[0-9a-f]{6}", "", DRAWINGS["forest"](theme)) for theme in ("light", "dark"))
    assert re.sub(r"(id|href|url)\S*", "", light).count("<path") == re.sub(r"(id|href|url)\S*", "", dark).count("<path")


def test_words_say_the_message_and_the_extremes():
    assert charts.describe_forest(FOREST) == (
        "Approval ratio of 4 groups: 1 below the fail limit, 1 to watch, 2 too small to judge. The lowest is 25-39 at 0.74"
        " (0.62 to 0.85); the numbers are in the table below."
    )
    assert "30.0 % predicted against 20.0 % observed" in charts.describe_calibration(POINTS)
    assert "debt (75.0 % of all)" in charts.describe_importance(BARS)
    assert "from 10.0 % (y: income) to 30.0 % (x: debt)" in charts.describe_rates(BARS)
    assert "From the average of \N{MINUS SIGN}1.00" in charts.describe_contributions(BARS, -1.0, -0.6, "log-odds")
    assert "score about 0.50 or more" in charts.describe_distribution(SCORES)


def test_withheld_groups_are_a_row_and_come_last():
    assert [line if isinstance(line, str) else line.group for line in FOREST.lines()] == [
        "Sex", "Female", "Age", "25-39", "62 and over", "18-24",
    ]  # fmt: skip


@pytest.mark.parametrize(("value", "text"), [(0.797, "0.797"), (0.803, "0.80"), (0.8, "0.80"), (0.62, "0.62")])
def test_bound_below_a_limit_gets_a_third_decimal(value, text):
    assert bound(value, (0.8, 0.9)) == text


def test_numbers_have_a_true_minus_and_no_negative_zero():
    assert (number(-1.234), number(-0.001), number(12_345.6, 1)) == ("\N{MINUS SIGN}1.23", "0.00", "12,345.6")


TIGHT = charts.Forest(
    (
        charts.ForestRow("Sex", "Female", 1_200, 0.84, 0.82, 0.87, "watch"),
        charts.ForestRow("Sex", "Male, and everybody whose papers say so", 1_200, 1.0, None, None, "info"),
        charts.ForestRow("Age", "18-24", None, None, None, None, "insufficient",
                         "Fewer than 11 people; counts and rates are withheld."),
    ),
    "Approval ratio",
    0.9,
    0.8,
    {"Sex": "Male, and everybody whose papers say so"},
)  # fmt: skip


def lines_of(drawing):
    """Every line of text with its left end and base line in points."""
    found = re.findall(r"<!-- (.+?) -->\s*<g [^>]*transform=\"translate\(([\d.]+) ([\d.]+)\)", drawing)
    return {words: (float(x), float(y)) for words, x, y in found}


def test_no_line_of_the_forest_leaves_the_page_or_reaches_the_counts():
    drawn = lines_of(charts.draw_forest(TIGHT, "light"))
    assert "are withheld." in " ".join(drawn)
    assert all(x + 72 * text_width(words, 7.5) < 72 * WIDTH for words, (x, _y) in drawn.items())
    counts = drawn["1,200"][0]
    groups = [words for words in drawn if drawn[words][0] < 20]
    # folded somewhere after these words; where exactly, the font that is in use decides
    assert any(words.startswith("Male, and everybody") for words in groups)
    assert all(drawn[words][0] + 72 * text_width(words, 8.5) < counts for words in groups)


def test_the_name_of_a_limit_stands_above_a_heading_it_would_touch():
    tight, wide = (lines_of(charts.draw_forest(data, "light")) for data in (TIGHT, FOREST))
    assert tight["0.80 screen"][1] < tight["n"][1] - 8
    assert abs(wide["0.80 screen"][1] - wide["n"][1]) < 2
