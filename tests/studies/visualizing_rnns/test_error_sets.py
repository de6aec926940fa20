import numpy as np
import pytest

from unitscope.studies.library.visualizing_rnns.error_sets import error_sets


@pytest.fixture
def scores():
    dice = np.random.default_rng(0)
    common = dice.random((20, 50))
    return {name: np.log((common + dice.random((20, 50))) / 2).astype(np.float32) for name in ("a", "b", "c")}


def test_rates_and_overlaps_are_counts(scores):
    sets = error_sets(scores)
    wrong = {
        name: {*zip(*np.nonzero(np.exp(values.astype(float)) < 0.5), strict=True)} for name, values in scores.items()
    }
    for name, rate in sets.rates().items():
        assert rate.mean == pytest.approx(len(wrong[name]) / 1000)
        assert rate.low < rate.mean < rate.high
    overlap = sets.jaccard("a", "b")
    assert overlap.mean == pytest.approx(len(wrong["a"] & wrong["b"]) / len(wrong["a"] | wrong["b"]))
    assert overlap.low < overlap.mean < overlap.high
    regions = sets.regions(["a", "b", "c"])
    assert regions["a", "c"] == len((wrong["a"] & wrong["c"]) - wrong["b"])
    assert regions["a", "b", "c"] == len(wrong["a"] & wrong["b"] & wrong["c"])
    assert regions[("b",)] == len(wrong["b"] - wrong["a"] - wrong["c"])
    assert sum(regions.values()) == len(wrong["a"] | wrong["b"] | wrong["c"])


def test_views(scores):
    rates, overlap, venn = error_sets(scores).views()
    assert len(rates.rows) == 3
    assert overlap.values[0][0] == 1 and overlap.values[0][1] == overlap.values[1][0]
    assert sum(row[1] for row in venn.rows) == sum(error_sets(scores).regions(["a", "b", "c"]).values())
    assert len(error_sets({"a": scores["a"]}).views()) == 1
