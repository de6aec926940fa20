"""Thresholds and cuts that are shares of all of the data, where its first tokens are not like the rest."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from planted import one_site
from torch import Tensor

from unitscope.concepts.fold import SAMPLE, fold
from unitscope.concepts.measures import MEASURES, fixed_levels
from unitscope.concepts.pairs import Hypotheses
from unitscope.source.arrays import Arrays

LENGTH, COUNT = 400, 200
TOKENS = LENGTH * COUNT
BATCHES = [list(range(first, first + 5)) for first in range(0, COUNT, 5)]
IOU = [MEASURES["iou"], MEASURES["iou-below"]]


counts: list[int] = []
"""Sequences, for each time that some are read."""


class Counting(Arrays):
    """A source that counts what is read of it."""

    def chunks(self, sites, labels=(), sequences=None):
        counts.append(len(self.sequences if sequences is None else sequences))
        return super().chunks(sites, labels, sequences)


class Given:
    """Labels of all tokens."""

    def __init__(self, y: Tensor, flags: Sequence[bool]) -> None:
        names = tuple(f"label {k}" for k in range(y.shape[1]))
        self.hypotheses = Hypotheses(names, np.array(flags), np.arange(len(flags)))
        self.y = y.reshape(COUNT, LENGTH, -1)

    def labels(self, sequences: Sequence[int]) -> Tensor:
        return self.y[list(sequences)].flatten(0, 1)


def made(drift: float) -> tuple[Arrays, Given, Tensor, Tensor]:
    """Two units that rise by ``drift`` in the second half; a common flag, a rare one and a number that follow them."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(TOKENS, 2, generator=generator)
    x[TOKENS // 2 :] += drift
    noise = torch.randn(TOKENS, generator=generator)
    common, rare = x[:, 0] + noise > drift, x[:, 1] + noise > drift + 3.4
    y = torch.stack([common.float(), rare.float(), x[:, 0] + noise], 1)
    source = one_site(x, [LENGTH] * COUNT, low=-np.inf, high=np.inf)
    counts.clear()
    return Counting(source.values, source.sequence_lengths), Given(y, (True, True, False)), x, y


def share_above(x: Tensor, thresholds: Tensor) -> np.ndarray:
    return (x > thresholds).float().mean(0).numpy()


def read(source, questions, measures, tolerance=None, progress=None):
    return fold(source, questions, {"planted": np.arange(2)}, measures, tolerance, progress, BATCHES)["planted"]


def test_the_highest_share_is_one_of_all_tokens() -> None:
    source, questions, x, y = made(drift=4.0)
    seen: list[tuple[int, int]] = []
    found = read(source, questions, [*IOU, MEASURES["auroc"]], progress=lambda done, total: seen.append((done, total)))
    scale = found.pairs.scale
    for level, threshold in zip(scale.levels, scale.thresholds, strict=True):
        assert np.abs(share_above(x, threshold) - (1 - level)).max() < 0.002
    at = scale.levels.index(0.995)
    assert share_above(x, scale.thresholds[at]) == pytest.approx([0.005, 0.005], rel=0.1)
    iou = MEASURES["iou"](found.pairs)
    for unit in range(2):
        above = x[:, unit] > float(np.quantile(x[:, unit], 0.995))
        for k, flag in enumerate((y[:, 0] > 0, y[:, 1] > 0, y[:, 2] > y[:, 2].median())):
            exact = float((above & flag).sum() / (above | flag).sum())
            assert iou[unit, k] == pytest.approx(exact, abs=0.01)
    assert sum(counts) == 2 * COUNT  # one read for the thresholds, one to count
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (2 * COUNT, 2 * COUNT)


def test_with_a_tolerance_only_a_fixed_share_is_worth_a_read() -> None:
    assert fixed_levels([MEASURES["auroc"], MEASURES["correlation"]]) == ()
    assert fixed_levels([MEASURES["auroc"], *IOU]) == (0.005, 0.995)
    source, questions, x, _ = made(drift=4.0)
    found = read(source, questions, [MEASURES["auroc"], MEASURES["jaccard"]], tolerance=1e-9)
    assert sum(counts) == COUNT
    # The edges of bins are quantiles of the first tokens.
    first = share_above(x[:SAMPLE], found.pairs.scale.thresholds[found.pairs.scale.levels.index(0.5)])
    assert first == pytest.approx([0.5, 0.5], abs=0.03)


def test_where_all_is_read_thresholds_are_of_all() -> None:
    source, questions, x, _ = made(drift=4.0)
    found = read(source, questions, [MEASURES["auroc"]])
    assert sum(counts) == 2 * COUNT
    middle = share_above(x, found.pairs.scale.thresholds[found.pairs.scale.levels.index(0.5)])
    assert middle == pytest.approx([0.5, 0.5], abs=0.002)


def test_a_number_is_a_flag_above_the_median_of_all_its_values() -> None:
    source, questions, _, y = made(drift=4.0)
    found = read(source, questions, [MEASURES["difference"]])
    assert float((y[:, 2] > found.pairs.scale.cut[2]).float().mean()) == pytest.approx(0.5, abs=0.002)
    assert found.pairs.scale.cut[:2].tolist() == [0.5, 0.5]
    assert sum(counts) == COUNT  # labels need no activations


def test_thresholds_are_read_until_their_part_of_the_error_is_small() -> None:
    whole = MEASURES["iou"](read(*made(drift=0.0)[:2], IOU).pairs)
    source, questions, x, _ = made(drift=0.0)
    common = Given(questions.y[..., :1].flatten(0, 1), (True,))
    found = read(source, common, IOU, tolerance=0.02)
    assert sum(counts) < COUNT  # both reads together
    assert np.abs(share_above(x, found.pairs.scale.thresholds[1]) - 0.005).max() < 0.002
    assert np.abs(MEASURES["iou"](found.pairs) - whole[:, :1]).max() < 0.02
    # A flag as rare as the share, which the unit follows, has all read: there each token counts.
    counts.clear()
    rare = Given(questions.y[..., 1:2].flatten(0, 1), (True,))
    found = read(source, rare, IOU, tolerance=0.002)
    assert sum(counts) == 2 * COUNT
