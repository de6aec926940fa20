import pytest
import torch
from torch import nn

from unitscope.corpus.batch import Batch
from unitscope.errors import InputError
from unitscope.interventions.lesions import holds, lesions
from unitscope.models.edit import Edit
from unitscope.models.module import ModuleModel
from unitscope.networks.char import CharConfig, CharNet

SYMBOLS, UNITS = 7, 5


def batch_of(lengths=(12, 12, 12)):
    torch.manual_seed(3)
    tokens = torch.randint(0, SYMBOLS, (len(lengths), max(lengths)))
    zeros = torch.zeros(len(lengths), dtype=torch.long)
    return Batch(tokens, tokens.roll(-1, 1), zeros, torch.tensor(lengths), torch.arange(len(lengths)))


def by_hand(net, tokens, layer, unit, value):
    """Logits of a CharNet: one step of one layer at a time, the unit overwritten after each."""
    rnn = net.rnn
    cells = []
    for number in range(rnn.num_layers):
        kind = {"RNN_TANH": nn.RNNCell, "LSTM": nn.LSTMCell, "GRU": nn.GRUCell}[rnn.mode]
        cell = kind(rnn.input_size if number == 0 else rnn.hidden_size, rnn.hidden_size).to(net.readout.weight)
        cell.load_state_dict({f"{n[:-3]}": v for n, v in rnn.state_dict().items() if n.endswith(f"_l{number}")})
        cells.append(cell)
    states = [None] * len(cells)
    logits = []
    one_hot = nn.functional.one_hot(tokens, SYMBOLS).to(net.readout.weight)
    for t in range(tokens.shape[1]):
        x = one_hot[:, t]
        for number, cell in enumerate(cells):
            state = states[number]
            if state is None:
                zeros = x.new_zeros(len(x), rnn.hidden_size)
                if number == layer:
                    zeros[:, unit] = value
                state = (zeros, torch.zeros_like(zeros)) if rnn.mode == "LSTM" else zeros
            after = cell(x, state)
            hidden = after[0] if rnn.mode == "LSTM" else after
            if number == layer:
                hidden = hidden.clone()
                hidden[:, unit] = value
            states[number] = (hidden, after[1]) if rnn.mode == "LSTM" else hidden
            x = hidden
        logits.append(net.readout(x))
    return torch.stack(logits, dim=1)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("value", [0.0, 0.6])
@torch.no_grad()
def test_a_held_unit_is_a_unit_overwritten_after_every_step(cell, layer, value):
    torch.manual_seed(0)
    net = CharNet(CharConfig(SYMBOLS, cell, 3, UNITS)).double().eval()
    model, batch = ModuleModel(net, logits=lambda output: output), batch_of()
    with lesions(model, batch, f"rnn.{layer}.hidden", ["output.log_prob"]) as lesion:
        for unit in (4, 0):
            found = lesion([unit], [value])["output.log_prob"]
            expected = by_hand(net, batch.tokens, layer, unit, value).log_softmax(-1)
            assert (found - expected).abs().max() < 1e-12


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("settings", [{"bidirectional": True}, {"bias": False}, {"proj_size": 3}, {}], ids=str)
def test_it_agrees_with_the_models_own_edits(kind, settings):
    if "proj_size" in settings and kind is not nn.LSTM:
        pytest.skip("only an LSTM has projections")
    torch.manual_seed(0)
    layer = kind(4, UNITS, num_layers=3, batch_first=True, **settings)
    width = (settings.get("proj_size") or UNITS) * (1 + layer.bidirectional)
    module = nn.Sequential(nn.Embedding(SYMBOLS, 4), layer, Last(), nn.Linear(width, SYMBOLS))
    model, batch = ModuleModel(module, logits=lambda output: output), batch_of((12, 7, 12))
    read = ["output.loss"]
    for place in ["1", "1_reverse"][: 1 + layer.bidirectional]:
        site = f"1.{place}.hidden"
        held = [((0,), (0.0,)), ((1, 2), (0.3, -0.4))]
        with lesions(model, batch, site, read) as lesion:
            found = [lesion(units, values)["output.loss"] for units, values in held]
        for (units, values), loss in zip(held, found, strict=True):
            expected = model.run(batch, read, [Edit(site, units, values)])["output.loss"]
            assert (loss - expected)[batch.counted].abs().max() < 1e-6


STREAMS = {
    nn.LSTM: ["input_gate", "forget_gate", "cell_gate", "output_gate", "cell"],
    nn.GRU: ["reset_gate", "update_gate", "new_gate"],
}


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize(("kind", "stream"), [(kind, stream) for kind, names in STREAMS.items() for stream in names])
@pytest.mark.parametrize("settings", [{"bidirectional": True}, {"bias": False}, {"proj_size": 3}, {}], ids=str)
def test_gates_and_cells_are_held_by_weights(kind, stream, settings):
    if "proj_size" in settings and kind is not nn.LSTM:
        pytest.skip("only an LSTM has projections")
    torch.manual_seed(0)
    layer = kind(4, UNITS, num_layers=2, batch_first=True, **settings)
    width = (settings.get("proj_size") or UNITS) * (1 + layer.bidirectional)
    module = nn.Sequential(nn.Embedding(SYMBOLS, 4), layer, Last(), nn.Linear(width, SYMBOLS)).double()
    model, batch = ModuleModel(module, logits=lambda output: output), batch_of((12, 7, 12))
    read = ["output.loss"]
    for place in ["0", "1", "1_reverse"][: 2 + layer.bidirectional]:
        site = f"1.{place}.{stream}"
        ends = [(3, 4), (1.0, 0.0)] if stream not in ("cell_gate", "new_gate") else [(3, 4), (1.0, -1.0)]
        held = [((0,), (0.25,)), ((1, 2), (0.3, 0.9)), tuple(ends), ((4,), (0.5,))]
        with lesions(model, batch, site, read) as lesion:
            found = [lesion(units, values)["output.loss"] for units, values in held]
        for (units, values), loss in zip(held, found, strict=True):
            expected = model.run(batch, read, [Edit(site, units, values)])["output.loss"]
            assert (loss - expected)[batch.counted].abs().max() < 1e-9


