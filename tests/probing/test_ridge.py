import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge as Oracle

from unitscope.errors import InputError
from unitscope.probing.ridge import Gram


def drawn(words: int = 300, units: int = 8, values: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(words, units, generator=generator, dtype=torch.float64) @ torch.randn(
        units, units, generator=generator, dtype=torch.float64
    )
    y = x @ torch.randn(units, values, generator=generator, dtype=torch.float64)
    return x + 5, y + torch.randn(words, values, generator=generator, dtype=torch.float64)


def test_same_as_scikit_learn() -> None:
    x, y = drawn()
    gram = Gram.of(x, y)
    fit = gram.fit(3.0)
    oracle = Oracle(alpha=3.0).fit(x.numpy(), y.numpy())
    np.testing.assert_allclose(fit.weight.T.numpy(), oracle.coef_, atol=1e-9)
    np.testing.assert_allclose(fit.predict(x).numpy(), oracle.predict(x.numpy()), atol=1e-9)
    np.testing.assert_allclose(float(gram.r2(fit).mean()), oracle.score(x.numpy(), y.numpy()), atol=1e-9)


def test_any_division_merges_to_the_whole() -> None:
    x, y = drawn()
    whole = Gram.of(x, y)
    parts = Gram.empty(8, 2)
    for first, last in ((0, 1), (1, 1), (1, 170), (170, 300)):
        parts = parts.merge(Gram.of(x[first:last], y[first:last]))
    assert parts.count == whole.count
    for name in ("x", "y", "xx", "xy", "yy"):
        torch.testing.assert_close(getattr(parts, name), getattr(whole, name), rtol=1e-10, atol=1e-8)


@pytest.mark.parametrize("l2", [0.0, 5.0])
def test_leaving_out_is_what_a_refit_loses(l2: float) -> None:
    x, y = drawn()
    gram = Gram.of(x, y)

    def objective(units: list[int]) -> torch.Tensor:
        part = Gram.of(x[:, units], y)
        fit = part.fit(l2)
        return part.residual(fit) + l2 * fit.weight.square().sum(0)

    everything = objective(list(range(8)))
    expected = torch.stack([objective([u for u in range(8) if u != out]) - everything for out in range(8)])
    torch.testing.assert_close(gram.leave_out(l2), expected, rtol=1e-7, atol=1e-7)


def test_greedy_choice_is_that_of_trying_all() -> None:
    x, y = drawn()
    gram = Gram.of(x, y)
    chosen: list[int] = []
    for _ in range(5):
        explained = {}
        for unit in set(range(8)) - set(chosen):
            part = Gram.of(x[:, [*chosen, unit]], y)
            explained[unit] = float(part.r2(part.fit()).sum())
        chosen.append(max(explained, key=lambda unit: explained[unit]))
    assert gram.forward(5).tolist() == chosen


def test_copies_and_constants_are_not_chosen_twice() -> None:
    x, y = drawn()
    doubled = torch.cat([x, x[:, :2], torch.ones(len(x), 1, dtype=torch.float64)], 1)
    chosen = Gram.of(doubled, y).forward(11).tolist()
    assert len(chosen) == 8
    assert bool(torch.isfinite(Gram.of(doubled, y).fit().weight).all())


def test_bad_input() -> None:
    x, y = drawn()
    x[3, 2] = torch.inf
    with pytest.raises(InputError, match="not finite"):
        Gram.of(x, y)
    with pytest.raises(InputError, match="too few"):
        Gram.empty(3, 1).fit()
