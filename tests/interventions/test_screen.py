import copy

import numpy as np
import pytest
import torch
from torch import nn

from unitscope.corpus.open import open_corpus
from unitscope.errors import InputError
from unitscope.interventions.ablated import Ablated
from unitscope.interventions.cumulative import damage_of_sets
from unitscope.interventions.screen import gradients, screen
from unitscope.models.module import ModuleModel

UNITS, STEP = 4, 1e-5


class Net(nn.Module):
    def __init__(self, kind, symbols, bidirectional):
        super().__init__()
        self.embed = nn.Embedding(symbols, 3)
        self.rnn = kind(3, UNITS, num_layers=2, batch_first=True, bidirectional=bidirectional)
        self.readout = nn.Linear(UNITS * (1 + bidirectional), symbols)

    def forward(self, tokens):
        return self.readout(self.rnn(self.embed(tokens))[0])


def scaled(net, layer, unit, factor, reverse=False):
    """A copy in which all that reads a unit reads it scaled."""
    net = copy.deepcopy(net)
    column = unit + reverse * UNITS
    with torch.no_grad():
        getattr(net.rnn, f"weight_hh_l{layer}{'_reverse' if reverse else ''}")[:, unit] *= factor
        if layer == 1:
            net.readout.weight[:, column] *= factor
        else:
            for name in ["weight_ih_l1", "weight_ih_l1_reverse"][: 1 + net.rnn.bidirectional]:
                getattr(net.rnn, name)[:, column] *= factor
    return net


@pytest.fixture
def corpus(tmp_path):
    (tmp_path / "a.txt").write_text("abcab cabba\n" * 6)
    return open_corpus(tmp_path / "a.txt", length=20, context=3)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize(("layer", "reverse"), [(0, False), (1, True)])
def test_gradients_are_those_of_scaling_a_unit(kind, layer, reverse, corpus):
    torch.manual_seed(0)
    net = Net(kind, len(corpus.vocabulary), bidirectional=reverse).double()
    net.requires_grad_(False)
    site = f"rnn.{layer}{'_reverse' if reverse else ''}.hidden"
    found = gradients(ModuleModel(net, logits=lambda output: output), corpus, site, range(len(corpus)), batch_size=2)

    def loss(other):
        batch = corpus.batch(range(len(corpus)))
        values = ModuleModel(other, logits=lambda output: output).run(batch, ["output.loss"])["output.loss"][..., 0]
        return float(values[batch.counted & batch.has_target].mean())

    for unit in (0, UNITS - 1):
        more, less = (loss(scaled(net, layer, unit, 1 + sign * STEP, reverse)) for sign in (1, -1))
        assert found[unit] == pytest.approx(-(more - less) / (2 * STEP), abs=1e-8)
    assert not any(weight.requires_grad for weight in net.parameters())
    assert not net.rnn._forward_hooks


def test_the_top_is_ablated_in_earnest(corpus):
    torch.manual_seed(0)
    model = ModuleModel(Net(nn.GRU, len(corpus.vocabulary), False))
    found = screen(model, corpus, "rnn.1.hidden", top=2)
    assert found.verified.tolist() == np.argsort(-np.abs(found.estimate))[:2].tolist()
    source = Ablated(model, corpus, "rnn.1.hidden", values=[0.0] * UNITS)
    np.testing.assert_allclose(found.exact, damage_of_sets(source, [[unit] for unit in found.verified.tolist()]))


def test_only_hidden_states_are_screened(corpus):
    model = ModuleModel(Net(nn.GRU, len(corpus.vocabulary), False))
    with pytest.raises(InputError, match="hidden state"):
        gradients(model, corpus, "rnn.0.reset_gate", [0])
