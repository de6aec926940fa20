import math

import pytest
import torch
from torch import Tensor

from unitscope.errors import InputError
from unitscope.probing.information import Part, conditional_information
from unitscope.probing.linear import Penalty
from unitscope.probing.measures import BITS


def parts(count: int, seed: int) -> tuple[Part, Tensor]:
    """Two bits make the class; the baseline knows one, the first site the other, the second what the baseline knows."""
    generator = torch.Generator().manual_seed(seed)
    one, two = torch.randint(2, (2, count), generator=generator)
    noise = 0.1 * torch.randn(3, count, 4, generator=generator)
    baseline, new, old = (2.0 * bit[:, None] + part for bit, part in zip((one, two, one), noise, strict=True))
    return ([new, old], torch.stack([2 * one + two, one])), baseline


def test_what_a_site_adds() -> None:
    made = [parts(n, seed) for seed, n in enumerate((600, 300, 300))]
    (train, b1), (held, b2), (test, b3) = made
    found = conditional_information(train, held, test, (b1, b2, b3), 4, [Penalty(l2=1e-5)])
    (whole_new, first_new), (whole_old, first_old) = found
    assert whole_new.information == pytest.approx(1, abs=0.05)
    assert whole_old.information == pytest.approx(0, abs=0.05)
    assert whole_new.without == pytest.approx(1, abs=0.05)
    assert abs(first_new.information) < 0.02
    assert abs(first_old.information) < 0.02


def test_baseline_that_knows_nothing_gives_v_information() -> None:
    made = [parts(n, seed)[0] for seed, n in enumerate((600, 300, 300))]
    empty = tuple(torch.zeros(len(x[0]), 2) for x, _ in made)
    found = conditional_information(*made, empty, 4, [Penalty(l2=1e-5)])  # type: ignore[arg-type]
    assert found[0][0].without == pytest.approx(math.log(4) * BITS, abs=0.03)
    assert found[0][0].information == pytest.approx(1, abs=0.06)
    assert found[1][1].information == pytest.approx(1, abs=0.03)


def test_baseline_of_other_words() -> None:
    made, baseline = parts(50, 0)
    with pytest.raises(InputError, match="the baseline has 49 words"):
        conditional_information(made, made, made, (baseline[:49], baseline, baseline), 4)
