"""Stock cells in loops of many kinds, against the equations of PyTorch's documentation and the loop without them."""

import pytest
import torch
from odd_nets import SYMBOLS, UNITS, Net, batch
from torch import nn

from unitscope.models.edit import Edit
from unitscope.models.module import ModuleModel

LENGTHS = (4, 9, 2, 7)
KINDS = {"LSTM": nn.LSTMCell, "GRU": nn.GRUCell, "RNN": nn.RNNCell, "ReLU": nn.RNNCell}


def streams_by_hand(cell, x, state):
    """Every stream of one step, and the state after it."""
    w, u = (x @ cell.weight_ih.T, state[0] @ cell.weight_hh.T)
    w, u = (w + cell.bias_ih, u + cell.bias_hh) if cell.bias else (w, u)
    if isinstance(cell, nn.LSTMCell):
        i, f, g, o = (w + u).chunk(4, 1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * state[1] + i * g
        h = o * c.tanh()
        return {"input_gate": i, "forget_gate": f, "cell_gate": g, "output_gate": o, "cell": c, "hidden": h}, (h, c)
    if isinstance(cell, nn.GRUCell):
        (r, z, n), (r2, z2, n2) = w.chunk(3, 1), u.chunk(3, 1)
        r, z = (r + r2).sigmoid(), (z + z2).sigmoid()
        n = (n + r * n2).tanh()
        h = (1 - z) * n + z * state[0]
        return {"reset_gate": r, "update_gate": z, "new_gate": n, "hidden": h}, (h,)
    h = (w + u).relu() if cell.nonlinearity == "relu" else (w + u).tanh()
    return {"hidden": h}, (h,)


class Looped(Net):
    """Over the steps in either direction, and over the rows that have not ended, longest first."""

    def __init__(self, cell, backwards=False, packed=False):
        super().__init__(cell)
        self.embed = nn.Embedding(SYMBOLS, UNITS)
        self.backwards, self.packed = backwards, packed

    def forward(self, tokens, lengths=None):
        x, state, found = self.embed(tokens), None, torch.zeros(*tokens.shape, UNITS)
        order = lengths.argsort(descending=True, stable=True) if self.packed else torch.arange(len(tokens))
        steps = range(tokens.shape[1])
        for t in reversed(steps) if self.backwards else steps:
            rows = order[: int((lengths > t).sum())] if self.packed else order
            if state is not None:
                state = tuple(part[: len(rows)] for part in state) if isinstance(state, tuple) else state[: len(rows)]
            state = self.rnn(x[rows, t], state)
            found[rows, t] = state[0] if isinstance(state, tuple) else state
        return self.out(found)


def made(name, **options):
    torch.manual_seed(0)
    cell = {"ReLU": {"nonlinearity": "relu"}, "RNN": {"bias": False}}.get(name, {})
    return Looped(KINDS[name](UNITS, UNITS, **cell), **options).eval()


def of_each(net, given, streams=streams_by_hand):
    """What every stream is, row by row."""
    for row, length in enumerate(LENGTHS):
        x = net.embed(given.tokens[row : row + 1])
        state = (torch.zeros(1, UNITS),) * 2
        for t in reversed(range(length)) if net.backwards else range(length):
            found, state = streams(net.rnn, x[:, t], state)
            yield row, t, found


@pytest.mark.parametrize("packed", [False, True], ids=["all rows", "packed"])
@pytest.mark.parametrize("name", KINDS)
@torch.no_grad()
def test_gates_of_a_cell_in_a_loop(name, packed):
    net, given = made(name, packed=packed), batch(LENGTHS)
    model = ModuleModel(net, call=lambda net, batch: net(batch.tokens, batch.lengths))
    inside = [site.name for site in model.sites() if site.kind != "prediction"]
    values = model.run(given, inside)
    assert not any("not exact" in note for note in model.checked.notes)
    for row, t, found in of_each(net, given):
        assert [f"rnn.{stream}" for stream in found] == inside
        for stream, expected in found.items():
            torch.testing.assert_close(values[f"rnn.{stream}"][row, t], expected[0], rtol=0, atol=1e-6)


@torch.no_grad()
def test_gates_of_a_cell_that_goes_backwards():
    net, given = made("GRU", backwards=True), batch(LENGTHS)
    values = ModuleModel(net).run(given, ["rnn.update_gate", "rnn.hidden"])
    for row, t, found in of_each(net, given):
        for stream in ("update_gate", "hidden"):
            torch.testing.assert_close(values[f"rnn.{stream}"][row, t], found[stream][0], rtol=0, atol=1e-6)


class Layers(Looped):
    """One cell for two layers, one after the other or step by step."""

    def __init__(self, in_turn):
        super().__init__(nn.GRUCell(UNITS, UNITS))
        self.in_turn = in_turn

    def forward(self, tokens):
        x = self.embed(tokens)
        if self.in_turn:
            first, second, found = None, None, []
            for t in range(tokens.shape[1]):
                first = self.rnn(x[:, t], first)
                second = self.rnn(first, second)
                found.append(second)
            return self.out(torch.stack(found, 1))
        for _ in range(2):
            state, found = None, []
            for t in range(tokens.shape[1]):
                state = self.rnn(x[:, t], state)
                found.append(state)
            x = torch.stack(found, 1)
        return self.out(x)


@torch.no_grad()
def test_a_cell_that_two_layers_share():
    torch.manual_seed(0)
    after, turns = Layers(False).eval(), Layers(True).eval()
    turns.load_state_dict(after.state_dict())
    given = batch(LENGTHS)
    names = [f"rnn{again}.{stream}" for again in ("", "#2") for stream in ("reset_gate", "hidden")]
    edit = Edit("rnn#2.update_gate", (3,), (0.25,))
    for edits in ([], [edit]):
        one, other = (ModuleModel(net).run(given, [*names, "rnn#2.update_gate"], edits) for net in (after, turns))
        for name in one:
            torch.testing.assert_close(one[name][given.counted], other[name][given.counted])
    assert (one["rnn#2.update_gate"][..., 3] == 0.25).all()
    x = after.embed(given.tokens[:1])
    for again in ("", "#2"):
        state, found = None, []
        for t in range(LENGTHS[0]):
            state = after.rnn(x[:, t], state)
            found.append(state)
        x = torch.stack(found, 1)
        expected = ModuleModel(after).run(given, [f"rnn{again}.hidden"])[f"rnn{again}.hidden"]
        torch.testing.assert_close(expected[:1, : LENGTHS[0]], x)


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
@torch.no_grad()
def test_an_edited_gate_is_what_follows_from_it(name):
    net, given = made(name), batch(LENGTHS)
    gate = {"LSTM": "forget_gate", "GRU": "reset_gate"}[name]

    def edited(cell, x, state):
        """The same equations with one gate held, by way of weights that hold it."""
        held = type(cell)(UNITS, UNITS)
        held.load_state_dict(cell.state_dict())
        unit = 2 + (UNITS if name == "LSTM" else 0)
        for weight in (held.weight_ih, held.weight_hh, held.bias_ih, held.bias_hh):
            weight[unit] = 0
        held.bias_ih[unit] = torch.tensor(0.75).logit()
        return streams_by_hand(held, x, state)

    values = ModuleModel(net).run(given, ["rnn.hidden", f"rnn.{gate}"], [Edit(f"rnn.{gate}", (2,), (0.75,))])
    for row, t, found in of_each(net, given, edited):
        for stream in ("hidden", gate):
            torch.testing.assert_close(values[f"rnn.{stream}"][row, t], found[stream][0], rtol=0, atol=1e-6)