def test_what_no_weight_can_hold():
    gate, cell, plain = nn.GRU(2, 2), nn.LSTM(2, 2), nn.RNN(2, 2)
    assert holds(gate, "update_gate", torch.tensor([0.0, 1.0]))
    assert holds(gate, "new_gate", torch.tensor([-1.0]))
    assert holds(cell, "cell", torch.tensor([7.0]))
    assert holds(plain, "hidden", torch.tensor([-3.0]))
    for module, stream, value in (
        (gate, "update_gate", 1.1),
        (cell, "cell_gate", -1.5),
        (gate, "cell", 0.0),
        (plain, "gate", 0.0),
    ):
        assert not holds(module, stream, torch.tensor([value]))


class Last(nn.Module):
    """The outputs of a recurrent layer without its last state."""

    def forward(self, given):
        return given[0]


class Two(nn.Module):
    """Two recurrent modules, and one that is called step by step on what it said before."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(SYMBOLS, 4)
        self.first = nn.GRU(4, UNITS, batch_first=True)
        self.second = nn.LSTM(UNITS, UNITS, num_layers=2, batch_first=True)
        self.third = nn.RNN(UNITS, UNITS, batch_first=True)
        self.readout = nn.Linear(UNITS, SYMBOLS)

    def forward(self, tokens):
        x = self.first(self.embed(tokens))[0]
        state, told, steps = None, torch.zeros_like(x[:, :1]), []
        for t in range(x.shape[1]):
            told, state = self.second(x[:, t : t + 1] + told, state)
            steps.append(told)
        return self.readout(self.third(torch.cat(steps, dim=1))[0])


@pytest.mark.parametrize(
    "site",
    ["first.0.hidden", "second.0.hidden", "second.1.hidden", "third.0.hidden", "second.0.cell", "second.1.input_gate"],
)
def test_models_that_call_layers_many_times_and_feed_themselves(site):
    torch.manual_seed(0)
    model, batch = ModuleModel(Two()), batch_of()
    with lesions(model, batch, site, ["output.loss"]) as lesion:
        found = [lesion([unit], [0.2])["output.loss"] for unit in range(UNITS)]
    for unit, loss in enumerate(found):
        expected = model.run(batch, ["output.loss"], [Edit(site, (unit,), (0.2,))])["output.loss"]
        assert (loss - expected).abs().max() < 1e-6


def test_layers_below_run_once():
    torch.manual_seed(0)
    module = Two()
    model, batch = ModuleModel(module), batch_of()
    runs = []
    stock = module.first.forward
    module.first.forward = lambda *given: runs.append(1) or stock(*given)
    with lesions(model, batch, "third.0.hidden", ["output.loss"]) as lesion:
        runs.clear()
        for unit in range(UNITS):
            lesion([unit], [0.0])
    assert not runs


@pytest.mark.parametrize("stream", ["hidden", "cell", "forget_gate"])
def test_few_different_inputs_are_read_by_number(stream):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Embedding(SYMBOLS, 16), nn.LSTM(16, UNITS, batch_first=True), Last(), nn.Linear(UNITS, 7))
    model, batch = ModuleModel(module), batch_of()
    with lesions(model, batch, f"1.0.{stream}", ["output.loss"]) as lesion:
        found = [lesion([unit], [0.3])["output.loss"] for unit in range(UNITS)]
        assert module[1].forward.symbols[1].shape == (3, 12, len(batch.tokens.unique()))
    for unit, loss in enumerate(found):
        expected = model.run(batch, ["output.loss"], [Edit(f"1.0.{stream}", (unit,), (0.3,))])["output.loss"]
        assert (loss - expected).abs().max() < 1e-6


def test_the_model_is_as_it_was_even_after_an_error():
    torch.manual_seed(0)
    net = CharNet(CharConfig(SYMBOLS, "gru", 2, UNITS))
    model, batch = ModuleModel(net, logits=lambda output: output), batch_of()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    intact = model.run(batch, ["output.loss"])["output.loss"]

    def lesion_units(*units):
        with lesions(model, batch, "rnn.1.hidden", ["output.loss"]) as lesion:
            for unit in units:
                lesion([unit], [0.0])

    with pytest.raises(InputError, match="unit 99"):
        lesion_units(0, 99)
    assert "forward" not in net.rnn.__dict__
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])
    assert torch.equal(model.run(batch, ["output.loss"])["output.loss"], intact)
