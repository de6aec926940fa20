"""Layers that are called in unusual ways: by a subclass, several times, in pieces; each against a loop by hand."""

import pytest
import torch
from loops import by_hand
from odd_nets import UNITS, WIDE, Net, batch, gru, lstm, made
from torch import nn

from unitscope.models.edit import Edit
from unitscope.models.module import ModuleModel


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def inside(model):
    return [site.name for site in model.sites() if site.kind != "prediction"]


class Delegating(nn.LSTM):
    def forward(self, x, state=None):
        return super().forward(x, state)[0] * 2


class ByName(nn.GRU):
    def forward(self, x):
        return nn.GRU.forward(self, x)[0]


class Doubled(nn.LSTM):
    """Does not call the stock layer at all."""

    def forward(self, x):
        return torch.cat([x, x], -1)[..., :UNITS]


class Through(Net):
    def forward(self, tokens):
        return self.out(self.rnn(self.embed(tokens)))


@pytest.mark.parametrize("kind", [Delegating, ByName])
@torch.no_grad()
def test_a_subclass_that_delegates_has_its_gates(kind):
    before = kind.__mro__[1].forward
    net, given = made(lambda: Through(kind(WIDE, UNITS, batch_first=True))), batch([9, 4, 9])
    with torch.no_grad():
        plain = net(given.tokens).log_softmax(-1)
    model = ModuleModel(net)
    values = model.run(given, [*inside(model), "output.log_prob"])
    close(values["output.log_prob"], plain)
    for name, expected in by_hand(net.rnn, net.embed(given.tokens)).items():
        close(values[f"rnn.{name}"], expected)
    held = model.run(given, ["rnn.0.hidden"], [Edit("rnn.0.hidden", (1,), (0.5,))])["rnn.0.hidden"]
    close(held, by_hand(net.rnn, net.embed(given.tokens), {"0.hidden": {1: 0.5}})["0.hidden"])
    assert kind.__mro__[1].forward is before and "forward" not in vars(net.rnn)


def test_a_subclass_that_does_not_delegate_is_any_module():
    net = made(lambda: Through(Doubled(WIDE, UNITS, batch_first=True)))
    assert inside(ModuleModel(net)) == ["embed.output", "rnn.output", "out.output"]


class Twice(Net):
    def __init__(self):
        super().__init__(lstm(), 2 * UNITS)

    def forward(self, tokens):
        x = self.embed(tokens)
        return self.out(torch.cat([self.rnn(x)[0], self.rnn(x.cumsum(1))[0]], 2))


class TwiceInPieces(Twice):
    """The same, a few steps at a time."""

    def forward(self, tokens):
        x = self.embed(tokens)
        found = []
        for stream in (x, x.cumsum(1)):
            state, steps = None, []
            for piece in stream.split(4, 1):
                step, state = self.rnn(piece, state)
                steps.append(step)
            found.append(torch.cat(steps, 1))
        return self.out(torch.cat(found, 2))


@pytest.mark.parametrize("kind", [Twice, TwiceInPieces])
@torch.no_grad()
def test_a_layer_that_reads_two_streams_has_two_rounds(kind):
    net, given = made(kind), batch([9, 4, 9])
    model = ModuleModel(net)
    assert [site.name for site in model.sites()][5:8] == ["rnn.0.hidden", "rnn#2.0.input_gate", "rnn#2.0.forget_gate"]
    x = net.embed(given.tokens)
    values = model.run(given, inside(model), [Edit("rnn#2.0.cell", (3,), (0.25,))])
    for name, expected in by_hand(net.rnn, x).items():
        close(values[f"rnn.{name}"], expected)
    for name, expected in by_hand(net.rnn, x.cumsum(1), {"0.cell": {3: 0.25}}).items():
        close(values[f"rnn#2.{name}"], expected)


class Encoding(nn.Module):
    """An encoder with a mask of padding: in evaluation mode its fused kernel takes another way."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)

    def forward(self, tokens, lengths):
        padding = torch.arange(tokens.shape[1]) >= lengths[:, None]
        return self.encoder(self.embed(tokens), src_key_padding_mask=padding)


@torch.no_grad()
@pytest.mark.filterwarnings("ignore:.*nested tensors")
def test_an_encoder_with_masks_is_read():
    net, lengths = made(Encoding), [9, 4, 2]
    given = batch(lengths)
    model = ModuleModel(net, call=lambda module, b: module(b.tokens, b.lengths))
    assert torch.backends.mha.get_fastpath_enabled()
    read = ["encoder.layers.0.linear1.output", "encoder.layers.1.norm2.output"]
    values = model.run(given, read)
    for row, length in enumerate(lengths):
        x = net.embed(given.tokens[row : row + 1, :length])
        first, second = net.encoder.layers
        middle = first.norm1(x + first.self_attn(x, x, x, need_weights=False)[0])
        close(values[read[0]][row, :length], first.linear1(middle)[0])
        x = first.norm2(middle + first.linear2(first.linear1(middle).relu()))
        middle = second.norm1(x + second.self_attn(x, x, x, need_weights=False)[0])
        close(values[read[1]][row, :length], second.norm2(middle + second.linear2(second.linear1(middle).relu()))[0])
    assert model.checked.together == "any"


@torch.no_grad()
def test_two_that_are_read_at_once_do_not_meet():
    first, second = (made(lambda: Through(ByName(WIDE, UNITS, batch_first=True))) for _ in range(2))
    second.rnn.weight_hh_l0.mul_(2)
    given, read = batch([9]), ["rnn.0.new_gate"]
    with_second = ModuleModel(second)
    with_second.sites()

    def call(module, b):
        inner.append(with_second.run(given, read)[read[0]])
        return module(b.tokens)

    inner = []
    outer = ModuleModel(first, call=call).run(given, read)[read[0]]
    for net, found in ((first, outer), (second, inner[-1])):
        close(found, by_hand(net.rnn, net.embed(given.tokens))["0.new_gate"])


@torch.no_grad()
def test_old_weight_norm_is_read():
    with pytest.warns(FutureWarning):
        layer = nn.utils.weight_norm(gru(), "weight_hh_l0")
    net, given = made(lambda: Net(layer)), batch([9, 4])
    values = ModuleModel(net).run(given, ["rnn.0.update_gate"])["rnn.0.update_gate"]
    close(values, by_hand(net.rnn, net.embed(given.tokens))["0.update_gate"])
