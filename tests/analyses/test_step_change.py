import math

import numpy as np
import pytest
import torch
from planted import fold, one_site

from unitscope.analyses.step_change import LOWEST, PER_OCTAVE, StepChange

LENGTHS = [40, 1, 100, 7, 52]


def steps(x, lengths=LENGTHS):
    """Positions and changes of all steps within sequences."""
    parts = [part.double().numpy() for part in x.split(lengths)]
    return np.concatenate([np.arange(1, len(p)) for p in parts]), np.concatenate([np.diff(p, axis=0) for p in parts])


def test_mean_change_and_its_ratio_to_the_standard_deviation():
    x = torch.randn(200, 6).cumsum(0) + 50
    result = fold(StepChange(), one_site(x, LENGTHS, -math.inf, math.inf))
    _, changes = steps(x)
    assert result.steps == len(changes)
    np.testing.assert_allclose(result.change, np.abs(changes).mean(0), rtol=1e-6)
    np.testing.assert_allclose(result.relative, np.abs(changes).mean(0) / x.double().numpy().std(0), rtol=1e-5)


def test_white_noise():
    x = torch.randn(20000, 3)
    result = fold(StepChange(), one_site(x, low=-math.inf, high=math.inf))
    np.testing.assert_allclose(result.relative, 2 / math.sqrt(math.pi), rtol=0.03)


def test_the_norm_is_counted_by_position():
    x = torch.rand(200, 6) * torch.logspace(-3, 2, 200)[:, None]
    result = fold(StepChange(), one_site(x, LENGTHS))
    position, changes = steps(x)
    bins = np.floor((np.log2(np.linalg.norm(changes, axis=1)) - LOWEST) * PER_OCTAVE).astype(int)
    expected = np.zeros_like(result.norms)
    np.add.at(expected, (np.floor(np.log2(position)).astype(int), bins), 1)
    np.testing.assert_array_equal(result.norms, expected)


def test_the_pictures_of_the_norm():
    x = torch.zeros(64, 4)
    x[::2] = 1.0  # each step changes four units by 1: the norm is 2
    _, histogram, lines = fold(StepChange(), one_site(x)).views()
    assert histogram.counts == [63]
    assert histogram.edges == pytest.approx([2, 2 * 2 ** (1 / 8)])
    assert lines.x == [1, 2, 4, 8, 16, 32]
    assert lines.series[0].y == pytest.approx([2 * 2 ** (1 / 16)] * 6)


def test_units_that_stand_still():
    result = fold(StepChange(), one_site(torch.full((20, 2), 0.3)))
    assert result.change.tolist() == [0, 0]
    assert np.isnan(result.relative).all()


def test_sequences_of_one_token_have_no_steps():
    result = fold(StepChange(), one_site(torch.rand(3, 2), [1, 1, 1]))
    assert result.steps == 0
    assert np.isnan(result.change).all()
    assert len(result.views()) == 1
