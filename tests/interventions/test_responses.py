import math

import numpy as np
import pytest
import torch
from scipy.signal import lfilter
from scipy.stats import spearmanr
from torch import nn

from unitscope.analyses.response import Response
from unitscope.corpus import drives
from unitscope.corpus.drives import DriveCorpus, Ends
from unitscope.errors import InputError
from unitscope.fold.analyze import analyze
from unitscope.interventions.layers import find_layer
from unitscope.interventions.responses import alone, layer_input, respond, time_constants
from unitscope.models.module import ModuleModel
from unitscope.source.live import Live

LSTM_LEAKS = [0.5, 0.9, 0.97]


def model_of(module, channels):
    return ModuleModel(module, channels=channels, logits=lambda _: None)


def layer_of(module, channels, name):
    return find_layer(model_of(module, channels), name)


def unit_drives(*made, channels=1):
    ends = Ends(torch.zeros(1, channels), torch.ones(1, channels))
    return DriveCorpus(made, ends)


def memory_cells():
    """c_t = f c_{t−1} + 1e-3 x_t: an LSTM whose gates stand still."""
    lstm = nn.LSTM(1, 3).double()
    with torch.no_grad():
        for weight in lstm.parameters():
            weight.zero_()
        lstm.weight_ih_l0[6:9] = 1e-3
        lstm.bias_ih_l0[0:3] = lstm.bias_ih_l0[9:12] = 20
        lstm.bias_ih_l0[3:6] = torch.logit(torch.tensor(LSTM_LEAKS, dtype=torch.float64))
    return lstm


def test_settling_through_an_lstm_is_that_of_its_forget_gates():
    results = respond(layer_of(memory_cells(), 1, "lstm.0"), unit_drives(drives.step(1200, 200)))
    hidden = results["lstm.0.hidden", "response"]
    assert hidden.metric("settling").tolist() == [3, 21, 75]
    np.testing.assert_allclose(hidden.metric("final"), [1e-3 / (1 - f) for f in LSTM_LEAKS], rtol=1e-3)
    gate = results["lstm.0.forget_gate", "response"]
    assert gate.metric("delta").tolist() == [0, 0, 0]
    assert np.isnan(gate.metric("settling")).all()
    assert set(results.sites()) == {
        f"lstm.0.{stream}" for stream in ("input_gate", "forget_gate", "cell_gate", "output_gate", "cell", "hidden")
    }
    assert {"step settling", "step delta"} <= set(results.to_pandas().columns)


def test_gain_through_an_rnn_is_that_of_its_poles():
    rnn = nn.RNN(1, 2, bias=False).double()
    poles, scale, frequency = [0.5, 0.9], 1e-4, 0.05
    with torch.no_grad():
        rnn.weight_ih_l0.fill_(scale)
        rnn.weight_hh_l0.copy_(torch.tensor([[0.5, 0.7], [-0.3, 0.9]]))  # the others' part must not matter
    corpus = DriveCorpus([drives.sine(2000, frequency)], Ends(-torch.ones(1, 1), torch.ones(1, 1)))
    results = respond(layer_of(rnn, 1, "rnn.0"), corpus)
    (result,) = results
    for unit, a in enumerate(poles):
        response = scale / (1 - a * np.exp(-2j * np.pi * frequency))
        assert result.metric("gain")[unit] == pytest.approx(abs(response), rel=1e-6)
        assert result.metric("phase")[unit] == pytest.approx(np.angle(response), abs=1e-6)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("name", ["0", "1_reverse"])
def test_units_taken_apart_are_networks_of_one_unit(kind, name):
    units, channels = 5, 3
    torch.manual_seed(0)
    module = kind(channels, units, num_layers=2, bidirectional=True)
    layer = layer_of(module, channels, f"{kind.__name__.lower()}.{name}")
    together = alone(layer)
    x = torch.randn(4, 30, together.input_size, dtype=torch.float64)
    whole = together(x)[0]
    for unit in range(units):
        own = kind(together.input_size, 1, batch_first=True).double()
        rows = slice(unit, None, units)
        with torch.no_grad():
            own.weight_ih_l0.copy_(getattr(module, f"weight_ih_l{name}")[rows])
            own.weight_hh_l0.copy_(getattr(module, f"weight_hh_l{name}")[rows, unit : unit + 1])
            own.bias_ih_l0.copy_(getattr(module, f"bias_ih_l{name}")[rows])
            own.bias_hh_l0.copy_(getattr(module, f"bias_hh_l{name}")[rows])
        assert (own(x)[0][..., 0] - whole[..., unit]).abs().max() < 1e-12


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_clamped_units_see_the_others_stand_still(kind):
    """Step by step with the intact layer, all other units set to their means before every step."""
    torch.manual_seed(1)
    module, mean = kind(2, 4, batch_first=True).double(), torch.tensor([0.3, -0.2, 0.5, 0.1]).double()
    clamped = alone(layer_of(module, 2, f"{kind.__name__.lower()}.0"), "clamped", mean)
    x = torch.randn(1, 20, 2, dtype=torch.float64)
    whole = clamped(x)[0]
    for unit in range(4):
        hidden, cell = torch.zeros(1, 1, 4).double(), torch.zeros(1, 1, 4).double()
        for t in range(20):
            given = mean.expand(1, 1, 4).clone()
            given[..., unit] = hidden[..., unit]
            _, last = module(x[:, t : t + 1], (given, cell) if kind is nn.LSTM else given)
            hidden, cell = last if kind is nn.LSTM else (last, cell)
            assert hidden[0, 0, unit].item() == pytest.approx(whole[0, t, unit].item(), abs=1e-12)


