"""Labels turned round within their documents."""

import numpy as np
import pytest
from planted_corpora import ar

from unitscope.evidence.shifts import turned


def drawn(seed, documents=8, n=400):
    draw = np.random.default_rng(seed)
    units = [ar(draw, n, 0.97, 12) + 3 * draw.standard_normal(12) for _ in range(documents)]
    labels = [np.zeros(n) for _ in range(documents)]
    for label in labels[:6]:
        label[draw.integers(n - 5) + np.arange(5)] = 1  # one event of five tokens
    return units, labels


def test_what_is_there_is_found_and_levels_of_documents_are_not():
    units, labels = drawn(0)
    for x, y in zip(units, labels, strict=True):
        x[:, 3] += 4 * y
    p = turned(units, labels, draws=2000)
    assert p[3] == pytest.approx(1 / 2001) and np.median(p) > 0.1


def test_nothing_is_found_as_often_as_it_should_be():
    p = np.concatenate([turned(*drawn(seed), draws=199, seed=seed) for seed in range(60)])
    assert (p <= 0.05).mean() < 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(p)) and 0.4 < p.mean() < 0.6


def test_a_turn_is_a_turn_of_the_label():
    draw = np.random.default_rng(2)
    x, y = draw.normal(size=(7, 1)), draw.random(7).round(2)
    sums = [abs(((x[:, 0] - x.mean()) * np.roll(y, k)).sum()) for k in range(7)]
    exact = np.mean(np.array(sums) >= sums[0] - 1e-9)
    assert turned([x], [y], draws=40_000)[0] == pytest.approx(exact, abs=0.01)


def test_without_the_label_there_is_no_test():
    assert np.isnan(turned([np.ones((5, 2))], [np.zeros(5)])).all()
    assert np.isnan(turned([np.ones((5, 2))], [np.arange(5.0)])).all()
