import json
import math

import numpy as np
import pytest

from unitscope.views import Field, Group, Heatmap, Histogram, Lines, Scatter, Series, Table, TokenText, rounded, to_json

VIEWS = [
    Table("t", [Field("a", "unit", "what a is"), Field("b")], [["site/0", 1.5], ["site/1", math.nan]], note="n"),
    Histogram("t", [0.0, 1.0, 2.0], [3.0, 4.0]),
    Lines("t", [1.0, 2.0], [Series("s", [0.5, 0.25], low=[0.0, 0.0], high=[1.0, 1.0])], "x", "y"),
    Heatmap("t", ["r"], ["c", "d"], [[0.1, math.inf]], -1.0, 1.0),
    Scatter("t", [Group("g", [0.0], [1.0], ["site/0"])], "x", "y", xrange=(0.0, 1.0)),
    TokenText("t", ["a", "\n", "⟦"], [0.0, -1.0, 1.0], -1.0, 1.0, mark=2),
]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: type(view).__name__)
def test_every_view_becomes_strict_json_that_names_it(view):
    written = json.loads(json.dumps(to_json(view), allow_nan=False))
    assert written["view"] == type(view).__name__
    assert written["title"] == "t"


def test_nested_parts_become_objects():
    assert to_json(VIEWS[0])["fields"][0] == {"name": "a", "kind": "unit", "help": "what a is"}
    assert to_json(VIEWS[2])["series"] == [{"name": "s", "y": [0.5, 0.25], "low": [0.0, 0.0], "high": [1.0, 1.0]}]


def test_numbers_that_are_not_known_are_null():
    assert to_json(VIEWS[0])["rows"] == [["site/0", 1.5], ["site/1", None]]
    assert to_json(VIEWS[3])["values"] == [[0.1, None]]


def test_floats_keep_seven_digits_and_whole_numbers_all():
    view = Table("t", [Field("a")], [[math.pi, 123456789, 1 / 3e9, np.float32(0.1), np.int64(2**53 + 1), True, None]])
    assert to_json(view)["rows"] == [[3.141593, 123456789, 3.333333e-10, 0.1, 2**53 + 1, True, None]]


def test_many_numbers_are_rounded_as_one_is():
    draw = np.random.default_rng(0)
    values = (draw.standard_normal(400) * 10.0 ** draw.integers(-30, 30, 400)).tolist()
    for some in (values, [0.0, -0.0, 1.0, 12345678.0, *values[:40], math.nan, math.inf]):
        one_by_one = [float(f"{value:.5g}") if math.isfinite(value) else None for value in some]
        assert rounded(some, 5) == one_by_one
    usual = [value for value in values if 1e-9 < abs(value) < 1e12]
    assert rounded(usual, 7) == [float(f"{value:.7g}") for value in usual]


def test_arrays_become_lists():
    view = Table("t", [Field("a")], [[np.array([0.5, np.nan]), np.array([3])]])
    assert to_json(view)["rows"] == [[[0.5, None], [3]]]
