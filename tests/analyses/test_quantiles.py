import math

import numpy as np
import torch
from planted import fold, one_site

from unitscope.analyses.quantiles import LEVELS, Quantiles, token_numbers


def test_a_sample_of_everything_gives_the_quantiles():
    x = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
    result = fold(Quantiles(), one_site(x, [100] * 5, low=-math.inf, high=math.inf))
    np.testing.assert_allclose(result.values, np.quantile(x.numpy(), LEVELS, axis=0), rtol=1e-5, atol=1e-6)


def test_a_small_sample_stays_within_its_stated_error():
    x = torch.rand(60_000, 2, generator=torch.Generator().manual_seed(0))
    result = fold(Quantiles(size=4096), one_site(x, [600] * 100, batch=7))
    assert result.count == 4096
    # Dvoretzky, Kiefer & Wolfowitz at a confidence of one in a million; for uniform values, share = value.
    assert np.abs(result.values - np.array(LEVELS)[:, None]).max() < math.sqrt(math.log(2e6) / (2 * 4096))


def test_labels_have_quantiles_too_and_undefined_ones_do_not_count():
    label = torch.arange(400).float()
    label[::2] = torch.nan
    source = one_site(torch.zeros(400, 1), [100] * 4, token_labels={"odd": label})
    result = fold(Quantiles(of_labels=("odd",)), source)
    np.testing.assert_allclose(result.label_values[LEVELS.index(0.5)], [200.0])
    np.testing.assert_allclose(result.label_means, [200.0])


def test_every_token_has_a_number_of_its_own():
    sequence, position = torch.arange(300).repeat_interleave(300), torch.arange(300).repeat(300)
    numbers = token_numbers(sequence, position)
    assert len(numbers.unique()) == len(numbers)
    assert int(numbers.min()) >= 0
    share = numbers.double() / 2**63
    assert abs(float(share.mean()) - 0.5) < 0.01
    assert abs(float(torch.corrcoef(torch.stack([share[1:], share[:-1]]))[0, 1])) < 0.02
