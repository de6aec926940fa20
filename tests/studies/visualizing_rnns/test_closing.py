import numpy as np
import pytest

from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.studies.library.visualizing_rnns.closing import closing
from unitscope.studies.library.visualizing_rnns.held_out import HeldOut

SYMBOLS = "{}ab"


def held_out(*stretches):
    ids = [[SYMBOLS.index(letter) for letter in text] for text in stretches]
    return HeldOut(np.array(ids), Vocabulary(tuple(SYMBOLS)))


def test_brackets_are_matched_and_counted_by_distance():
    text = held_out("{a{b}aaa}b}", "}{}aaaaaaaa")
    p = np.full(text.targets.shape, 0.5)
    p[0, 3], p[0, 7], p[1, 1] = 0.1, 0.2, 0.3  # the target of place t stands at t - 1
    found = closing(text, {"net": np.log(p), "other": np.log(np.full(p.shape, 0.15))}, edges=(0, 2, 5, 10))
    assert found.count.tolist() == [1, 1, 1]
    assert found.unmatched == 2
    assert found.means["net"] == pytest.approx([0.3, 0.1, 0.2])
    assert [gain.mean for gain in found.gain("net", "other")] == pytest.approx([0.15, -0.05, 0.05])
    lines, gain, table = found.views("net", "other")
    assert [series.name for series in lines.series] == ["net", "other"]
    assert len(gain.series[0].y) == len(table.rows) == 3


def test_intervals_hold_what_is_true():
    dice = np.random.default_rng(0)
    text = held_out(*("{aa}" * 5 + "{" + "a" * 30 + "}" for _ in range(40)))
    p = dice.normal(0.5, 0.05, text.targets.shape).clip(0.01, 0.99)
    found = closing(text, {"net": np.log(p)}, edges=(0, 20, 40))
    assert found.count.tolist() == [200, 40]
    assert (found.low["net"] < 0.5).all() and (found.high["net"] > 0.5).all()
    near, far = found.high["net"] - found.low["net"]
    assert near < far < 0.05


def test_a_bin_without_cases_is_not_shown():
    found = closing(held_out("{a}aaaaaaa"), {"net": np.zeros((1, 9)), "other": np.zeros((1, 9))}, edges=(0, 5, 9))
    assert np.isnan(found.means["net"][1])
    assert len(found.views("net", "other")[2].rows) == 1


def test_a_text_without_brackets():
    with pytest.raises(InputError, match="the text has no"):
        closing(held_out("{a}"), {}, opening="(", closing=")")
