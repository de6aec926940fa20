import itertools
import math

import pytest
import torch
from torch import nn

from unitscope.errors import InputError
from unitscope.interventions.decomposition import decompose, shares


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def shared(parts, bias, squash):
    """Each part's mean gain over all orders in which the parts can come, the bias first."""
    gains = dict.fromkeys(parts, 0.0)
    orders = list(itertools.permutations(parts))
    for order in orders:
        total = bias
        for name in order:
            before, total = squash(total), total + parts[name]
            gains[name] += (squash(total) - before) / len(orders)
    return gains | {"bias": squash(bias)}


def one_unit_by_hand(lstm, x, phrase):
    """Relevant and irrelevant hidden values of an LSTM with one unit, each product written out and sorted."""
    w, u = lstm.weight_ih_l0[:, 0].tolist(), lstm.weight_hh_l0[:, 0].tolist()
    b = (lstm.bias_ih_l0 + lstm.bias_hh_l0).tolist()
    h, c, found = {"phrase": 0.0, "rest": 0.0}, {"phrase": 0.0, "rest": 0.0}, []
    for value, inside in zip(x, phrase, strict=True):
        given = {"phrase": value if inside else 0.0, "rest": 0.0 if inside else value}
        sums = [{who: w[k] * given[who] + u[k] * h[who] for who in given} for k in range(4)]
        i, f = (shared(sums[k], b[k], sigmoid) for k in (0, 1))
        g = shared(sums[2], b[2], math.tanh)
        o = sigmoid(sum(sums[3].values()) + b[3])
        after = {"phrase": 0.0, "rest": 0.0}
        for gate, old in itertools.product(f, c):  # a product of the phrase alone, or with the bias, is the phrase's
            after["rest" if "rest" in (gate, old) else "phrase"] += f[gate] * c[old]
        for gate, new in itertools.product(i, g):
            who = "rest" if "rest" in (gate, new) else "phrase"
            if gate == new == "bias":
                who = "phrase" if inside else "rest"
            after[who] += i[gate] * g[new]
        c = after
        squashed = shared(c, 0.0, math.tanh)
        h = {who: o * squashed[who] for who in c}
        found.append((h["phrase"], h["rest"]))
    return found


@pytest.mark.parametrize("phrase", list(itertools.product([False, True], repeat=4)))
def test_one_unit_is_what_a_loop_over_products_says(phrase):
    torch.manual_seed(1)
    lstm = nn.LSTM(1, 1, batch_first=True).double()
    with torch.no_grad():
        for weight in lstm.parameters():
            weight.mul_(2)
    x = torch.tensor([0.7, -1.2, 0.4, 2.0], dtype=torch.float64)
    found = decompose(lstm, x[None, :, None], torch.tensor([phrase]))
    for t, (ours, theirs) in enumerate(one_unit_by_hand(lstm, x.tolist(), phrase)):
        assert float(found.relevant[0, t, 0]) == pytest.approx(ours, abs=1e-12)
        assert float(found.irrelevant[0, t, 0]) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("layers", [1, 2])
@torch.no_grad()
def test_the_parts_sum_to_states_and_logits(layers):
    torch.manual_seed(0)
    lstm, readout = nn.LSTM(4, 6, layers, batch_first=True).double(), nn.Linear(6, 3).double()
    x, phrase = torch.randn(5, 9, 4, dtype=torch.float64), torch.rand(5, 9) < 0.4
    parts = decompose(lstm, x, phrase)
    hidden = lstm(x)[0]
    assert (parts.relevant + parts.irrelevant - hidden).abs().max() < 1e-12
    rest = parts.irrelevant @ readout.weight.T
    assert (parts.scores(readout) + rest + readout.bias - readout(hidden)).abs().max() < 1e-12
    none, every = (decompose(lstm, x, torch.full_like(phrase, said)) for said in (False, True))
    assert (none.relevant == 0).all()
    assert every.irrelevant.abs().max() < 1e-14
    assert (every.relevant - hidden).abs().max() < 1e-12


def test_before_the_phrase_nothing_is_relevant():
    torch.manual_seed(0)
    phrase = torch.zeros(1, 6, dtype=torch.bool)
    phrase[0, 3:5] = True
    relevant = decompose(nn.LSTM(2, 3, batch_first=True), torch.randn(1, 6, 2), phrase).relevant
    assert (relevant[0, :3] == 0).all()
    assert (relevant[0, 3:] != 0).all()


def test_shares_of_a_straight_line_are_its_parts():
    a, b, bias = torch.randn(2, 3), torch.randn(2, 3), torch.randn(3)
    ours, theirs, none = shares(a, b, bias, lambda x: x)
    torch.testing.assert_close(ours, a)
    torch.testing.assert_close(theirs, b)
    torch.testing.assert_close(none, bias)


def test_layers_that_read_backwards_are_refused():
    with pytest.raises(InputError, match="read forwards"):
        decompose(nn.LSTM(2, 3, bidirectional=True), torch.zeros(1, 2, 2), torch.ones(1, 2, dtype=torch.bool))
