import math

import numpy as np
import torch
from planted import fold, one_site

from unitscope.analyses.sign_magnitude import SignMagnitude
from unitscope.models.site import Site


def test_numbers_by_numpy():
    x = torch.nn.functional.gelu(torch.randn(1000, 7, generator=torch.Generator().manual_seed(0)) * 3)
    result = fold(SignMagnitude(), one_site(x, [250] * 4, -math.inf, math.inf))
    y = x.double().numpy()
    np.testing.assert_array_equal(result.above, (y > 0).mean(0))
    np.testing.assert_allclose(result.positive, y.clip(min=0).sum(0) / abs(y).sum(0), rtol=1e-6)
    np.testing.assert_allclose(result.magnitude, abs(y).mean(0), rtol=1e-6)
    np.testing.assert_allclose(result.density, abs(y).mean(0) ** 2 / (y**2).mean(0), rtol=1e-6)


def test_a_steady_and_a_sparse_unit():
    x = torch.zeros(100, 3)
    x[:, 0] = torch.tensor([-2.0, 2.0]).repeat(50)
    x[7, 1] = 5.0
    result = fold(SignMagnitude(), one_site(x, low=-math.inf, high=math.inf))
    np.testing.assert_allclose(result.density[:2], [1.0, 0.01], rtol=1e-6)
    assert result.above.tolist() == [0.5, 0.01, 0.0]
    assert math.isnan(result.density[2])  # silent at every token
    assert math.isnan(result.positive[2])


def test_units_with_bounds_are_left_out():
    assert not SignMagnitude().applies(Site("forget_gate", 3, 0.0, 1.0))
    assert SignMagnitude().applies(Site("cell", 3, -math.inf, math.inf))
    assert SignMagnitude().applies(Site("relu", 3, 0.0, math.inf))