def test_the_strongest_channel_is_reported():
    rnn = nn.RNN(2, 2).double()
    with torch.no_grad():
        rnn.weight_hh_l0.zero_()
        rnn.weight_ih_l0.copy_(torch.tensor([[0.1, -0.5], [0.3, 0.2]]))
    ends = drives.each_channel(torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    (result,) = respond(layer_of(rnn, 2, "rnn.0"), DriveCorpus([drives.step(50)], ends))
    assert result.way.tolist() == [1, 0]
    assert (result.metric("delta") > 0).tolist() == [False, True]
    assert result.to_pandas()["step way"].tolist() == [1, 0]


def test_a_coupled_cycle_never_settles():
    rnn = nn.RNN(1, 2, bias=False).double()
    with torch.no_grad():
        rnn.weight_ih_l0.copy_(torch.tensor([[1.0], [0.0]]))
        rnn.weight_hh_l0.copy_(torch.tensor([[0.0, -2.0], [2.0, 0.0]]))  # a pair that turns
    layer = layer_of(rnn, 1, "rnn.0")
    corpus = unit_drives(drives.step(400))
    (coupled,) = respond(layer, corpus, "coupled")
    assert not coupled.metric("settled").any()
    (isolated,) = respond(layer, corpus)
    assert isolated.metric("settled").all()


def test_every_drive_has_its_own_columns():
    rnn = nn.RNN(1, 2).double()
    made = [make(60) for make in drives.DRIVES.values()]
    results = respond(layer_of(rnn, 1, "rnn.0"), unit_drives(*made))
    table = results.to_pandas()
    assert table.columns.drop(["site"], errors="ignore").is_unique
    assert {"step settling", "sine gain", "impulse peak", "ramp lag", "chirp r"} <= set(table.columns)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_time_constants_are_those_of_the_jacobian(kind):
    torch.manual_seed(0)
    units, parts = 6, 2 if kind is nn.LSTM else 1
    single = alone(layer_of(kind(1, units), 1, f"{kind.__name__.lower()}.0"))
    x = torch.zeros(1, 3000, 1, dtype=torch.float64)
    rest = single(x)[1]
    flat = torch.cat(rest if parts == 2 else [rest], dim=2).flatten()

    def after(state):
        given = tuple(state.view(parts, 1, 1, units))
        last = single(x[:, :1], given if parts == 2 else given[0])[1]
        return torch.cat(last if parts == 2 else [last], dim=2).flatten()

    jacobian = torch.autograd.functional.jacobian(after, flat).view(parts, units, parts, units)
    for unit in range(units):
        own = torch.linalg.eigvals(jacobian[:, unit, :, unit]).abs().max()
        assert time_constants(single, torch.zeros(1))[unit] == pytest.approx(-1 / math.log(own), rel=1e-6)


def test_the_input_of_any_layer_can_be_read():
    torch.manual_seed(0)
    lstm = nn.LSTM(2, 3, num_layers=2, batch_first=True).double()
    corpus = DriveCorpus([drives.step(10), drives.sine(7)], Ends(torch.zeros(1, 2), torch.ones(1, 2)))
    model = model_of(lstm, 2)
    first = layer_input(model, corpus, find_layer(model, "lstm.0"), range(2))
    assert torch.equal(first, torch.cat([corpus.batch([n]).tokens[0] for n in range(2)]))
    second = layer_input(model, corpus, find_layer(model, "lstm.1"), range(2))
    own = nn.LSTM(2, 3, batch_first=True).double()
    own.load_state_dict({name: value for name, value in lstm.state_dict().items() if name.endswith("l0")})
    expected = torch.cat([own(corpus.batch([n]).tokens)[0][0] for n in range(2)])
    torch.testing.assert_close(second, expected)


def test_bad_input_is_refused():
    model = model_of(nn.LSTM(2, 3), 2)
    with pytest.raises(InputError, match=r"lstm\.0"):
        find_layer(model, "lstm.7")
    with pytest.raises(InputError, match="2 channels but the drives have 1"):
        respond(find_layer(model, "lstm.0"), unit_drives(drives.step()))
    with pytest.raises(InputError, match="mean"):
        alone(find_layer(model, "lstm.0"), "clamped")
    with pytest.raises(InputError, match="mode"):
        alone(find_layer(model, "lstm.0"), "loose")
    with pytest.raises(InputError, match="projects"):
        alone(layer_of(nn.LSTM(2, 3, proj_size=2), 2, "lstm.0"))


def test_small_steps_settle_as_their_jacobian_says():
    """Spec: the small-signal set-up for LSTMs."""
    torch.manual_seed(1)
    lstm = nn.LSTM(1, 64)
    with torch.no_grad():
        lstm.bias_ih_l0[64:128] += 2
    layer = layer_of(lstm.double(), 1, "lstm.0")
    corpus = DriveCorpus([drives.step(600, 300)], Ends(torch.zeros(1, 1), torch.full((1, 1), 1e-3)))
    result = respond(layer, corpus, streams=["hidden"])["lstm.0.hidden", "response"]
    expected = -math.log(0.1) * time_constants(alone(layer), torch.zeros(1))
    settling = result.metric("settling")
    known = ~np.isnan(settling)
    assert known.mean() > 0.9
    assert spearmanr(settling[known], expected[known]).statistic >= 0.75
    assert np.median(np.abs(settling[known] - expected[known])) <= 1


def leaky(taus):
    """h_t = h_{t−1} + (x_t − h_{t−1}) / tau, in the range where the tangent is a straight line."""
    rnn = nn.RNN(1, len(taus), bias=False).double()
    with torch.no_grad():
        rnn.weight_ih_l0[:, 0] = 1e-4 / taus
        rnn.weight_hh_l0.copy_((1 - 1 / taus).diag())
    return rnn


def test_settling_ranks_known_time_constants():
    torch.manual_seed(0)
    taus = 1.1 + 60 * torch.rand(40, dtype=torch.float64)
    (result,) = respond(layer_of(leaky(taus), 1, "rnn.0"), unit_drives(drives.step(1000, 300)))
    assert spearmanr(result.metric("settling"), taus).statistic >= 0.99
    expected = np.ceil(np.log(0.1) / np.log(1 - 1 / taus.numpy()) - 1e-9) - 1
    assert np.abs(result.metric("settling") - expected).max() <= 1


def test_a_chirp_and_a_sine_pass_leaky_units_as_scipy_filters_them():
    taus = torch.tensor([1.5, 5.0, 20.0], dtype=torch.float64)
    made = [drives.chirp(300), drives.sine(300, 0.07), drives.ramp(300)]
    results = respond(layer_of(leaky(taus), 1, "rnn.0"), unit_drives(*made))
    for drive, result in zip(made, results, strict=True):
        for unit, tau in enumerate(taus.tolist()):
            expected = 1e-4 * lfilter([1 / tau], [1, 1 / tau - 1], drive.signal.numpy())
            np.testing.assert_allclose(result.response[:, unit], expected, atol=2e-11)
    chirped = results["rnn.0.hidden", Response("chirp").key]
    r = [np.corrcoef(made[0].signal, chirped.response[:, unit])[0, 1] for unit in range(3)]
    np.testing.assert_allclose(chirped.metric("r"), r, atol=1e-6)
    assert (np.diff(chirped.metric("r")) < 0).all()  # the slower a unit, the less it follows


def test_responses_do_not_depend_on_how_many_run_at_once():
    torch.manual_seed(0)
    model = model_of(nn.GRU(3, 5, batch_first=True).double(), 3)
    corpus = DriveCorpus([drives.step(50), drives.sine(50, 0.1)], drives.each_channel(torch.randn(40, 3)))
    found = [analyze(Live(model, corpus, batch_size=size), [Response()], ["*.hidden"]) for size in (1, 2, 64)]
    for (one,), (other,) in ((found[0], found[2]), (found[1], found[2])):
        np.testing.assert_allclose(one.metrics, other.metrics, rtol=1e-9)
        np.testing.assert_array_equal(one.way, other.way)


def test_response_says_what_it_measures():
    assert Response("impulse").labels == ("impulse",)
