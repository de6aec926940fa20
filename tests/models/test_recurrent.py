"""Every stream against a loop written out by hand, for every way in which a layer can be called."""

import pytest
import torch
from loops import by_hand
from nets import KINDS, SYMBOLS, Kind, Tagger, batch, row, tagger
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from unitscope.models import dense, layers
from unitscope.models.edit import Edit, zero
from unitscope.models.module import ModuleModel

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

LENGTHS = [9, 4, 9, 1, 6]


@pytest.fixture(autouse=True)
def same_numbers_every_time():
    torch.manual_seed(0)


def streams(model):
    return [site.name for site in model.sites() if site.kind != "prediction"]


def agree(found, expected, kind):
    """Within the tolerance of the precision, relative to the largest value where values exceed 1."""
    assert {name.partition(".")[2] for name in found} == expected.keys()
    for name, value in found.items():
        right = expected[name.partition(".")[2]]
        assert value.shape == right.shape
        assert (value - right).abs().max() <= kind.tolerance * max(1.0, float(right.abs().max())), name


@pytest.mark.parametrize("kind", KINDS, ids=str)
@torch.no_grad()
def test_streams_are_those_of_a_loop_by_hand(kind, monkeypatch):
    if kind.layers == 2:
        monkeypatch.setattr(layers, "WIDE", 0)  # every step is wide, so layers are looped
    net, tokens = tagger(kind), batch([9] * 4)
    model = ModuleModel(net)
    agree(model.run(tokens, streams(model)), by_hand(net.rnn, net.embedding(tokens.tokens)), kind)


@torch.no_grad()
def test_hidden_and_cell_are_those_of_torchs_own_cells():
    net, tokens = tagger(Kind("lstm")), batch([9] * 4)
    cell = nn.LSTMCell(5, 7)
    cell.load_state_dict({name.removesuffix("_l0"): weight for name, weight in net.rnn.state_dict().items()})
    values = ModuleModel(net).run(tokens, ["rnn.0.hidden", "rnn.0.cell"])
    state = None
    for t, x in enumerate(net.embedding(tokens.tokens).unbind(1)):
        state = cell(x, state)
        torch.testing.assert_close(values["rnn.0.hidden"][:, t], state[0], rtol=0, atol=1e-6)
        torch.testing.assert_close(values["rnn.0.cell"][:, t], state[1], rtol=0, atol=1e-6)


@torch.no_grad()
def test_an_update_gate_of_one_keeps_the_state():
    net, tokens = tagger(Kind("gru")), batch([9] * 4)
    net.rnn.bias_ih_l0[7:14] = 100.0
    values = ModuleModel(net).run(tokens, ["rnn.0.hidden", "rnn.0.update_gate"])
    assert (values["rnn.0.update_gate"] == 1).all()
    assert (values["rnn.0.hidden"] == 0).all()


@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("wide", [0, layers.WIDE], ids=["loop", "gates"])
@torch.no_grad()
def test_packed_sequences(cell, bidirectional, wide, monkeypatch):
    """In any order of lengths; and padding is whatever the module makes of it."""
    monkeypatch.setattr(layers, "WIDE", wide)
    kind = Kind(cell, 2, bidirectional)
    net, tokens = tagger(kind), batch(LENGTHS)

    def call(net, batch):
        packed = pack_padded_sequence(
            net.embedding(batch.tokens), batch.lengths, batch_first=True, enforce_sorted=False
        )
        output, _ = net.rnn(packed)
        return net.decoder(pad_packed_sequence(output, batch_first=True)[0])

    model = ModuleModel(net, call=call, logits=lambda output: output)
    read = [*streams(model), "output.loss"]
    values = model.run(tokens, read)
    alone = ModuleModel(net, logits=lambda output: output)
    for number, length in enumerate(LENGTHS):
        for name, value in alone.run(row(tokens, number), read).items():
            torch.testing.assert_close(values[name][number : number + 1, :length], value, rtol=0, atol=1e-6)


@torch.no_grad()
def test_packed_sequences_shorter_than_the_batch():
    net = tagger(Kind("lstm"))

    def call(net, batch):
        return net.rnn(pack_padded_sequence(net.embedding(batch.tokens), batch.lengths, batch_first=True))

    short = batch([9, 4])
    short.lengths[0] = 7
    values = ModuleModel(net, call=call, logits=lambda _: None).run(short, ["rnn.0.cell"])
    assert values["rnn.0.cell"].shape == (2, 9, 7)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.layers == 2], ids=str)
