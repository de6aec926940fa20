import pytest
import torch

from unitscope.comparison.joint import LARGEST, Joint
from unitscope.errors import InputError

WIDTHS = (5, 3, 4)


def networks(tokens=60, seed=0):
    generator = torch.Generator().manual_seed(seed)
    common = torch.randn(tokens, 3, generator=generator, dtype=torch.float64)
    return [
        common @ torch.randn(3, units, generator=generator, dtype=torch.float64)
        + torch.randn(tokens, units, generator=generator, dtype=torch.float64)
        + 4
        for units in WIDTHS
    ]


def unbiased_hsic(x, y):
    """Song et al. 2012, equation 5, from the whole matrices."""
    n = len(x)
    k, m = x @ x.T, y @ y.T
    k.fill_diagonal_(0)
    m.fill_diagonal_(0)
    ones = torch.ones(n, dtype=torch.float64)
    trace = (k @ m).trace()
    middle = (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
    return float((trace + middle - 2 / (n - 2) * (ones @ k @ m @ ones)) / (n * (n - 3)))


def fields(joint):
    return [joint.total, joint.products, joint.weighted, joint.squares]


def test_blocks_are_those_of_torch():
    x = networks()
    joint = Joint.of(x)
    whole = torch.cat(x, 1)
    oracle = torch.corrcoef(whole.T)
    torch.testing.assert_close(joint.correlation(0, 2), oracle[:5, 8:])
    torch.testing.assert_close(joint.covariance(1, 0), torch.cov(whole.T, correction=0)[5:8, :5])


@pytest.mark.parametrize(("a", "b"), [(0, 1), (1, 2), (2, 2)])
def test_unbiased_hsic_is_that_of_whole_matrices(a, b):
    x = networks()
    found = Joint.of(x).unbiased_hsic(a, b)
    assert found == pytest.approx(unbiased_hsic(x[a], x[b]), rel=1e-9)
    # Wherever the origin is.
    moved = Joint.of(x, torch.randn(12, dtype=torch.float64)).unbiased_hsic(a, b)
    assert moved == pytest.approx(found, rel=1e-8)


def test_any_division_merges_to_the_whole():
    x = networks()
    whole = Joint.of(x)
    parts = Joint.empty(WIDTHS)
    for first, last in ((0, 1), (1, 1), (1, 40), (40, 60)):
        parts = parts.merge(Joint.of([part[first:last] for part in x]))
    assert parts.count == 60
    for found, expected in zip(fields(parts.about(whole.shift)), fields(whole), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-8)


def test_another_shift_is_the_same_tokens():
    x = networks()
    shift = torch.linspace(-3, 5, 12, dtype=torch.float64)
    for found, expected in zip(fields(Joint.of(x).about(shift)), fields(Joint.of(x, shift)), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-8)


def test_a_constant_unit_correlates_with_nothing():
    x = networks()
    x[0][:, 2] = 0.7
    joint = Joint.of(x)
    assert joint.correlation(0, 1)[2].abs().max() == 0
    assert joint.variance(0)[2] == 0


def test_too_many_units_are_refused_before_memory_is_full():
    with pytest.raises(InputError, match="fewer"):
        Joint.empty([LARGEST, 1])
