import pytest
import torch
from clusters import clusters

from unitscope.errors import InputError
from unitscope.probing.complexity import (
    Point,
    fit_nuclear,
    fit_ranks,
    front,
    front_view,
    nuclear_norms,
    shrunk,
)
from unitscope.probing.linear import Penalty, fit_linear
from unitscope.probing.nonlinear import Hidden


def test_singular_values_are_lowered() -> None:
    weight = torch.randn(2, 4, 9, generator=torch.Generator().manual_seed(0))
    u, s, v = torch.linalg.svd(weight, full_matrices=False)
    by = torch.tensor([0.5, 100.0])
    expected = (u * (s - by[:, None]).clamp(min=0)[:, None]) @ v
    torch.testing.assert_close(shrunk(weight, by), expected, atol=1e-5, rtol=1e-4)


def test_penalty_lowers_norm_and_rank() -> None:
    x, y = clusters(words=800)
    fit = fit_nuclear([x.double()], y[None], 4, (0.0, 1e-2, 1e-1, 10.0), tolerance=1e-5, steps=500)
    norms = nuclear_norms(fit).tolist()
    assert norms == sorted(norms, reverse=True)
    assert norms[3] == pytest.approx(0, abs=1e-9)
    ranks = [int(torch.linalg.matrix_rank(w, rtol=1e-6)) for w in fit.standardised]
    assert ranks[0] == 3
    assert ranks[2] < 3
    # No penalty at all is plain logistic regression.
    plain = fit_linear([x.double()], y[None], 4, [Penalty(l2=0.0)], tolerance=1e-6)
    torch.testing.assert_close(
        fit.losses([x.double()], y[None])[0], plain.losses([x.double()], y[None])[0], atol=1e-4, rtol=0
    )


def test_no_direction_leads_down_from_the_minimum() -> None:
    x, y = clusters(words=300, units=6)
    x = x.double()
    fit = fit_nuclear([x], y[None], 4, (2e-2,), tolerance=1e-9, steps=3000)
    assert bool(fit.converged.all())
    z = (x - x.mean(0)) / x.std(0, correction=0)
    shift = fit.intercept[0] + fit.weight[0] @ x.mean(0)

    def loss(weight: torch.Tensor) -> float:
        logits = z @ weight.T + shift
        return float(torch.nn.functional.cross_entropy(logits, y) + 2e-2 * torch.linalg.svdvals(weight).sum())

    at = loss(fit.standardised[0])
    generator = torch.Generator().manual_seed(1)
    for _ in range(30):
        assert loss(fit.standardised[0] + 1e-4 * torch.randn(4, 6, generator=generator, dtype=torch.float64)) > at


def test_company_changes_nothing() -> None:
    x, y = clusters(words=200)
    x, both = x.double(), torch.stack([y, y.flip(0)])
    together = fit_nuclear([x.flip(1) + 2, x], both, 4, (1e-3, 1e-2), steps=60)
    alone = fit_nuclear([x], both[1:], 4, (1e-2,), steps=60)
    torch.testing.assert_close(alone.weight[0], together.weight[7], atol=1e-9, rtol=0)
    with pytest.raises(InputError, match="0 or more"):
        fit_nuclear([x], both, 4, (-1.0,))


def test_ranks() -> None:
    (x, y), (held, truth) = clusters(words=500), clusters(words=200, seed=1)
    fits = fit_ranks([x], y[None], 4, ([held], truth[None]), (1, 3), Hidden(epochs=15, batch=100, rate=2e-2))
    right = [float((fit.log_probs(0, held).argmax(1) == truth).float().mean()) for fit in fits]
    assert right[1] > right[0] + 0.05


def test_front() -> None:
    points = [Point(2.0, 0.5), Point(1.0, 0.4), Point(3.0, 0.45), Point(4.0, 0.7), Point(2.0, 0.3)]
    assert front(points) == [Point(1.0, 0.4), Point(2.0, 0.5), Point(4.0, 0.7)]
    view = front_view("Front", {"a": points, "b": [Point(3.0, 0.6)]}, "rank")
    assert view.x == [1, 2, 3, 4]
    assert view.series[0].y == [0.4, 0.5, 0.5, 0.7]
    assert view.series[1].y[2:] == [0.6, 0.6]
