"""What lies below an edit runs once, in modules of any kind, and nothing is another for it."""

import pytest
import torch
from torch import nn

from tests.odd_nets import batch as drawn
from unitscope.interventions.below import above
from unitscope.interventions.engines import runs, side_by_side
from unitscope.models.edit import Bound
from unitscope.models.module import ModuleModel

SYMBOLS, WIDE = 11, 8


class Front(nn.Module):
    """Counts how often it runs: most of what a convolutional front end costs."""

    def __init__(self):
        super().__init__()
        self.embed, self.conv, self.ran = nn.Embedding(SYMBOLS, WIDE), nn.Conv1d(WIDE, WIDE, 3), []

    def forward(self, tokens):
        self.ran.append(len(tokens))
        return self.conv(nn.functional.pad(self.embed(tokens).transpose(1, 2), (2, 0))).transpose(1, 2)


class Net(nn.Module):
    """A front end, a part that is edited, and logits; ``inplace`` changes what the front end gave."""

    def __init__(self, kind, inplace=False):
        super().__init__()
        self.front, self.inplace = Front(), inplace
        self.part = nn.GRU(WIDE, WIDE, batch_first=True) if kind == "gru" else nn.Linear(WIDE, WIDE)
        self.cell = nn.GRUCell(WIDE, WIDE) if kind == "cell" else None
        self.out = nn.Linear(WIDE, SYMBOLS)

    def forward(self, tokens):
        x = self.front(tokens)
        if self.inplace:
            x.relu_()
        if self.cell is not None:
            h, steps = x.new_zeros(len(x), WIDE), []
            for t in range(x.shape[1]):
                h = self.cell(self.part(x[:, t]), h)
                steps.append(h)
            return self.out(torch.stack(steps, 1))
        y = self.part(x)
        return self.out((y[0] if isinstance(y, tuple) else y).tanh() + x)


@pytest.mark.parametrize(
    ("kind", "site", "runs_of_front"),
    [
        ("linear", "part.output", 4),
        ("gru", "part.0.hidden", 2),
        ("gru", "part.0.update_gate", 2),
        ("cell", "cell.update_gate", 4),
    ],
)
@pytest.mark.parametrize("inplace", [False, True])
def test_what_lies_below_runs_once(kind, site, runs_of_front, inplace):
    torch.manual_seed(0)
    net = Net(kind, inplace).eval()
    model = ModuleModel(net, hooked=["part.output"] if kind == "linear" else None)
    given = drawn([7, 5, 9])
    model.run(given, ["output.loss"])
    values = torch.full((1,), 0.3)
    edits = [Bound(site, torch.tensor([unit]), values) for unit in range(WIDE)]
    expected = [model.run(given, ["output.loss"], [edit])["output.loss"] for edit in edits]
    net.front.ran.clear()
    way = runs if kind == "gru" else (lambda *told: side_by_side(*told, at_once=1))
    found = [values["output.loss"] for values in way(model, given, edits, ["output.loss"])]
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one[given.is_read], other[given.is_read], atol=1e-6)
    assert len(net.front.ran) <= runs_of_front
    assert "forward" not in vars(net.front)


def test_what_changes_its_input_in_place_runs_every_time():
    class Adds(nn.Module):
        def forward(self, x):
            x += 1.0
            return x.mean(2, keepdim=True)

    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.adds = nn.Embedding(SYMBOLS, WIDE), Adds()
            self.part, self.out = nn.Linear(WIDE, WIDE), nn.Linear(WIDE, SYMBOLS)

        def forward(self, tokens):
            x = self.embed(tokens)
            told = self.adds(x)  # x is another from here on, which what it gives does not say
            return self.out(self.part(x) + told)

    torch.manual_seed(0)
    model = ModuleModel(Hidden().eval(), hooked=["part.output"], logits=lambda output: output)
    given = drawn([4, 6])
    edit = Bound("part.output", torch.tensor([0]), torch.ones(1))
    with above(model, given, "part.output", ["output.loss"]) as run:
        found = run([edit])["output.loss"]
    assert torch.equal(found, model.run(given, ["output.loss"], [edit])["output.loss"])
