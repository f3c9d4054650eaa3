"""Reasons that are specific, principal and the same each time; dictionaries that cannot be used."""

import numpy as np
import pytest
from hypothesis import given as draw
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mrm.measures.explanation.dictionary import Dictionary, Reason
from mrm.measures.explanation.reasons import (
    baseline_of,
    codes_by_group,
    reasons_for,
    record,
)

FEATURES = ["balance", "limit", "late_payments", "inquiries", "age"]
REASONS = (
    Reason("R1", "Balances are high compared with limits", ("balance", "limit")),
    Reason("R2", "Payments were late", ("late_payments",)),
    Reason("R3", "Number of recent inquiries", ("inquiries",)),
)
WORDS = Dictionary("card", "1", REASONS, {"age": "Age is a prohibited basis."})
NOTHING = np.zeros(5)


def codes(values, baseline=NOTHING, dictionary=WORDS, adverse=1):
    found = reasons_for(np.array([values]), FEATURES, baseline, dictionary, adverse=adverse)
    return [(each.code, round(each.amount, 6)) for each in found[0]]


def test_features_of_one_factor_are_summed_and_an_excluded_one_never_speaks():
    assert codes([0.3, 0.4, 0.5, 0.1, 9.0]) == [("R1", 0.7), ("R2", 0.5), ("R3", 0.1)]


def test_only_what_counts_against_somebody_is_a_reason():
    assert codes([0.3, -0.4, 0.5, 0.0, 0.0]) == [("R2", 0.5)]
    assert codes([0.3, -0.4, 0.5, 0.0, 0.0], adverse=-1) == [("R1", 0.1)]
    assert codes([-0.3, -0.4, -0.5, 0.0, 0.0]) == []


def test_the_baseline_decides_which_reasons_are_given():
    approved = np.array([[0.0, 0.0, 0.6, -0.2, 0.0], [0.0, 0.0, 0.2, 0.0, 0.0]])
    person = [0.2, 0.0, 0.3, 0.0, 0.0]
    mean, best = (baseline_of(approved, kind, adverse=1) for kind in ("approved_mean", "best_attainable"))
    assert mean == pytest.approx([0, 0, 0.4, -0.1, 0])
    assert best == pytest.approx([0, 0, 0.2, -0.2, 0])
    assert codes(person, mean) == [("R1", 0.2), ("R3", 0.1)]
    assert codes(person, best) == [("R1", 0.2), ("R3", 0.2), ("R2", 0.1)]
    assert baseline_of(approved, "best_attainable", adverse=-1) == pytest.approx([0, 0, 0.6, 0, 0])


def test_small_reasons_are_left_out_and_shares_are_of_all_that_counted_against():
    found = reasons_for(np.array([[0.97, 0, 0.02, 0.01, 0]]), FEATURES, NOTHING, WORDS, adverse=1)[0]
    assert [(each.code, each.share) for each in found] == [("R1", pytest.approx(0.97)), ("R2", pytest.approx(0.02))]


def test_at_most_so_many_are_given_and_inquiries_beside_them():
    two = Dictionary("card", "1", REASONS, WORDS.excluded, most=2)
    assert codes([0.7, 0, 0.5, 0.1, 0], dictionary=two) == [("R1", 0.7), ("R2", 0.5)]
    named = Dictionary("card", "1", REASONS, WORDS.excluded, most=2, inquiries="R3")
    assert codes([0.7, 0, 0.5, 0.1, 0], dictionary=named) == [("R1", 0.7), ("R2", 0.5), ("R3", 0.1)]
    assert codes([0.1, 0, 0.5, 0.7, 0], dictionary=named) == [("R3", 0.7), ("R2", 0.5)]


def test_ties_go_by_the_order_of_the_dictionary():
    assert [code for code, _ in codes([0.2, 0, 0.2, 0.2, 0])] == ["R1", "R2", "R3"]


def test_a_feature_without_words_stops_the_work():
    with pytest.raises(ValueError, match="card 1 has no reason for zip; give it one, or exclude it and say why"):
        reasons_for(np.zeros((1, 6)), [*FEATURES, "zip"], np.zeros(6), WORDS, adverse=1)


@draw(arrays(np.float64, (3, 5), elements=st.floats(-1, 1)), st.permutations(range(5)))
def test_the_order_of_the_columns_changes_nothing(values, order):
    straight = reasons_for(values, FEATURES, NOTHING, WORDS, adverse=1)
    names = [FEATURES[i] for i in order]
    shuffled = reasons_for(values[:, order], names, NOTHING, WORDS, adverse=1)
    for one, other in zip(straight, shuffled, strict=True):
        assert {each.code: pytest.approx(each.amount) for each in one} == {each.code: each.amount for each in other}


@draw(arrays(np.float64, (4, 5), elements=st.floats(-1, 1)))
def test_reasons_are_adverse_ranked_and_add_up_to_no_more_than_everything(values):
    for found in reasons_for(values, FEATURES, NOTHING, WORDS, adverse=1):
        amounts = [each.amount for each in found]
        assert amounts == sorted(amounts, reverse=True)
        assert all(amount > 0 for amount in amounts)
        assert sum(each.share for each in found) <= 1 + 1e-12
        assert all(each.amount == pytest.approx(sum(part for _, part in each.features)) for each in found)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"reasons": (Reason("R1", "Insufficient score", ("balance",)),)}, "no specific reason"),
        ({"reasons": (Reason("R1", "Did not meet our internal standards", ("balance",)),)}, "no specific reason"),
        ({"reasons": (Reason("R1", " ", ("balance",)),)}, "needs words and at least one feature"),
        ({"reasons": (Reason("R1", "Balances are high", ()),)}, "needs words and at least one feature"),
        ({"reasons": (*REASONS, Reason("R4", "Limits are low", ("limit",)))}, "limit stands in the dictionary twice"),
        ({"reasons": (*REASONS, Reason("R1", "Limits are few", ("limits",)))}, "R1 stands in the dictionary twice"),
        (
            {"baseline": "zero"},
            "The baseline is one of approved_mean, best_attainable, points_below_average, points_below_maximum, not",
        ),
        ({"most": 0}, "At least one reason"),
        ({"inquiries": "R9"}, "No reason has the code R9"),
        ({"excluded": {"age": ""}}, "age is excluded without a word why"),
    ],
)
def test_a_dictionary_that_cannot_be_used_says_why(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        Dictionary(**{"id": "card", "version": "1", "reasons": REASONS, **change})


def test_what_is_kept_names_row_and_dictionary():
    row = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    found = reasons_for(np.array([[0.3, 0.4, 0, 0, 0]]), FEATURES, NOTHING, WORDS, adverse=1)[0]
    kept = record(row, found, WORDS)
    assert kept["dictionary"] == "card 1"
    assert kept["row_sha256"] != record(row + 1, found, WORDS)["row_sha256"]
    assert kept["reasons"] == [
        {"code": "R1", "text": "Balances are high compared with limits", "amount": pytest.approx(0.7), "share": 1.0,
         "features": [["balance", 0.3], ["limit", 0.4]]}
    ]  # fmt: skip


def test_codes_are_counted_by_group_and_small_groups_withheld():
    found = reasons_for(np.tile([0.3, 0.4, 0.5, 0, 0], (14, 1)), FEATURES, NOTHING, WORDS, adverse=1)
    groups = ["a"] * 11 + ["b"] * 2 + [None]
    assert codes_by_group(found, groups) == {"a": {"R1": 11, "R2": 11}}
