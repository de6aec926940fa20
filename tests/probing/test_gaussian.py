import math

import numpy as np
import pytest
import torch
from clusters import clusters
from scipy.stats import multivariate_normal

from unitscope.errors import InputError
from unitscope.probing.gaussian import Gaussians, choose_units


def density(fit: Gaussians, k: int, units: list[int], x: np.ndarray) -> np.ndarray:
    normal = multivariate_normal(fit.mean[k, units].numpy(), fit.covariance[k][units][:, units].numpy())
    return normal.logpdf(x[:, units]) + float(fit.log_prior[k])


def brute_force(fit: Gaussians, x: np.ndarray, y: np.ndarray, most: int) -> tuple[list[int], list[float]]:
    """A new density for every candidate."""
    shares = np.bincount(y) / len(y)
    entropy = -(shares * np.log2(shares)).sum()
    chosen: list[int] = []
    bits: list[float] = []
    for _ in range(most):
        found = {}
        for unit in set(range(x.shape[1])) - set(chosen):
            units = [*chosen, unit]
            joint = np.stack([density(fit, k, units, x) for k in range(len(fit.mean))], 1)
            log_p = joint - np.logaddexp.reduce(joint, 1)[:, None]
            found[unit] = entropy + log_p[np.arange(len(y)), y].mean() / math.log(2)
        chosen.append(max(found, key=lambda unit: found[unit]))
        bits.append(found[chosen[-1]])
    return chosen, bits


def test_same_units_as_trying_every_density() -> None:
    x, y = clusters(words=300, units=7)
    mixed = x.double() @ torch.randn(7, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    fit = Gaussians.fit(mixed, y, 4)
    found = choose_units(fit, mixed, y, 5)
    units, bits = brute_force(fit, mixed.numpy(), y.numpy(), 5)
    assert found.units == units
    assert found.information == pytest.approx(bits, abs=1e-6)
    assert all(0 <= share <= 1 for share in found.normalised)


def test_planted_units_come_first_on_development_words() -> None:
    x, y = clusters(words=2000, units=40)
    held, truth = clusters(words=800, units=40, seed=2)
    found = choose_units(Gaussians.fit(x, y, 4), held, truth, 4)
    assert set(found.units[:3]) == {0, 1, 2}
    assert found.information[2] - found.information[1] > found.information[3] - found.information[2]


def test_classes_without_words() -> None:
    x, y = clusters(words=100)
    with pytest.raises(InputError, match="class 4 has no training word"):
        Gaussians.fit(x, y, 5)
