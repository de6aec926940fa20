"""Quantiles against NumPy: exact while the tokens are few, else within the error that is stated."""

import math
import random

import numpy as np
import pytest
import torch
from planted import fold, one_site

from unitscope.analyses._sketch import Sketch
from unitscope.analyses.quantiles import LEVELS, Quantiles
from unitscope.errors import InputError

TOKENS = 120_000
ASKED = (0.005, 0.01, 0.5, 0.995)


def shapes() -> torch.Tensor:
    """Units that are hard in different ways: ``[token unit]``."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(TOKENS, 10, generator=generator)
    walks = noise[:, 2:4].reshape(-1, 400, 2).cumsum(1).reshape(TOKENS, 2)  # neighbours are alike
    time = torch.arange(TOKENS)[:, None].float()
    wild = noise[:, 4:5] ** 9  # a few values are huge
    gates = torch.sigmoid(20 * noise[:, 5:7])  # nearly all at either end
    still = 1000 + 1e-3 * noise[:, 7:8]
    return torch.cat([noise[:, :2], walks, time, -time, time % 2048, wild, gates, still, noise[:, 8:].relu()], 1)


def off(x: np.ndarray, found: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    """How far the share of values below each quantile is from what was asked, ``[level unit]``; ties count as right."""
    errors = np.empty((len(levels), x.shape[1]))
    for unit, values in enumerate(np.sort(x, 0).T):
        below, up_to = (np.searchsorted(values, found[:, unit], side) / len(values) for side in ("left", "right"))
        errors[:, unit] = np.maximum(0, np.maximum(below - levels, levels - up_to))
    return errors


def sketch(x: torch.Tensor, size: int = 4096, chunk: int = 3000) -> Sketch:
    made = Sketch(x.shape[1], size)
    for rows in x.split(chunk):
        made.add(rows)
    return made


def test_few_tokens_give_the_quantiles():
    x = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
    result = fold(Quantiles(), one_site(x, [100] * 5, low=-math.inf, high=math.inf))
    np.testing.assert_allclose(result.values, np.quantile(x.numpy(), LEVELS, axis=0), rtol=1e-5, atol=1e-6)
    assert (result.count, result.rank_error) == (500, 0)


def test_ranks_are_within_a_fifth_of_a_percent_and_mostly_within_the_stated_error():
    x = shapes()
    made = sketch(x)
    assert 0 < made.rank_error < 0.0005
    errors = off(x.numpy(), made.quantiles(ASKED), ASKED)
    assert errors.max() < 0.002
    assert (errors <= made.rank_error).mean() >= 0.95
    assert errors.max() < 3 * made.rank_error


def test_memory_hardly_grows():
    x = torch.rand(400_000, 1, generator=torch.Generator().manual_seed(0))
    assert sketch(x[:40_000]).rows < 3.5 * 4096
    assert sketch(x).rows < 3.5 * 4096


@pytest.mark.parametrize("seed", range(3))
def test_parts_merge_to_the_whole_within_the_stated_error(seed):
    x = shapes()
    dice = random.Random(seed)
    parts = [sketch(part, chunk=dice.randint(100, 5000)) for part in x.split(dice.randint(300, 20_000))]
    while len(parts) > 1:
        a, b = (parts.pop(dice.randrange(len(parts))) for _ in range(2))
        parts.append(a.merge(b))
    assert parts[0].count == TOKENS
    assert parts[0].rank_error < 0.001
    errors = off(x.numpy(), parts[0].quantiles(ASKED), ASKED)
    assert errors.max() < 0.002
    assert (errors <= parts[0].rank_error).mean() >= 0.95


def test_the_size_of_chunks_leaves_no_trace():
    x = torch.randn(20_000, 2, generator=torch.Generator().manual_seed(0))
    expected = sketch(x, 1024).quantiles(LEVELS)
    for chunk in (37, 512, 20_000):
        np.testing.assert_array_equal(sketch(x, 1024, chunk).quantiles(LEVELS), expected)


def test_labels_have_quantiles_too_and_undefined_ones_do_not_count():
    label = torch.arange(400).float()
    label[::2] = torch.nan
    never = torch.full((400,), torch.nan)
    source = one_site(torch.zeros(400, 1), [100] * 4, token_labels={"odd": label, "never": never})
    result = fold(Quantiles(of_labels=("odd", "never")), source)
    np.testing.assert_allclose(result.label_values[LEVELS.index(0.5)], [200.0, np.nan])
    np.testing.assert_allclose(result.label_means, [200.0, np.nan])


def test_undefined_values_are_left_out_of_a_sketch_of_many():
    random_numbers = torch.rand(TOKENS, 2, generator=torch.Generator().manual_seed(0))
    x = torch.where(random_numbers[:, :1] < 0.7, torch.nan, random_numbers[:, 1:])
    made = sketch(x)
    known = x[~x.isnan()].numpy()[:, None]
    errors = off(known, made.quantiles(ASKED), ASKED)
    assert errors.max() < 0.002  # of the third that is defined


def test_a_sketch_of_nothing_much_is_refused():
    with pytest.raises(InputError, match="at least 2 rows"):
        Sketch(1, 1)


@pytest.mark.parametrize("size", [2, 8, 32, 100, 512])
def test_sketches_of_any_size_end_and_keep_their_promise(size):
    """Also where levels are shorter than the blocks in which the lower ones are halved, and when many are merged."""
    x = torch.rand(20_000, 3, generator=torch.Generator().manual_seed(size))
    whole = Sketch(3, size)
    whole.add(x)
    parts = []
    for part in x.split(777):
        parts.append(Sketch(3, size))
        parts[-1].add(part)
    while len(parts) > 1:
        parts.append(parts.pop(0).merge(parts.pop(0)))
    for sketch in (whole, parts[0]):
        assert sketch.count == len(x)
        assert sum(sketch._rows(level) * 2**level for level in range(len(sketch.levels))) == len(x)
        off = np.abs((x.numpy()[:, None] <= sketch.quantiles([0.1, 0.5, 0.9])[None]).mean(0) - [[0.1], [0.5], [0.9]])
        assert off.max() <= max(2.5 * sketch.rank_error, 2e-3)
