import math

import numpy as np
import pytest
import torch
from planted import fold, planted

from unitscope.analyses.class_selectivity import ClassSelectivity, class_selectivity
from unitscope.models.site import Site


def test_one_class_only_is_one_and_all_alike_is_zero():
    means = np.array([[3.0, 1.0, 2.0, 0.0], [0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0]])
    found = class_selectivity(means)
    np.testing.assert_allclose(found[:3], [1, 0, (2 - 0.5) / (2 + 0.5)])
    assert math.isnan(found[3])
    assert np.isnan(class_selectivity(means[:1])).all()
    np.testing.assert_allclose(class_selectivity(means - 1, np.full(4, -1.0))[:3], found[:3])


@pytest.mark.parametrize(("low", "floor"), [(0.0, 0.0), (-1.0, -1.0), (-math.inf, None)])
def test_class_means_are_those_of_a_loop(low, floor):
    torch.manual_seed(0)
    x, kind = torch.randn(60, 4).tanh().abs(), torch.randint(0, 3, (60,)).float()
    kind[5] = torch.nan
    source = planted({Site("layer.output", 4, low): x}, [10, 20, 30], token_labels={"kind": kind})
    result = fold(ClassSelectivity("kind"), source)
    means = np.stack([x[kind == value].double().mean(0).numpy() for value in (0, 1, 2)])
    np.testing.assert_allclose(result.means, means)
    lowest = x.double().numpy().min(axis=0) if floor is None else floor
    np.testing.assert_allclose(result.selectivity, class_selectivity(means, lowest))
    assert result.preferred.tolist() == means.argmax(axis=0).tolist()
    assert result.views(1)[0].rows[2][1] == pytest.approx(means[2, 1])
    assert {"selectivity, kind", "preferred kind"} < set(result.to_pandas().columns)
