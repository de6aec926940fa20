import numpy as np
import pytest
import torch
from planted import one_site
from sklearn.linear_model import Ridge

from unitscope.errors import InputError
from unitscope.probing.steps import predict_step

LENGTHS = [4] * 60


def counter(noise=6, seed=0):
    """Unit 2 counts the steps; no other knows anything."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(sum(LENGTHS), noise + 1, generator=generator)
    x[:, 2] = torch.arange(4).repeat(60) / 10
    return x


def test_a_planted_counter_is_found():
    found = predict_step(one_site(counter(), LENGTHS), "planted", l2=1e-9)
    assert found.variance == pytest.approx(1.25)
    assert found.single[2] == pytest.approx(0, abs=1e-9)
    others = np.delete(found.single, 2)
    assert np.abs(others - 1.25).max() < 0.06
    assert found.full == pytest.approx(0, abs=1e-9) and found.r2 == pytest.approx(1)
    assert found.left_out[2] > 1.1 and np.abs(np.delete(found.left_out, 2)).max() < 1e-9
    assert found.order[0] == 2
    assert found.stepwise[0] == pytest.approx(0, abs=1e-9)


def test_errors_are_those_of_refits_on_held_out_sequences():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(sum(LENGTHS), 5, generator=generator)
    step = torch.arange(4).repeat(60)
    x[:, :3] += step[:, None] * torch.tensor([0.5, 0.3, -0.4])
    x += 2
    found = predict_step(one_site(x, LENGTHS), "planted", l2=3.0, folds=5, most=3)
    sequence = torch.arange(60).repeat_interleave(4)

    def error(units):
        squares = 0.0
        for k in range(5):
            held = sequence % 5 == k
            fit = Ridge(alpha=3.0).fit(x[~held][:, units].double().numpy(), step[~held].double().numpy())
            squares += ((fit.predict(x[held][:, units].double().numpy()) - step[held].numpy()) ** 2).sum()
        return squares / len(x)

    everything = list(range(5))
    assert found.full == pytest.approx(error(everything), rel=1e-6)
    np.testing.assert_allclose(found.single, [error([u]) for u in everything], rtol=1e-6)
    rises = [error([u for u in everything if u != out]) - found.full for out in everything]
    np.testing.assert_allclose(found.left_out, rises, rtol=1e-5, atol=1e-8)
    assert found.stepwise[0] == pytest.approx(error([int(found.order[0])]), rel=1e-6)


def test_a_label_that_is_a_number_can_be_asked_for():
    x = counter()
    depth = 7 * x[:, 4] - 1
    depth[::3] = torch.nan
    found = predict_step(one_site(x, LENGTHS, token_labels={"depth": depth}), "planted", "depth", l2=1e-9)
    assert found.tokens == 160
    assert found.order[0] == 4 and found.r2 == pytest.approx(1)


def test_noise_explains_nothing_of_sequences_it_has_not_seen():
    x = torch.randn(sum(LENGTHS), 100, generator=torch.Generator().manual_seed(0))
    found = predict_step(one_site(x, LENGTHS), "planted", l2=1e-9)
    assert found.full > found.variance
    assert found.views()[0].title == "Predicting position"


def test_what_cannot_be_predicted_is_refused():
    with pytest.raises(InputError, match="folds"):
        predict_step(one_site(torch.randn(8, 2), [4, 4]), "planted")
    with pytest.raises(InputError, match="same at every step"):
        predict_step(one_site(torch.randn(20, 2), [1] * 20), "planted")
