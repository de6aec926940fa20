"""What control tasks are for: a wide probe knows random classes of types by heart, a linear one cannot."""

import torch

from unitscope.probing.linear import fit_linear
from unitscope.probing.nonlinear import Hidden, fit_nonlinear
from unitscope.probing.tasks import control


def test_linear_probe_is_more_selective_than_a_wide_one() -> None:
    generator = torch.Generator().manual_seed(0)
    types = torch.randn(150, 20, generator=generator)
    truth = types[:, :3].argmax(1)
    drawn = torch.randint(150, (3000,), generator=generator)
    x = types[drawn] + 0.1 * torch.randn(3000, 20, generator=generator)
    forms = [[str(i) for i in drawn[:2000].tolist()], [str(i) for i in drawn[2000:].tolist()]]
    labels = [truth[drawn[:2000]], truth[drawn[2000:]]]
    controls = control(forms, labels, 0)
    train, test = (torch.stack([y, c]) for y, c in zip(labels, controls, strict=True))
    linear = fit_linear([x[:2000]], train, 3)
    how = Hidden(width=128, epochs=30, batch=100, rate=5e-3)
    wide = fit_nonlinear([x[:2000]], train, 3, ([x[2000:]], test), how)

    def accuracy(fit: object, target: int) -> float:
        said = fit.log_probs(target, x[2000:]).argmax(1)  # type: ignore[attr-defined]
        return float((said == test[target]).float().mean())

    assert accuracy(wide, 0) > 0.9
    assert accuracy(linear, 0) > 0.9
    assert accuracy(wide, 1) > 0.9
    assert accuracy(linear, 0) - accuracy(linear, 1) > accuracy(wide, 0) - accuracy(wide, 1) + 0.1
