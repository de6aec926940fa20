import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from unitscope.probing.lbfgs import minimise


def quadratic(curvature: Tensor, centre: Tensor):
    """One problem per row: a bowl of its own."""

    def loss(x: Tensor, live: Tensor) -> tuple[Tensor, Tensor]:
        off = x - centre[live]
        return 0.5 * (curvature[live] * off**2).sum(1), curvature[live] * off

    return loss


def bowls() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.rand(5, 20, dtype=torch.float64) * 100 + 0.1, torch.randn(5, 20, dtype=torch.float64)


def test_finds_the_bottom_of_every_bowl() -> None:
    curvature, centre = bowls()
    found = minimise(quadratic(curvature, centre), torch.zeros_like(centre), 1e-9, 500)
    assert bool(found.converged.all())
    torch.testing.assert_close(found.parameters, centre, atol=1e-7, rtol=0)


def test_company_changes_nothing() -> None:
    curvature, centre = bowls()
    together = minimise(quadratic(curvature, centre), torch.zeros_like(centre), 1e-5, 500).parameters
    for p in range(5):
        alone = minimise(
            quadratic(curvature[p : p + 1], centre[p : p + 1]), torch.zeros(1, 20, dtype=torch.float64), 1e-5, 500
        )
        torch.testing.assert_close(alone.parameters[0], together[p], atol=0, rtol=0)


def test_absolute_penalty_is_soft_thresholding_on_a_bowl() -> None:
    curvature, centre = bowls()
    l1 = torch.full_like(centre, 5.0)
    found = minimise(quadratic(curvature, centre), torch.zeros_like(centre), 1e-9, 1000, l1)
    expected = centre.sign() * (centre.abs() - l1 / curvature).clamp(min=0)
    torch.testing.assert_close(found.parameters, expected, atol=1e-7, rtol=0)
    assert torch.equal(found.parameters == 0, expected == 0)


def test_same_as_scipy_on_a_curved_valley() -> None:
    def rosenbrock(x: Tensor, live: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            value = (100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2).sum(1)
            (gradient,) = torch.autograd.grad(value.sum(), x)
        return value.detach(), gradient

    start = torch.full((1, 4), -0.5, dtype=torch.float64)
    found = minimise(rosenbrock, start, 1e-8, 1000)

    def plain(x: np.ndarray) -> float:
        return float(rosenbrock(torch.from_numpy(x)[None], torch.zeros(1))[0])

    oracle = minimize(plain, start[0].numpy(), method="BFGS")
    np.testing.assert_allclose(found.parameters[0].numpy(), oracle.x, atol=1e-4)


def test_stops_where_it_is_told() -> None:
    curvature, centre = bowls()
    found = minimise(quadratic(curvature, centre), torch.zeros_like(centre), 1e-12, 3)
    assert found.evaluations == 3
    assert not bool(found.converged.any())
