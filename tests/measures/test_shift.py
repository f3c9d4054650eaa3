"""Migration, concentration, concept drift, multivariate drift and rows outside the domain of use."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrm.measures.score_tables import score_table
from mrm.measures.stability.concept import promised_auc, rate_changes
from mrm.measures.stability.conditions import Between, OneOf, conditions, read
from mrm.measures.stability.domain import fit_density, outside
from mrm.measures.stability.edges import freeze
from mrm.measures.stability.migration import concentration, cross_table, migration
from mrm.measures.stability.multivariate import domain_classifier, fit_components, reconstruction_error
from mrm.measures.tables import Spec, summarise

CLASSES = st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("ABC")), min_size=1, max_size=40)


@settings(max_examples=40, deadline=None)
@given(CLASSES, CLASSES)
def test_migration_tables_add_up(a, b):
    def table(rows):
        before, after = zip(*rows, strict=True)
        return cross_table(before, after, "ABC")

    assert (table(a) + table(b) == table(a + b)).all()
    found = migration(table(a), draws=20)
    assert found.stayed.value + found.rose.value + found.fell.value == pytest.approx(1)


def test_migration_by_hand():
    found = migration([[8, 2, 0], [1, 6, 3], [0, 0, 10]])
    assert found.rates[1].tolist() == [0.1, 0.6, 0.3]
    assert (found.stayed.value, found.rose.value, found.fell.value) == pytest.approx((0.8, 5 / 30, 1 / 30))
    assert found.upper_bandwidth.value == pytest.approx((2 + 3) / (2 * 2 + 3 * 1))
    assert found.lower_bandwidth.value == 1
    assert migration([[1, 0], [0, 1]]).upper_bandwidth is None


def test_concentration_by_hand():
    found = concentration([50, 30, 20])
    assert found.value == pytest.approx(0.38)
    assert found.detail["normalised"] == pytest.approx((0.38 - 1 / 3) / (2 / 3))
    assert found.lower < found.value < found.upper
    assert concentration([0, 9]).value == 1


def test_a_changed_rate_is_found_in_its_band():
    rng, n = np.random.default_rng(31), np.full(5, 4_000)
    rates = np.array([0.01, 0.03, 0.06, 0.12, 0.25])
    before, same = rng.binomial(n, rates), rng.binomial(n, rates)
    changed = rng.binomial(n, rates + np.array([0, 0, 0.04, 0, 0]))
    assert rate_changes(before, n, same, n)[1].p > 0.01
    bands, joint = rate_changes(before, n, changed, n)
    assert joint.p < 1e-6
    assert [band.p_adjusted < 1e-4 for band in bands] == [False, False, True, False, False]
    assert bands[2].change.lower < 0.04 < bands[2].change.upper
    empty, _ = rate_changes([0, 1], [0, 9], [1, 1], [5, 9])
    assert (empty[0].change, empty[0].p_adjusted) == (None, None)


def test_probabilities_promise_what_comes_until_the_relation_changes():
    rng = np.random.default_rng(32)
    p = rng.beta(1, 6, 60_000)
    drawn = rng.random(p.size)

    def gap(truth):
        frame = pd.DataFrame({"y": (drawn < truth).astype(int), "s": p})
        return promised_auc(score_table(summarise(frame, Spec("y", "s", 0.2, "below"))))[1]

    stable, changed = gap(p), gap(np.where(p < 0.1, p, 0.1 + 0.3 * (p - 0.1)))
    assert stable.lower < 0 < stable.upper
    assert changed.lower > 0.02


@pytest.fixture(scope="module")
def batches():
    rng = np.random.default_rng(33)

    def draw(correlation):
        x = rng.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], 3_000)
        return {"a": x[:, 0], "b": x[:, 1], "c": rng.normal(size=3_000)}

    return draw(0.95), draw(0.95), draw(-0.5)


def test_a_classifier_tells_only_different_batches_apart(batches):
    reference, same, turned = batches
    assert domain_classifier(reference, same).value == pytest.approx(0.5, abs=0.03)
    found = domain_classifier(reference, turned)
    assert found.lower > 0.65
    assert found == domain_classifier(reference, turned)
    assert domain_classifier(reference, {**turned, "a": np.full(3_000, np.nan)}).value > 0.99


def test_components_find_columns_that_no_longer_move_together(batches):
    reference, same, turned = batches
    fit = fit_components(reference)
    assert len(fit.axes) == 1 or len(fit.axes) == 2
    assert reconstruction_error(fit, same)[1].p > 0.001
    estimate, test = reconstruction_error(fit, turned)
    assert estimate.lower > fit.error
    assert test.p < 1e-9


DOMAIN = conditions(
    [
        {"column": "state", "in": ["CA"]},
        {"column": "amount", "from": 1_000, "to": 50_000},
        {"column": "age", "from": 18},
    ]
)
APPLICANTS = pd.DataFrame(
    {
        "state": ["CA", "AZ", "CA", None, "CA"],
        "amount": [5_000.0, 9_000.0, 60_000.0, 2_000.0, np.nan],
        "age": [40, 30, 17, 50, 60],
    }
)


def test_the_arizona_applicant_of_a_california_model_is_named():
    state, amount, age = DOMAIN
    assert (state, amount) == (OneOf("state", ("CA",)), Between("amount", 1_000, 50_000))
    assert age == Between("age", 18, None)
    found = outside(APPLICANTS, DOMAIN)
    assert found.rates["condition"].value == 0.8
    assert {(each.row, each.reason) for each in found.rows} == {
        (2, "state is AZ; approved are CA."),
        (4, "state is missing; approved are CA."),
        (3, "amount is 60000; approved is 1000 to 50000."),
        (5, "amount is missing; approved is 1000 to 50000."),
        (3, "age is 17; approved is at least 18."),
    }
    short = outside(APPLICANTS, DOMAIN, most=2)
    assert (len(short.rows), short.found) == (2, 5)


def test_envelope_and_density_say_why():
    rng = np.random.default_rng(34)
    x = rng.multivariate_normal([0, 0], [[1, 0.95], [0.95, 1]], 5_000)
    reference = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "product": "card"})
    envelope, density = freeze(reference), fit_density({name: reference[name] for name in "ab"})
    batch = pd.DataFrame(
        {"a": [0.0, 9.0, 2.0, np.nan], "b": [0.0, 0.0, -2.0, 0.0], "product": ["card", "card", "loan", ""]}
    )
    found = outside(batch, envelope=envelope, density=density)
    assert [(each.row, each.layer) for each in found.rows] == [
        (2, "envelope"),
        (3, "envelope"),
        (2, "density"),
        (3, "density"),
    ]
    assert found.rows[0].reason.startswith("a is 9; the reference holds ")
    assert found.rows[1].reason == "product is loan; the reference holds no such value."
    assert found.rows[3].reason == "Of a, b the combination is rarer than 99% of the reference."
    assert outside(reference, density=density).rates["density"].value == pytest.approx(0.01, abs=1e-3)
    assert outside(reference, envelope=envelope).found == 0


@pytest.mark.parametrize(
    ("attempt", "sentence"),
    [
        (lambda: cross_table(["A"], ["X"], "AB"), "Row 1: 'X' is not among the classes A, B"),
        (lambda: cross_table(["A"], [], "AB"), "1 classes before and 0 after"),
        (lambda: migration([[1, 2]]), "as many classes after as before"),
        (lambda: migration([[0, 0], [0, 0]]), "holds no row"),
        (lambda: concentration([0, 0]), "hold no row"),
        (lambda: rate_changes([1], [2], [5], [4]), "Column events, band 1: 5 events of 4 rows"),
        (lambda: rate_changes([0], [2], [0], [4]), "No band has rows of both times and both outcomes"),
        (lambda: domain_classifier({"a": [1]}, {"b": [1]}), "in one only: a, b"),
        (lambda: domain_classifier({"a": [1]}, {"a": [1]}), "The reference batch has 1 rows"),
        (lambda: fit_components({"a": [1, 2]}), "need two columns and 100 rows"),
        (lambda: fit_components({"a": [1] * 100, "b": range(100)}), "Column a is constant"),
        (lambda: conditions([{"in": ["CA"]}]), "Condition 1 names no column"),
        (lambda: conditions([{"column": "state", "in": []}]), "Condition 1 on state cannot be read"),
        (lambda: conditions([{"column": "amount", "from": 5, "to": 1}]), "Condition 1 on amount cannot be read"),
        (lambda: outside(APPLICANTS.head(0), DOMAIN), "holds no row"),
        (lambda: outside(APPLICANTS[["age"]], DOMAIN), "no column state, amount; the domain of use asks"),
        (lambda: outside(APPLICANTS, [Between("state", 1, 2)]), "Column state holds .* not numbers"),
        (lambda: fit_density({"a": [1, 2]}), "needs more than 2 rows"),
        (lambda: fit_density({"a": range(9), "b": range(9)}), "one is constant or follows from others"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(attempt, sentence):
    with pytest.raises(ValueError, match=sentence):
        attempt()


def test_a_domain_is_written_in_sentences():
    said = ["state in CA, NV", "amount from 0 to 50000", "age from 18", "loan to value to 0.9"]
    assert read(said) == (
        OneOf("state", ("CA", "NV")), Between("amount", 0, 50_000), Between("age", 18, None),
        Between("loan to value", None, 0.9),
    )  # fmt: skip
    for line, sentence in (("only good people", "Condition 1, 'only good people', cannot be read; write it like: "),
                           ("state in CA,,NV", "cannot be read"), ("age from 9 to 2", "Condition 1 on age cannot")):  # fmt: skip
        with pytest.raises(ValueError, match=sentence):
            read([line])
