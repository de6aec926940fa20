"""Modules as people write them, each value against a hook by hand on one sequence alone."""

from dataclasses import dataclass

import pytest
import torch
from odd_nets import SYMBOLS, UNITS, WIDE, batch, made
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence, pad_packed_sequence

from unitscope.errors import InputError
from unitscope.models.edit import Edit, Steps
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
    assert model.checked.predicts == (kind is not ReversedWithinLengths)


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


class StepByStep(Kind):
    def forward(self, tokens, lengths):
        state, steps = None, []
        for step in reversed(range(tokens.shape[1])):
            given, state = self.rnn(self.embed(tokens[:, step : step + 1]), state)
            steps.append(self.out(given))
        return torch.cat(steps[::-1], 1)


class RowByRow(Kind):
    def forward(self, tokens, lengths):
        return torch.cat([self.out(self.rnn(self.embed(row[None]))[0]) for row in tokens])


class OverAnImage(Kind):
    def __init__(self):
        super().__init__()
        self.rnn = nn.Conv2d(1, UNITS, (3, WIDE), padding=(1, 0))

    def forward(self, tokens, lengths):
        return self.out(self.rnn(self.embed(tokens).unsqueeze(1)).squeeze(3).transpose(1, 2))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (StepByStep, lambda net, x: net.rnn(x.flip(1))[0].flip(1)),
        (RowByRow, lambda net, x: net.rnn(x)[0]),
        (OverAnImage, lambda net, x: net.rnn(x[:, None])[..., 0].transpose(1, 2)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_axes_of_one_place_and_calls_for_each_step_or_sequence(kind, values):
    net, given = made(kind), batch(LENGTHS)
    hooked = ["rnn.output"] if kind is OverAnImage else None
    model = ModuleModel(net, call=lambda net, batch: net(batch.tokens, batch.lengths), hooked=hooked)
    found = model.run(given, [site.name for site in model.sites()])
    with torch.no_grad():
        for row, length in enumerate(LENGTHS):
            alone = values(net, net.embed(given.tokens[row : row + 1, :length]))[0]
            site = "rnn.output" if kind is OverAnImage else "rnn.0.hidden"
            torch.testing.assert_close(found[site][row, :length], alone)


def test_edits_of_axes_of_one_place():
    net, given = made(OverAnImage), batch([5, 5])
    model = ModuleModel(net, call=lambda net, batch: net(batch.tokens, batch.lengths), hooked=["*"])
    found = model.run(given, ["rnn.output", "out.output"], [Edit("rnn.output", (2,), (0.5,), Steps(1, 3))])
    with torch.no_grad():
        own = net.rnn(net.embed(given.tokens)[:, None])[..., 0].transpose(1, 2)
        own[:, 1:3, 2] = 0.5
        torch.testing.assert_close(found["rnn.output"], own)
        torch.testing.assert_close(found["out.output"], net.out(own))


OUTPUTS = {
    "sequences end to end": lambda net, steps: net.out(steps.reshape(-1, UNITS)),
    "steps end to end": lambda net, steps: net.out(steps.transpose(0, 1).reshape(-1, UNITS)),
    "by key": lambda net, steps: {"states": steps, "logits": net.out(steps)},
    "after the states": lambda net, steps: (steps, net.out(steps)),
    "in a list": lambda net, steps: [[steps[:, -1]], net.out(steps).transpose(1, 2)],
    "log-probabilities": lambda net, steps: net.out(steps).log_softmax(-1),
}


class Gives(Kind):
    def __init__(self, form):
        super().__init__()
        self.form = form

    def forward(self, tokens):
        return self.form(self, self.rnn(self.embed(tokens))[0])


@pytest.mark.parametrize("form", OUTPUTS.values(), ids=OUTPUTS)
def test_logits_are_found_wherever_the_output_has_them(form):
    net, given = made(Gives, form), batch(LENGTHS)
    model = ModuleModel(net)
    found = model.run(given, ["output.loss", "output.log_prob"])
    assert model.checked.predicts
    with torch.no_grad():
        log_prob = net.out(net.rnn(net.embed(given.tokens))[0]).log_softmax(-1)
    loss = -log_prob.gather(2, given.targets.clamp(min=0)[..., None]) * given.has_target[..., None]
    torch.testing.assert_close(found["output.loss"], loss)
    for row, length in enumerate(LENGTHS):
        torch.testing.assert_close(found["output.log_prob"][row, :length], log_prob[row, :length])


@pytest.mark.parametrize(
    ("form", "why"),
    [
        (lambda net, steps: net.out(steps).softmax(-1), "probabilities and no logits"),
        (lambda net, steps: {"states": steps}, "8 wide and reads 11 symbols"),
        (lambda net, steps: net.out(steps[:, -1]), "no vector for each token"),
        (lambda net, steps: steps[..., 0], "1 wide and reads 11 symbols"),
    ],
)
def test_what_is_no_logits_has_no_loss(form, why):
    model = ModuleModel(made(Gives, form))
    assert not model.checked.predicts
    assert why in model.checked.output
    assert not [site for site in model.sites() if site.kind == "prediction"]


class WithABeginning(Kind):
    def forward(self, tokens):
        x = self.embed(tokens)
        return self.out(nn.functional.relu(self.rnn(torch.cat([x[:, :1] * 0, x], 1))[0][:, 1:]))


def test_what_the_patterns_match_and_cannot_be_read_is_listed():
    model = ModuleModel(made(WithABeginning), hooked=["*"])
    assert [site.name for site in model.sites()] == ["embed.output", "out.output", "output.loss", "output.log_prob"]
    assert model.checked.left_out["rnn.0.hidden"].startswith("rnn.0.hidden has 10 steps of 7 sequences where")
    other = ModuleModel(nn.Sequential(made(Kind).embed, nn.AdaptiveAvgPool2d((4, WIDE))), hooked=["*"])
    assert "none has one step for each token" in other.checked.left_out["1.output"]
    with pytest.raises(InputError, match=r"1\.output is 2×4×6 for 2 sequences"):
        other.run(batch(LENGTHS), ["1.output"])


class WithoutWeights(nn.Module):
    """Counts how often it has seen each symbol."""

    def __init__(self):
        super().__init__()
        self.seen = nn.Identity()

    def forward(self, tokens):
        return self.seen(nn.functional.one_hot(tokens, SYMBOLS).float()).cumsum(1)


def test_a_module_without_weights_is_read():
    given = batch(LENGTHS)
    model = ModuleModel(made(WithoutWeights))
    found = model.run(given, ["seen.output"])["seen.output"]
    for row, length in enumerate(LENGTHS):
        assert torch.equal(found[row, :length].argmax(-1), given.tokens[row, :length])
