"""AUC by pairs, and p against all divisions."""

import itertools

import numpy as np
import pytest

from unitscope.evidence.ranks import above


def test_the_chance_of_a_pair_and_its_p_are_those_of_brute_force():
    draw = np.random.default_rng(0)
    values = np.round(draw.normal(size=14), 1)  # with ties
    first, second = values[:6] + 1, values[6:]
    area, p = above(first, second)
    assert area == pytest.approx(np.mean([(a > b) + (a == b) / 2 for a in first for b in second]))
    both = np.concatenate([first, second])

    def auc(chosen):
        rest = np.delete(both, chosen)
        return np.mean(np.sign(both[list(chosen), None] - rest) / 2 + 0.5)

    every = np.array([auc(chosen) for chosen in itertools.combinations(range(14), 6)])
    assert p == pytest.approx((every >= area - 1e-9).mean(), abs=0.01)