@torch.no_grad()
def test_given_initial_states(kind):
    net, tokens = tagger(kind), batch([9] * 4)
    shape = (2 * (1 + kind.bidirectional), 4)
    hidden = torch.randn(*shape, kind.projection or 7, dtype=kind.dtype).tanh()
    cell = torch.randn(*shape, 7, dtype=kind.dtype)
    state = (hidden, cell) if kind.cell == "lstm" else (hidden,)

    def call(net, batch):
        given = tuple(part[:, batch.sequence] for part in state)
        return net.rnn(net.embed(batch.tokens), given if kind.cell == "lstm" else given[0])

    model = ModuleModel(net, call=call, logits=lambda _: None)
    agree(model.run(tokens, streams(model)), by_hand(net.rnn, net.embedding(tokens.tokens), None, state), kind)


@torch.no_grad()
def test_last_states_are_returned_as_the_layer_returns_them():
    """Also where sequences end at different steps."""
    for kind in KINDS:
        if kind.layers == 2 and kind.batch_first:
            net, tokens, last = tagger(kind), batch(LENGTHS), []

            def call(net, batch, last=last):
                x = pack_padded_sequence(
                    net.embedding(batch.tokens), batch.lengths, batch_first=True, enforce_sorted=False
                )
                last.append(net.rnn(x)[1])
                return None

            model = ModuleModel(net, call=call, logits=lambda _: None)
            model.run(tokens, [])
            model.run(tokens, streams(model))
            torch.testing.assert_close(last[-1], last[-2], rtol=0, atol=kind.tolerance)


@torch.no_grad()
def test_a_single_sequence_without_batch_axis():
    for kind in (Kind("lstm", 2, True), Kind("gru", 2, batch_first=False), Kind("tanh", 2)):
        net, tokens = tagger(kind), batch([9])
        model = ModuleModel(net, call=lambda net, batch: net.rnn(net.embedding(batch.tokens[0])), logits=lambda _: None)
        agree(model.run(tokens, streams(model)), by_hand(net.rnn, net.embedding(tokens.tokens)), kind)


@torch.no_grad()
def test_a_module_that_steps_by_itself():
    class Stepping(Tagger):
        def forward(self, tokens):
            state, outputs = None, []
            for x in self.embedding(tokens).split(1, dim=1):
                output, state = self.rnn(x, state)
                outputs.append(output)
            return self.decoder(torch.cat(outputs, dim=1))

    kind = Kind("lstm", 2)
    net, tokens = Stepping(kind), batch([9] * 4)
    net.load_state_dict(tagger(kind).state_dict())
    model = ModuleModel(net)
    agree(model.run(tokens, streams(model)), by_hand(net.rnn, net.embedding(tokens.tokens)), kind)


@torch.no_grad()
def test_without_biases_and_with_dropout():
    for cell in (nn.RNN, nn.LSTM, nn.GRU):
        layer = cell(5, 7, 2, bias=False, dropout=0.5, batch_first=True)
        for name in ("bias_ih_l0", "bias_hh_l0", "bias_ih_l1", "bias_hh_l1"):
            assert not hasattr(layer, name)
        codes, tokens = torch.randn(SYMBOLS, 5), batch([9] * 4)
        x = codes[tokens.tokens]
        model = ModuleModel(layer, call=lambda layer, b, codes=codes: layer(codes[b.tokens]), logits=lambda _: None)
        values = model.run(tokens, streams(model))
        twin = cell(5, 7, 2, batch_first=True)
        for name, weight in twin.named_parameters():
            weight.copy_(getattr(layer, name, torch.zeros(())))
        agree(values, by_hand(twin, x), Kind("lstm"))


@torch.no_grad()
def test_more_sequences_than_run_together():
    net, tokens = tagger(Kind("gru", 2, True)), batch([9] * 150)
    model = ModuleModel(net)
    agree(model.run(tokens, streams(model)), by_hand(net.rnn, net.embedding(tokens.tokens)), Kind("gru"))


@torch.no_grad()
def test_more_packed_sequences_than_run_together():
    kind = Kind("lstm", 1, True)
    net, tokens = tagger(kind), batch([1 + n % 9 for n in range(150)])

    def call(net, batch):
        return net.rnn(
            pack_padded_sequence(net.embedding(batch.tokens), batch.lengths, batch_first=True, enforce_sorted=False)
        )

    model = ModuleModel(net, call=call, logits=lambda _: None)
    values = model.run(tokens, streams(model))
    for number in (0, 8, 77, 149):
        one = row(tokens, number)
        expected = by_hand(net.rnn, net.embedding(one.tokens))
        found = {name: value[number : number + 1, : one.tokens.shape[1]] for name, value in values.items()}
        agree(found, expected, kind)


