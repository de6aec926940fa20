"""What is read is what the module computes, or nothing is read."""

import pytest
import torch
from nets import KINDS, Kind, batch, tagger

from unitscope.models import gates, layers, parity, unroll
from unitscope.models.module import ModuleModel

READ = ["rnn.0.forget_gate"]


def test_a_wrong_loop_is_refused(monkeypatch):
    class Swapped(unroll.LSTMCell):
        """Input and forget gate exchanged."""

        def step(self, x, *state):
            streams = super().step(x, *state)
            swapped = streams["input_gate"] * state[1] + streams["forget_gate"] * streams["cell_gate"]
            return streams | {"cell": swapped, "hidden": streams["output_gate"] * swapped.tanh()}

    monkeypatch.setitem(layers._LOOPED, "LSTM", Swapped)
    monkeypatch.setattr(layers, "WIDE", 0)
    for dtype in (torch.float32, torch.float64):
        with pytest.raises(parity.ParityError, match=r"rnn \(LSTM, torch\.float\d\d\): reading its units changes"):
            ModuleModel(tagger(Kind("lstm", dtype=dtype))).run(batch([9] * 4), READ)


@pytest.mark.parametrize("error", [3e-6, 3e-3])
def test_a_small_error_is_refused_too(monkeypatch, error):
    class Biased(unroll.LSTMCell):
        def step(self, x, *state):
            streams = super().step(x, *state)
            return streams | {"hidden": streams["hidden"] + error}

    monkeypatch.setitem(layers._LOOPED, "LSTM", Biased)
    monkeypatch.setattr(layers, "WIDE", 0)
    with pytest.raises(parity.ParityError):
        ModuleModel(tagger(Kind("lstm"))).run(batch([9] * 4), READ)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("layer", [0, 1])
def test_where_gates_are_wrong_the_loop_reads_them(monkeypatch, cell, layer):
    """In any layer; and where the loop is wrong too, nothing is read."""
    kind = Kind(cell, 2)
    net, tokens, read = tagger(kind), batch([9] * 4), [f"rnn.{layer}.{'cell' if cell == 'lstm' else 'new_gate'}"]
    right = ModuleModel(net).run(tokens, read)
    stock, wrong = gates.dense, net.rnn.weight_ih_l0 if layer == 0 else net.rnn.weight_ih_l1

    def other(weight, bias, *activation):
        made = stock(weight, bias, *activation)
        concerned = bool(torch.isin(weight, wrong).all(1).any()) or bool(torch.isin(weight, wrong).any())
        return lambda x: made(x) + 1e-3 * concerned

    monkeypatch.setattr(gates, "dense", other)
    looped = []
    monkeypatch.setattr(layers, "unroll", lambda *given: looped.append(1) or unroll.unroll(*given))
    found = ModuleModel(net).run(tokens, read)
    torch.testing.assert_close(found, right, rtol=0, atol=1e-6)
    assert looped
    monkeypatch.setattr(unroll, "dense", other)
    with pytest.raises(parity.ParityError):
        ModuleModel(net, check=False).run(tokens, read)


def test_large_weights_are_let_pass_by_rounding_alone():
    """Pre-activations of some hundreds cost float32 more than 1e-6."""
    net = tagger(Kind("lstm"), units=64)
    with torch.no_grad():
        for weight in net.rnn.parameters():
            weight.mul_(60)
    ModuleModel(net).run(batch([16] * 4), READ)


def test_weights_that_are_not_finite_are_refused():
    net = tagger(Kind("lstm"))
    with torch.no_grad():
        net.rnn.weight_hh_l0[0, 0] = torch.nan
    with pytest.raises(parity.ParityError, match="finite weights"):
        ModuleModel(net).run(batch([9] * 4), READ)


def test_it_is_done_once_and_on_a_small_part():
    net = tagger(Kind("lstm"))
    model, tokens = ModuleModel(net), batch([40] * 10)
    model.sites()
    shapes = []
    stock = net.rnn.forward

    def watched(input, hx=None):
        shapes.append(tuple(input.shape))
        return stock(input, hx)

    net.rnn.forward = watched
    model.run(tokens, READ)
    model.run(tokens, READ)
    assert shapes == [(parity.SEQUENCES, parity.STEPS, 5)]
    assert net.rnn.forward is watched


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.layers == 3], ids=str)
def test_long_stretches_stay_close(kind):
    """Over 100 steps rounding grows, to less than 1e-5."""
    model, tokens = ModuleModel(tagger(kind)), batch([100] * 2)
    names = [site.name for site in model.sites() if site.name.startswith("rnn.")]
    looped = model.run(tokens, names)
    top = [name for name in names if name.startswith("rnn.2") and name.endswith("hidden")]
    for name, fused in model.run(tokens, top).items():
        assert (looped[name] - fused).abs().max() < (1e-11 if kind.dtype == torch.float64 else 1e-5)
