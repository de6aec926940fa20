"""How much more text would decide a pair."""

import numpy as np
from scipy import stats

from unitscope.evidence.power import more_pieces


def test_so_many_more_pieces_decide_it_as_often_as_was_said():
    t, pieces, level = 1.5, 8, 0.01
    more = more_pieces(t, pieces, level)
    count = pieces + more
    draw = np.random.default_rng(0).normal(t / np.sqrt(pieces), 1, (20_000, count))
    decided = (stats.ttest_1samp(draw, 0, axis=1).pvalue <= level).mean()
    assert 0.78 < decided < 0.86
    fewer = (stats.ttest_1samp(draw[:, : count // 2], 0, axis=1).pvalue <= level).mean()
    assert fewer < 0.6


def test_what_is_decided_needs_none_and_what_no_text_decides_is_said():
    assert more_pieces(40.0, 10, 0.05) == 0
    for t in (0.0, np.nan, 1e-4):
        assert more_pieces(t, 10, 0.05) is None
