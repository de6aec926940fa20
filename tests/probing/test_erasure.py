import pytest
import torch
from clusters import clusters

from unitscope.probing.erasure import inlp, leace, random_directions
from unitscope.probing.linear import Penalty, fit_linear


def accuracy(x: torch.Tensor, y: torch.Tensor) -> float:
    fit = fit_linear([x], y[None], 4, [Penalty(l2=1e-4)], tolerance=1e-5)
    return float((fit.log_probs(0, x).argmax(1) == y).double().mean())


def data() -> tuple[torch.Tensor, torch.Tensor, float]:
    x, y = clusters(words=2000, units=12)
    return x.double(), y, float(torch.bincount(y).max()) / len(y)


def test_leace_leaves_nothing_to_a_linear_probe() -> None:
    pytest.importorskip("concept_erasure")
    x, y, majority = data()
    eraser = leace([(x[:700], y[:700]), (x[700:], y[700:])], 4)
    after = eraser(x)
    z = torch.nn.functional.one_hot(y, 4).double()
    covariance = (after - after.mean(0)).T @ (z - z.mean(0)) / len(x)
    assert float(covariance.abs().max()) < 1e-10
    assert accuracy(x, y) > majority + 0.3
    assert accuracy(after, y) == pytest.approx(majority, abs=0.005)
    assert eraser.rank == 3


def test_leace_in_parts_is_leace_at_once_and_the_package_s_own() -> None:
    package = pytest.importorskip("concept_erasure")
    x, y, _ = data()
    whole = leace([(x, y)], 4)
    parts = leace([(x[:100], y[:100]), (x[100:101], y[100:101]), (x[101:], y[101:])], 4)
    torch.testing.assert_close(whole.matrix, parts.matrix, atol=1e-9, rtol=0)
    own = package.LeaceEraser.fit(
        x, torch.nn.functional.one_hot(y, 4).double(), shrinkage=False, constrain_cov_trace=False, svd_tol=1e-6
    )
    torch.testing.assert_close(whole(x), own(x), atol=1e-6, rtol=0)


def test_inlp_is_a_projection_that_hides_the_label() -> None:
    x, y, majority = data()
    eraser = inlp(x, y, 4, rounds=10)
    torch.testing.assert_close(eraser.matrix @ eraser.matrix, eraser.matrix, atol=1e-9, rtol=0)
    torch.testing.assert_close(eraser.matrix, eraser.matrix.T, atol=1e-12, rtol=0)
    weight = fit_linear([x], y[None], 4, [Penalty(l2=1e-3)]).weight[0]
    torch.testing.assert_close((weight - weight.mean(0)) @ eraser.matrix, torch.zeros_like(weight), atol=1e-9, rtol=0)
    assert accuracy(eraser(x), y) < majority + 0.08
    assert eraser.rank < 12


def test_random_directions_of_the_same_number_hide_nothing() -> None:
    x, y = clusters(words=1500, units=60)
    eraser = random_directions(x, 3, seed=0)
    assert eraser.rank == 3
    assert accuracy(eraser(x), y) > accuracy(x, y) - 0.05