@torch.no_grad()
def test_the_same_without_the_private_operators(monkeypatch):
    monkeypatch.setattr(dense, "_packed_works", lambda: False)
    for kind in (Kind("lstm", 2, True), Kind("gru", 2)):
        net, tokens = tagger(kind), batch([9] * 4)
        model = ModuleModel(net)
        agree(model.run(tokens, streams(model)), by_hand(net.rnn, net.embedding(tokens.tokens)), kind)


@pytest.mark.parametrize("kind", [k for k in KINDS if k.layers == 2 and k.dtype == torch.float64], ids=str)
@torch.no_grad()
def test_held_units_are_held_as_in_a_loop_by_hand(kind):
    net, tokens = tagger(kind), batch([9] * 4)
    model = ModuleModel(net)
    for site in streams(model):
        held = {site.partition(".")[2]: {1: 0.75, 2: -0.5}}
        found = model.run(tokens, streams(model), [Edit(site, (1, 2), (0.75, -0.5))])
        agree(found, by_hand(net.rnn, net.embedding(tokens.tokens), held), kind)


@torch.no_grad()
def test_several_edits_at_once():
    kind = Kind("lstm", 2, dtype=torch.float64)
    net, tokens = tagger(kind), batch([9] * 4)
    model = ModuleModel(net)
    edits = [
        Edit("rnn.0.cell", (3,), (1.5,)),
        zero("rnn.0.hidden", [0, 1]),
        Edit("rnn.0.hidden", (1, 2), (0.5, 0.25)),
        Edit("rnn.1.forget_gate", (6,), (1.0,)),
    ]
    held = {"0.cell": {3: 1.5}, "0.hidden": {0: 0.0, 1: 0.5, 2: 0.25}, "1.forget_gate": {6: 1.0}}
    agree(model.run(tokens, streams(model), edits), by_hand(net.rnn, net.embedding(tokens.tokens), held), kind)


@torch.no_grad()
def test_initial_states_are_held_too():
    kind = Kind("lstm", dtype=torch.float64)
    net, tokens = tagger(kind), batch([3] * 4)
    state = torch.randn(2, 1, 4, 7, dtype=torch.float64)

    def call(net, batch):
        return net.rnn(net.embed(batch.tokens), tuple(state[:, :, batch.sequence]))

    model = ModuleModel(net, call=call, logits=lambda _: None)
    for name in ("hidden", "cell"):
        found = model.run(tokens, streams(model), [Edit(f"rnn.0.{name}", (1,), (0.75,))])
        expected = by_hand(net.rnn, net.embedding(tokens.tokens), {f"0.{name}": {1: 0.75}}, state)
        agree(found, expected, kind)


@pytest.mark.parametrize("cell", ["tanh", "relu", "lstm", "gru"])
@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("read", [["output.loss"], ["output.loss", "rnn.0.hidden", "rnn.1.hidden"]])
@torch.no_grad()
def test_silencing_a_unit_is_zeroing_its_column_everywhere(cell, layer, read):
    """Of the recurrent matrix and of every consumer."""
    net, tokens, unit = tagger(Kind(cell, 2)), batch(LENGTHS), 4
    silenced = ModuleModel(net).run(tokens, read, [zero(f"rnn.{layer}.hidden", [unit])])
    cut = tagger(Kind(cell, 2))
    getattr(cut.rnn, f"weight_hh_l{layer}")[:, unit] = 0
    (cut.decoder.weight if layer else cut.rnn.weight_ih_l1)[:, unit] = 0
    expected = ModuleModel(cut).run(tokens, ["output.loss"])["output.loss"]
    torch.testing.assert_close(silenced["output.loss"], expected, rtol=0, atol=1e-6)


def test_a_subclass_with_its_own_forward_is_not_taken_for_stock():
    class Doubling(nn.LSTM):
        def forward(self, input, hx=None):
            output, state = super().forward(input, hx)
            return 2 * output, state

    net = tagger(Kind("gru"))
    net.doubling = Doubling(3, 3)
    assert not any(name.startswith("doubling") for name in streams(ModuleModel(net)))


def test_an_initial_state_of_the_wrong_size():
    net = tagger(Kind("lstm"))
    missing = 0

    def call(net, batch):
        states = torch.zeros(2, 1, len(batch.tokens) - missing, 7)
        return net.rnn(net.embed(batch.tokens), tuple(states))

    model = ModuleModel(net, call=call, logits=lambda _: None)
    model.run(batch([9] * 4), ["rnn.0.cell"])
    missing = 1
    with pytest.raises(RuntimeError, match="initial states"):
        model.run(batch([9] * 4), ["rnn.0.cell"])


def test_symbols_are_those_of_the_decoder():
    assert {s.name: s.units for s in ModuleModel(tagger(Kind("gru"))).sites()}["output.log_prob"] == SYMBOLS
