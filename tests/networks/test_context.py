import numpy as np
import pytest
import torch

from unitscope.errors import InputError
from unitscope.networks.card import load
from unitscope.networks.context import ContextConfig, ContextNet
from unitscope.networks.evaluate import evaluate
from unitscope.networks.lessons.text import train_context
from unitscope.networks.recipes import Modern, Paper
from unitscope.networks.stream import Stream


def stream(ids):
    ids = np.asarray(ids, np.uint8)
    return Stream(ids, np.append(ids[1:], 4).astype(np.uint8), 4)


def two_back(length, seed):
    """Each symbol is the one two before it plus one, or with a chance of one in ten any."""
    dice = np.random.default_rng(seed)
    ids = dice.integers(0, 4, length)
    for place in range(2, length):
        if dice.random() > 0.1:
            ids[place] = (ids[place - 2] + 1) % 4
    return stream(ids)


def test_it_is_a_layer_on_one_hot_symbols():
    torch.manual_seed(0)
    net = ContextNet(ContextConfig(5, 3, 7)).double()
    tokens = torch.randint(0, 5, (2, 6))
    weights = net.inputs.weight.view(3, 6, 7)
    one_hot = torch.nn.functional.one_hot(torch.nn.functional.pad(tokens, (2, 0), value=5), 6).double()
    one_hot[..., 5] = 0
    for t in range(6):
        hidden = net.bias.clone()
        for distance in range(3):
            hidden = hidden + one_hot[:, t + distance] @ weights[distance]
        expected = net.readout(torch.tanh(hidden))
        torch.testing.assert_close(net(tokens)[:, t], expected)


@pytest.mark.parametrize("context", [1, 2, 5])
def test_it_can_be_read_in_pieces(context):
    net = ContextNet(ContextConfig(5, context, 7))
    tokens = torch.randint(0, 5, (3, 10))
    state, parts = net.fresh_state(3), []
    for part in tokens.split([1, 2, 7], 1):
        logits, state = net.carry(part, state)
        parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, 1), net(tokens))


def test_what_is_before_the_text_learns_nothing():
    net = ContextNet(ContextConfig(5, 3, 7))
    net(torch.randint(0, 5, (2, 6))).square().sum().backward()
    assert net.inputs.weight.grad.view(3, 6, 7)[:, 5].eq(0).all()


@pytest.mark.parametrize("recipe", [Modern(epochs=4, rows=8, steps=16), Paper(epochs=4, rows=8, steps=16)])
def test_it_learns_what_its_context_holds(recipe):
    train, held_out = two_back(4000, 0), two_back(1000, 1)
    near = train_context(train, held_out, ContextConfig(4, 1, 8), recipe).card.metrics
    far = train_context(train, held_out, ContextConfig(4, 2, 8), recipe)
    assert near["validation nats"] > 1.3  # ln 4 = 1.386: the last symbol says nothing
    assert far.card.metrics["validation nats"] < 0.7  # the entropy of the text is 0.35
    lowest = min(entry["validation"] for entry in far.history)
    assert far.card.metrics["validation nats"] == lowest == pytest.approx(evaluate(far.net, held_out, 8, 16))


def test_a_seed_gives_the_same_weights_and_leaves_the_generator_alone():
    train = two_back(600, 0)
    before = torch.get_rng_state()
    recipe = Modern(epochs=1, rows=4, steps=16)
    a, b = (train_context(train, train, ContextConfig(4, 2, 3), recipe, seed=5).net.state_dict() for _ in range(2))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert torch.equal(before, torch.get_rng_state())


def test_it_is_kept(tmp_path):
    train = two_back(600, 0)
    net = train_context(train, train, ContextConfig(4, 2, 3), Modern(epochs=1, rows=4, steps=16), folder=tmp_path).net
    again, _ = load(tmp_path, ("context",))
    tokens = torch.randint(0, 4, (2, 6))
    assert torch.equal(again(tokens), net(tokens))


def test_what_cannot_be():
    with pytest.raises(InputError, match="at least one"):
        ContextConfig(5, 0)
    with pytest.raises(InputError, match="too few"):
        train_context(two_back(100, 0), two_back(100, 0), ContextConfig(4, 2), Modern(rows=8, steps=64))
