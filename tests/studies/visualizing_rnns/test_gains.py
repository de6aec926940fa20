import numpy as np
import pytest

from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.studies.library.visualizing_rnns.gains import by_group, gains
from unitscope.studies.library.visualizing_rnns.held_out import HeldOut


@pytest.fixture
def held_out():
    return HeldOut(np.random.default_rng(0).integers(0, 3, (30, 41)), Vocabulary(("a", "\r", "c", "d")))


def test_a_gain_is_a_difference_of_means(held_out):
    dice = np.random.default_rng(1)
    p, q = dice.random((2, 30, 40))
    p[held_out.targets == 1] += 1
    found = gains(held_out, np.log(p), np.log(q))
    for symbol, name in enumerate("a\rc"):
        where = held_out.targets == symbol
        gain = found.of(name)
        assert gain.mean == pytest.approx(p[where].mean() - q[where].mean())
        # About two standard errors wide on either side; characters are independent here.
        error = np.sqrt((p - q)[where].var() / where.sum())
        assert 2.8 * error < gain.high - gain.low < 5.2 * error
    assert found.order()[0] == 1
    assert found.of("\r").low > 0.9
    ahead, behind = found.views("net", "n-gram")
    assert ahead.rows[0][0] == r"'\r'"
    assert {row[0] for row in [*ahead.rows, *behind.rows]} == {"'a'", r"'\r'", "'c'"}


def test_a_symbol_that_does_not_occur(held_out):
    found = gains(held_out, np.full((30, 40), -1.0), np.full((30, 40), -1.0))
    with pytest.raises(InputError, match="does not occur"):
        found.of("d")
    with pytest.raises(InputError, match="does not occur"):
        found.of("x")


def test_sums_by_group():
    group = np.array([[0, 2, -1], [2, 2, 0]])
    assert by_group(group, 3).tolist() == [[1, 0, 1], [1, 0, 2]]
    assert by_group(group, 3, np.array([[1.0, 2, 9], [3, 4, 5]])).tolist() == [[1, 0, 2], [5, 0, 7]]
