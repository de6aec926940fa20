"""Diagnostic classifiers of a GRU that evaluates bracketed sums (Hupkes, Veldhoen & Zuidema 2018).

The network reads an expression such as ``( ( 2 - 5 ) + 7 )`` and says its value at the end. Regressions of its state at
every step tell which running result is there: the sum so far (cumulative) or the value of the innermost open brackets
(recursive).
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unitscope.corpus.arithmetic import ArithmeticCorpus
from unitscope.models.module import ModuleModel
from unitscope.probing.linear import Penalty, fit_linear
from unitscope.probing.ridge import Gram
from unitscope.source.live import Live

SCALE = 10.0
TARGETS = ("cumulative", "recursive")


class Adder(nn.Module):
    """Embedding, a GRU, and the value of what was read so far."""

    def __init__(self, symbols: int, units: int = 60) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, 12)
        self.rnn = nn.GRU(12, units, batch_first=True)
        self.readout = nn.Linear(units, 1)

    def forward(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time"]:
        said: Tensor = self.readout(self.rnn(self.embedding(tokens))[0])
        return said.squeeze(2)


def run_arithmetic(count: int, epochs: int, seed: int = 0, units: int = 60) -> dict[str, Any]:
    """Errors of the network, and for its state and each gate the errors of both running results and of the mode."""
    corpus = ArithmeticCorpus((1, 2, 4, 5, 7), count, seed)
    held = ArithmeticCorpus((3, 6, 8), max(20, count // 8), seed + 1)
    torch.manual_seed(seed)
    net = Adder(len(corpus.vocabulary), units)
    _learn(net, corpus, epochs, seed)
    errors = _errors(net, held)
    out: dict[str, Any] = {"test MSE": float(errors.square().mean()), "test variance": float(_values(held).var())}
    model = ModuleModel(net, name="adder", logits=lambda _: None)
    twin = model.untrained(seed)
    for name, read in (("trained", model), ("untrained", twin)):
        sites = [site.name for site in read.sites() if site.name.startswith("rnn.")]
        out[name] = {site: _diagnose(read, site, corpus, held) for site in sites}
    return out


def _diagnose(model: ModuleModel, site: str, corpus: ArithmeticCorpus, held: ArithmeticCorpus) -> dict[str, float]:
    """Held-out MSE and explained variance of ridge regressions at every step, and accuracy of the mode."""
    numbers = range(0, len(corpus), max(1, len(corpus) // 2000))
    x, y, mode = _read(model, site, corpus, numbers)
    hx, hy, hmode = _read(model, site, held, range(len(held)))
    fit = Gram.of(x, y).fit(l2=1.0)
    error = (fit.predict(hx) - hy).square().mean(0)
    variance = hy.var(0)
    classifier = fit_linear([x], mode[None], 2, [Penalty(l2=1e-4)])
    right = float((classifier.log_probs(0, hx).argmax(1) == hmode).double().mean())
    majority = float(max(hmode.double().mean(), 1 - hmode.double().mean()))
    found = {f"{t} MSE": float(error[i]) for i, t in enumerate(TARGETS)}
    found |= {f"{t} R²": float(1 - error[i] / variance[i]) for i, t in enumerate(TARGETS)}
    return found | {"mode": right, "mode, majority": majority}


def _read(model: ModuleModel, site: str, corpus: ArithmeticCorpus, numbers: range) -> tuple[Tensor, Tensor, Tensor]:
    source = Live(model, corpus, batch_size=256, sequences=numbers)
    parts = [chunks[site] for chunks in source.chunks([site], [*TARGETS, "subtracting"])]
    x = torch.cat([part.activations for part in parts])
    y = torch.stack([torch.cat([part.labels[t] for part in parts]) for t in TARGETS], 1)
    return x, y.double(), torch.cat([part.labels["subtracting"] for part in parts]).long()


def _learn(net: Adder, corpus: ArithmeticCorpus, epochs: int, seed: int) -> None:
    adam = torch.optim.Adam(net.parameters(), lr=3e-3)
    order = sorted(range(len(corpus)), key=lambda number: corpus.lengths([number])[0])
    batches = [order[i : i + 50] for i in range(0, len(order), 50)]
    draw = torch.Generator().manual_seed(seed)
    for epoch in range(epochs):
        adam.param_groups[0]["lr"] = 3e-3 * (1 - epoch / epochs) + 1e-4
        for place in torch.randperm(len(batches), generator=draw).tolist():
            batch = corpus.batch(batches[place])
            rows = torch.arange(len(batch.lengths))
            said = net(batch.tokens)[rows, batch.lengths - 1]  # padded steps never enter the loss
            truth = torch.stack([corpus.labels("cumulative", n)[-1] for n in batches[place]])
            adam.zero_grad()
            (said - truth / SCALE).square().mean().backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            adam.step()


def _values(corpus: ArithmeticCorpus) -> Tensor:
    return torch.stack([corpus.labels("cumulative", number)[-1] for number in range(len(corpus))])


def _errors(net: Adder, corpus: ArithmeticCorpus) -> Tensor:
    batch = corpus.batch(range(len(corpus)))
    with torch.no_grad():
        said = net(batch.tokens)[torch.arange(len(corpus)), batch.lengths - 1]
    errors: Tensor = SCALE * said - _values(corpus)
    return errors
