import math

import numpy as np
import pytest

from unitscope.studies.value import (
    FAILS,
    HOLDS,
    OPEN,
    Value,
    above,
    below,
    between,
    equals,
    exact,
    missing,
    of_pairs,
    of_pieces,
    of_runs,
    reported,
    share,
    short,
)


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(0.6, 0.9, HOLDS), (0.1, 0.4, FAILS), (0.4, 0.6, OPEN), (math.nan, math.nan, OPEN)]
)
def test_a_verdict_follows_from_the_interval_and_the_bar(low, high, verdict):
    value = Value(0.5, low, high)
    assert above(0.5).verdict(value) == verdict
    turned = {HOLDS: FAILS, FAILS: HOLDS, OPEN: OPEN}
    assert below(0.5).verdict(value) == turned[verdict]


def test_as_good_as_equal():
    assert between(-0.1, 0.1).verdict(Value(0.0, -0.05, 0.05)) == HOLDS
    assert between(-0.1, 0.1).verdict(Value(0.0, -0.2, 0.05)) == OPEN
    assert between(-0.1, 0.1).verdict(Value(0.3, 0.2, 0.4)) == FAILS
    assert equals(8).verdict(exact(8)) == HOLDS
    assert equals(8).verdict(exact(7)) == FAILS
    assert reported().verdict(exact(7)) == OPEN


def test_what_a_network_without_skill_says_decides_nothing():
    assert above(0).verdict(exact(1).unless("the network is below its baseline")) == OPEN
    assert above(0).verdict(exact(1).unless("")) == HOLDS
    assert above(0).verdict(missing("no run")) == OPEN


def test_a_mean_over_runs_has_students_interval():
    value = of_runs([1.0, 2.0, 3.0, math.nan])
    assert value.mean == 2
    assert value.high - value.mean == pytest.approx(4.3027 / math.sqrt(3), rel=1e-4)
    assert "3 runs: 1, 2, 3" in value.note
    assert math.isnan(of_runs([1.0]).low)
    assert above(0).verdict(of_runs([1.0])) == OPEN
    assert above(0.5).verdict(of_runs([1.0, 1.0, 1.0])) == HOLDS
    assert of_runs([]).why_not


def test_pairs_are_taken_together():
    value = of_pairs([1.1, 2.1, 3.11], [1.0, 2.0, 3.0])
    assert value.mean == pytest.approx(0.31 / 3)
    assert above(0).verdict(value) == HOLDS


def test_a_share_of_trainings_is_wilsons():
    value = share({"a": True, "b": True, "c": False})
    assert value.mean == pytest.approx(2 / 3)
    assert "2 of 3 (a, b)" in value.note
    assert above(0.5).verdict(value) == OPEN
    assert above(0.5).verdict(share([True] * 16)) == HOLDS
    assert above(0.5).verdict(share([False] * 16)) == FAILS


def test_pieces():
    value = of_pieces(np.array([2.0, 4.0, 6.0]), np.array([2.0, 2.0, 2.0]))
    assert value.mean == 2
    assert value.low < 2 < value.high


def test_numbers_are_short():
    assert [short(x) for x in (3.0, 0.12345, 0.000123, 1234.5, math.nan)] == ["3", "0.123", "0.000123", "1,234.5", "–"]
    assert str(Value(0.5, 0.25, 0.75)) == "0.500 (0.250 to 0.750)"
    assert str(exact(7)) == "7"
