"""Modules as people write them, each value against a hook by hand on one sequence alone."""

from dataclasses import dataclass

import pytest
import torch
from odd_nets import SYMBOLS, UNITS, WIDE, batch, made
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence, pad_packed_sequence

from unitscope.errors import InputError
from unitscope.models.module import ModuleModel

LENGTHS = [4, 9, 2, 7, 9]


class Kind(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.out = nn.Embedding(SYMBOLS, WIDE), nn.Linear(UNITS, SYMBOLS)
        self.rnn = nn.GRU(WIDE, UNITS, batch_first=True)


class SortedAndScattered(Kind):
    def forward(self, tokens, lengths):
        order = lengths.argsort(descending=True, stable=True)
        packed = pack_padded_sequence(self.embed(tokens[order]), lengths[order], batch_first=True)
        steps, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=tokens.shape[1])
        back = torch.empty_like(steps)
        back[order] = steps
        return self.out(back)


class ReversedWithinLengths(Kind):
    def forward(self, tokens, lengths):
        step = torch.arange(tokens.shape[1])[None]
        turned = torch.where(step < lengths[:, None], lengths[:, None] - 1 - step, step)
        x = self.embed(tokens.gather(1, turned))
        return self.out(self.rnn(x)[0].gather(1, turned[..., None].expand(-1, -1, UNITS)))


class PackedFromAList(Kind):
    def forward(self, tokens, lengths):
        rows = [self.embed(row[:length]) for row, length in zip(tokens, lengths.tolist(), strict=True)]
        steps = self.rnn(pack_sequence(rows, enforce_sorted=False))[0]
        return self.out(pad_packed_sequence(steps, batch_first=True, total_length=tokens.shape[1])[0])


class InChunks(Kind):
    def forward(self, tokens, lengths):
        state, steps = None, []
        for part in self.embed(tokens).split(3, 1):
            given, state = self.rnn(part, state)
            steps.append(given)
        return self.out(torch.cat(steps, 1))


@dataclass
class Said:
    states: Tensor
    scores: Tensor


class InADataclass(Kind):
    def forward(self, tokens, lengths):
        steps = self.rnn(self.embed(tokens))[0]
        return Said(steps, self.out(steps))


class Nested(Kind):
    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleDict({"layers": nn.ModuleList([self.rnn, nn.GRU(UNITS, UNITS, batch_first=True)])})

    def forward(self, tokens, lengths):
        x = self.embed(tokens)
        for layer in self.parts["layers"]:
            x = layer(x)[0]
        return self.out(x)


KINDS = [SortedAndScattered, ReversedWithinLengths, PackedFromAList, InChunks, InADataclass, Nested]


@pytest.mark.parametrize("kind", KINDS)
def test_every_sequence_has_its_own_states_in_the_order_of_its_tokens(kind):
    net, given = made(kind), batch(LENGTHS)
    model = ModuleModel(net, call=lambda net, batch: net(batch.tokens, batch.lengths))
    found = model.run(given, ["rnn.0.hidden"])["rnn.0.hidden"]
    for row, length in enumerate(LENGTHS):
        seen = []
        hook = net.rnn.register_forward_hook(lambda _m, _a, output, seen=seen: seen.append(output[0]))
        with torch.no_grad():
            net(given.tokens[row : row + 1, :length], torch.tensor([length]))
        hook.remove()
        parts = [steps.data[None] if isinstance(steps, PackedSequence) else steps for steps in seen]
        alone = torch.cat(parts, 1)[0]
        alone = alone.flip(0) if kind is ReversedWithinLengths else alone
        torch.testing.assert_close(found[row, :length], alone)
    assert model.checked.predicts == (kind not in (ReversedWithinLengths, InADataclass))


class KeepsAList(Kind):
    def __init__(self):
        super().__init__()
        self.kept = []

    def forward(self, tokens, lengths):
        state = self.kept[-1] if self.kept and self.kept[-1].shape[1] == len(tokens) else None
        steps, last = self.rnn(self.embed(tokens), state)
        self.kept.append(last)
        return self.out(steps)


class Drops(Kind):
    def forward(self, tokens, lengths):
        return self.out(nn.functional.dropout(self.rnn(self.embed(tokens))[0], 0.5, training=True))


@pytest.mark.parametrize(
    ("kind", "cause"), [(KeepsAList, r"keeps its state from call to call \(kept\); reset"), (Drops, "draws random")]
)
def test_what_cannot_be_read_rightly_is_refused_with_its_cause_and_a_way_round(kind, cause):
    model = ModuleModel(made(kind), call=lambda net, batch: net(batch.tokens, batch.lengths))
    with pytest.raises(InputError, match=f"{cause}.*call=lambda module, batch"):
        model.run(batch(LENGTHS), ["out.output"])
