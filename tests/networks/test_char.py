import numpy as np
import pytest
import torch
from nets import SYMBOLS, batch

from unitscope.errors import InputError
from unitscope.models import predictions
from unitscope.models.module import ModuleModel
from unitscope.networks import char
from unitscope.networks.char import CharConfig, CharNet


def config(**changes):
    return CharConfig(**{"symbols": 7, "units": 5, **changes})


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_carried_state_reads_on_where_it_stopped(cell, layers):
    net = CharNet(config(cell=cell, layers=layers)).double()
    tokens = torch.randint(0, 7, (3, 11))
    whole = net(tokens)
    first, state = net.carry(tokens[:, :4], net.fresh_state(3))
    second, _ = net.carry(tokens[:, 4:], state)
    assert whole.shape == (3, 11, 7)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=0, atol=1e-14)


def test_lstm_is_the_papers_equations():
    net = CharNet(config(initial_range=0.5)).double()
    weights = {name: value.detach().numpy() for name, value in net.state_dict().items()}
    tokens = torch.randint(0, 7, (1, 9))
    h, c, expected = np.zeros(5), np.zeros(5), []
    for token in tokens[0].tolist():
        x = np.eye(7)[token]
        sums = weights["rnn.weight_ih_l0"] @ x + weights["rnn.weight_hh_l0"] @ h
        sums += weights["rnn.bias_ih_l0"] + weights["rnn.bias_hh_l0"]
        i, f, g, o = sums[:5], sums[5:10], sums[10:15], sums[15:]
        sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        expected.append(weights["readout.weight"] @ h + weights["readout.bias"])
    np.testing.assert_allclose(net(tokens)[0].detach().numpy(), expected, atol=1e-14)


@pytest.mark.parametrize(("initial_range", "bound"), [(None, 1 / 400**0.5), (0.08, 0.08)])
def test_fresh_weights_are_uniform(initial_range, bound):
    net = CharNet(CharConfig(50, units=400, initial_range=initial_range, forget_bias=0.0))
    for weight in net.parameters():
        assert weight.abs().max() <= bound
    recurrent = net.rnn.weight_hh_l0
    assert recurrent.abs().max() > 0.99 * bound
    assert recurrent.std().item() == pytest.approx(bound / 3**0.5, rel=0.01)


def test_forget_bias_is_set_in_every_layer_and_only_there():
    net = CharNet(config(layers=2, forget_bias=1.0, initial_range=0.1))
    for layer in range(2):
        bias = getattr(net.rnn, f"bias_ih_l{layer}")
        assert (bias[5:10] == 1).all()
        assert (bias[:5].abs() <= 0.1).all()
        assert (bias[10:].abs() <= 0.1).all()
        assert (getattr(net.rnn, f"bias_hh_l{layer}").abs() <= 0.1).all()


def test_fresh_weights_follow_the_seed():
    net = CharNet(config())
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        net.reset_parameters()
        drawn.append(net.readout.weight.clone())
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_dropout_acts_while_training_only():
    torch.manual_seed(0)
    net = CharNet(config(layers=2, dropout=0.5, units=50))
    tokens = torch.randint(0, 7, (2, 6))
    assert not torch.equal(net(tokens), net(tokens))
    net.eval()
    assert torch.equal(net(tokens), net(tokens))


@pytest.mark.parametrize("wrong", [{"symbols": 0}, {"layers": 0}, {"units": 0}, {"dropout": 1.0}])
def test_wrong_configurations_are_refused(wrong):
    with pytest.raises(InputError):
        config(**wrong)


def test_many_symbols_are_read_in_stretches(monkeypatch):
    model, given = ModuleModel(CharNet(config(symbols=SYMBOLS, layers=2)).double()), batch([12, 9, 12])
    read = ["rnn.0.hidden", "rnn.1.cell", "output.loss"]
    whole = model.run(given, read)
    monkeypatch.setattr(char, "AT_ONCE", 3 * SYMBOLS * 5)
    monkeypatch.setattr(predictions, "AT_ONCE", 1)
    for name, values in model.run(given, read).items():
        torch.testing.assert_close(values, whole[name], rtol=0, atol=1e-14)
