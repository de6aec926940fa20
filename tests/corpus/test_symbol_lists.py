import pytest
import torch
from torch import nn

import unitscope
from unitscope.corpus.symbol_lists import SymbolLists
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.interventions.ablation import Bench
from unitscope.models.edit import Edit
from unitscope.models.module import ModuleModel
from unitscope.source.live import Live

PAIRS = [("a b c", "x y"), ("c", "z z z"), ("b a", "y"), ("a a a a", "x x z")]


class Both(nn.Module):
    """An encoder and a decoder of different kinds, that meet in a state."""

    def __init__(self, read, written):
        super().__init__()
        self.embed, self.encoder = nn.Embedding(read, 5), nn.GRU(5, 6, batch_first=True)
        self.fed, self.decoder, self.out = (
            nn.Embedding(written, 5),
            nn.GRU(5, 6, batch_first=True),
            nn.Linear(6, written),
        )

    def encode(self, tokens):
        return self.encoder(self.embed(tokens))

    def forward(self, sources, lengths, written):
        steps, _ = self.encode(sources)
        state = steps[torch.arange(len(sources)), lengths - 1]
        return self.out(self.decoder(self.fed(written), state[None])[0])


@pytest.fixture(scope="module")
def both():
    sources = SymbolLists([a.split() for a, _ in PAIRS], labels={"kind": ["x", "y", "x", "y"]}, name="sources")
    outputs = SymbolLists([["<s>", *b.split(), "</s>"] for _, b in PAIRS], name="outputs")
    torch.manual_seed(0)
    net = Both(len(sources.vocabulary), len(outputs.vocabulary)).eval()
    lengths = torch.tensor(sources.lengths(range(len(sources))))
    encoder = ModuleModel(net, call=lambda net, batch: net.encode(batch.tokens), logits=lambda _: None)
    decoder = ModuleModel(
        net,
        call=lambda net, batch: net(sources.of(batch), lengths[batch.sequence], batch.tokens),
        logits=lambda out: out,
    )
    return net, sources, outputs, encoder, decoder


def test_each_side_has_its_own_steps(both, tmp_path):
    net, sources, outputs, encoder, decoder = both
    read = unitscope.record(Live(encoder, sources), tmp_path / "encoder", sites=["encoder.0.hidden"])
    written = unitscope.record(Live(decoder, outputs), tmp_path / "decoder", sites=["decoder.0.hidden", "output.loss"])
    states, steps = read.unit("encoder.0.hidden", 2), written.unit("decoder.0.hidden", 2)
    losses = written.unit("output.loss", 0)
    at = [0, 0]
    for number in range(len(PAIRS)):  # one pair at a time, by hand
        x = torch.from_numpy(sources.batch([number]).tokens.numpy())
        y = outputs.batch([number]).tokens
        with torch.no_grad():
            encoded, last = net.encode(x)
            decoded, _ = net.decoder(net.fed(y), last)
            loss = nn.functional.cross_entropy(net.out(decoded)[0, :-1], y[0, 1:], reduction="none")
        assert states[at[0] : at[0] + x.shape[1]] == pytest.approx(encoded[0, :, 2].numpy(), abs=1e-5)
        assert steps[at[1] : at[1] + y.shape[1]] == pytest.approx(decoded[0, :, 2].numpy(), abs=1e-5)
        assert losses[at[1] : at[1] + y.shape[1] - 1] == pytest.approx(loss.numpy(), abs=1e-5)
        at = [at[0] + x.shape[1], at[1] + y.shape[1]]


def test_ablation_reads_the_sources_too(both):
    _, _, outputs, _, decoder = both
    damage = Bench(decoder, outputs, range(len(outputs)), {}).damage([Edit("decoder.0.hidden", (0,), (2.0,))])
    assert damage.overall.tokens == sum(len(b.split()) + 1 for _, b in PAIRS)


def test_symbols_and_labels(both):
    sources = both[1]
    assert sources.annotations == ("kind=x", "kind=y")
    assert sources.labels("kind=y", 1).tolist() == [1.0]
    with pytest.raises(InputError, match="sequence 1 holds 'q'"):
        SymbolLists([["a"], ["a", "q"]], Vocabulary(("a",)))
    with pytest.raises(InputError, match="sequence 0 is empty"):
        SymbolLists([[]])
    with pytest.raises(InputError, match="no label 'mood'"):
        sources.labels("mood", 0)
