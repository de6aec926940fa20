import pytest
import torch

from unitscope.errors import InputError
from unitscope.networks.seq2seq.network import Seq2SeqConfig, Seq2SeqNet

SOURCES = torch.tensor([[1, 2, 3, 4], [4, 3, 0, 0]])
LENGTHS = torch.tensor([4, 2])


def net(**options):
    torch.manual_seed(0)
    return Seq2SeqNet(Seq2SeqConfig(**{"sources": 6, "symbols": 5, "units": 8, "initial_range": 0.5, **options}))


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@torch.no_grad()
def test_padding_and_neighbours_do_not_matter(cell):
    network = net(cell=cell)
    together = network(SOURCES, LENGTHS, 3)
    alone = network(SOURCES[1:, :2], LENGTHS[1:], 3)
    torch.testing.assert_close(together.logits[1], alone.logits[0])
    assert (together.attention[1, :, 2:] == 0).all()
    torch.testing.assert_close(together.attention.sum(2), torch.ones(2, 3))


@torch.no_grad()
def test_alone_it_reads_what_it_wrote_and_forced_what_is_fed():
    network = net()
    free = network(SOURCES, LENGTHS, 4)
    assert torch.equal(free.written, free.logits.argmax(2))
    assert torch.equal(network(SOURCES, LENGTHS, 4, fed=free.written).logits, free.logits)
    other = network(SOURCES, LENGTHS, 4, fed=(free.written + 1) % 5)
    assert torch.equal(other.logits[:, 0], free.logits[:, 0])
    assert not torch.equal(other.logits[:, 1], free.logits[:, 1])


@pytest.mark.parametrize("attention", ["pre-rnn", "post-rnn"])
@pytest.mark.parametrize("method", ["dot", "general", "concat", "mlp"])
def test_every_weight_learns(attention, method):
    network = net(attention=attention, method=method, full_focus=False)
    network(SOURCES, LENGTHS, 3, fed=torch.tensor([[0, 1, 2], [2, 3, 4]])).logits.square().sum().backward()
    # softmax ignores what shifts all places alike
    shifts = {"attend.of_query.weight", "attend.of_memory.bias"} if method == "concat" else {"attend.score.bias"}
    for name, weight in network.named_parameters():
        if name not in shifts:
            assert weight.grad is not None, name
            assert weight.grad.abs().sum() > 0, name


def test_hard_attention_needs_places():
    network = net(method="hard")
    decoded = network(SOURCES, LENGTHS, 2, attend=torch.tensor([[1, 3], [0, 1]]))
    assert decoded.attention.argmax(2).tolist() == [[1, 3], [0, 1]]
    with pytest.raises(InputError, match="no places to attend to"):
        network(SOURCES, LENGTHS, 2)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"units": 0}, "at least one"),
        ({"attention": "post-rnn"}, "full focus"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, says):
    with pytest.raises(InputError, match=says):
        Seq2SeqConfig(**{"sources": 3, "symbols": 3, **options})


def test_fresh_weights_are_uniform_in_their_range():
    weights = torch.cat([weight.detach().flatten() for weight in net(units=32, initial_range=0.08).parameters()])
    assert weights.abs().max() <= 0.08
    assert abs(float(weights.std()) - 0.08 / 3**0.5) < 0.002
