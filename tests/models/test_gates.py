"""The pieces of reading gates from hidden states; whole layers are in ``test_recurrent.py``."""

import pytest
import torch
from nets import Kind, batch, tagger

from unitscope.models.gates import before, scan
from unitscope.models.module import ModuleModel

SIZES = [[3] * 5, [4] * 16, [2] * 31, [1] * 40, [1500] * 20, [5, 5, 3, 1], [2, 1, 1, 1]]


def offsets(sizes):
    return [sum(sizes[:step]) for step in range(len(sizes))]


@pytest.mark.parametrize("sizes", SIZES, ids=lambda sizes: f"{sizes[0]}x{len(sizes)}-{sizes[-1]}")
@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_is_its_steps(sizes, reverse):
    generator = torch.Generator().manual_seed(0)
    factor, value = (torch.rand(sum(sizes), 3, generator=generator) for _ in range(2))
    initial = torch.rand(sizes[0], 3, generator=generator)
    expected, state, starts = value.double(), initial.double(), offsets(sizes)
    order = range(len(sizes))
    for step in reversed(order) if reverse else order:
        for row in range(sizes[step]):
            place = starts[step] + row
            state[row] = expected[place] + factor[place] * state[row]
            expected[place] = state[row]
    scan(factor, value, initial, sizes, reverse)
    torch.testing.assert_close(value.double(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("sizes", SIZES, ids=lambda sizes: f"{sizes[0]}x{len(sizes)}-{sizes[-1]}")
def test_a_row_begins_with_the_state_before(sizes):
    hidden = torch.arange(1.0, 1 + sum(sizes))[:, None]
    initial = -torch.arange(1.0, 1 + sizes[0])[:, None]
    starts = offsets(sizes)
    forward, backward = before(hidden, initial, sizes, False), before(hidden, initial, sizes, True)
    for step, size in enumerate(sizes):
        for row in range(min(size, 5)):
            place = starts[step] + row
            assert forward[place] == (hidden[starts[step - 1] + row] if step else initial[row])
            follows = step + 1 < len(sizes) and row < sizes[step + 1]
            assert backward[place] == (hidden[starts[step + 1] + row] if follows else initial[row])


@pytest.mark.parametrize("change", ["no_grad", "data", "other tensor"])
def test_weights_that_change_are_seen(change):
    """In whatever way they are changed, also where PyTorch counts no version."""
    net, tokens = tagger(Kind("lstm")), batch([9] * 4)
    model = ModuleModel(net)
    read = ["rnn.0.forget_gate"]
    before_it = model.run(tokens, read)[read[0]]
    with torch.no_grad():
        if change == "no_grad":
            net.rnn.weight_ih_l0.mul_(0.5)
        elif change == "data":
            net.rnn.weight_ih_l0.data.mul_(0.5)
        else:
            net.rnn.weight_ih_l0.data = net.rnn.weight_ih_l0 * 0.5
    found = model.run(tokens, read)[read[0]]
    assert not torch.equal(found, before_it)
    torch.testing.assert_close(found, ModuleModel(net).run(tokens, read)[read[0]])
