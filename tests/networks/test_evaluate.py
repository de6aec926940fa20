import math

import pytest
import torch

from unitscope.corpus.open import open_corpus
from unitscope.networks.char import CharConfig, CharNet
from unitscope.networks.evaluate import evaluate


@pytest.fixture
def corpus(tmp_path):
    generator = torch.Generator().manual_seed(1)
    for name, size in (("a", 60), ("b", 45)):
        letters = torch.randint(97, 103, (size,), generator=generator)
        (tmp_path / name).write_bytes(bytes(letters.tolist()))
    return open_corpus(tmp_path)


@pytest.mark.parametrize(("rows", "steps"), [(1, 7), (5, 3), (10, 100)])
def test_loss_is_that_of_a_plain_loop(corpus, rows, steps):
    torch.manual_seed(0)
    net = CharNet(CharConfig(6, units=8, initial_range=1.0))
    ids = torch.cat([torch.from_numpy(ids.astype(int)) for ids, _ in corpus.stretches()])
    rows_read = max(1, min(rows, 105 // steps))
    columns = 105 // rows_read
    losses = []
    for row in range(rows_read):
        log_prob = net(ids[None, row * columns : (row + 1) * columns]).log_softmax(-1)[0]
        for step in range(columns):
            here = row * columns + step
            if here not in (59, 104):  # where a document ends
                losses.append(-log_prob[step, ids[here + 1]].item())
    assert evaluate(net, corpus, rows, steps) == pytest.approx(sum(losses) / len(losses), abs=1e-6)


def test_a_net_that_knows_nothing_loses_the_logarithm_of_the_alphabet(corpus):
    net = CharNet(CharConfig(6, units=3, dropout=0.5))
    torch.nn.init.zeros_(net.readout.weight)
    torch.nn.init.zeros_(net.readout.bias)
    assert evaluate(net, corpus) == pytest.approx(math.log(6), abs=1e-6)
    assert net.training
