"""Reference networks for time series: a recurrent layer and a linear head, to forecast or to classify."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unitscope.corpus.series import SeriesCorpus
from unitscope.errors import InputError
from unitscope.models.module import ModuleModel

Cell = Literal["rnn", "lstm", "gru"]


class SeriesNet(nn.Module):
    """``rnn``, a stock ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU``, then the linear ``head`` at every step."""

    def __init__(self, channels: int, outputs: int, cell: str = "lstm", units: int = 32, layers: int = 1) -> None:
        super().__init__()
        if cell not in get_args(Cell):
            raise InputError(f"no cell is called {cell!r}; there are: {', '.join(get_args(Cell))}")
        stock = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[cell]
        self.rnn: nn.RNNBase = stock(channels, units, layers, batch_first=True)
        self.head = nn.Linear(units, outputs)

    def forward(self, x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch time output"]:
        """Class scores, or the value that comes next, at every step."""
        predicted: Float[Tensor, "batch time output"] = self.head(self.rnn(x)[0])
        return predicted


@dataclass(frozen=True)
class Score:
    """How well a model does on a corpus, beside what it would be without a model."""

    loss: float
    """Nats for classes, squared error for forecasts, per target."""
    accuracy: float
    """Share of the classes that are right; NaN for forecasts."""
    mae: float
    """Mean absolute error; NaN for classes."""
    baseline: float
    """Accuracy of the most frequent class, or error of the mean."""

    @property
    def skilled(self) -> bool:
        """Whether the model is more than 5 % better than the baseline; without skill, rankings of units are noise."""
        if self.mae == self.mae:
            return self.mae < 0.95 * self.baseline
        return 1 - self.accuracy < 0.95 * (1 - self.baseline)


def network(corpus: SeriesCorpus, cell: str = "lstm", units: int = 32, seed: int = 0) -> SeriesNet:
    """A fresh network for a corpus: as many outputs as it has classes, or one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SeriesNet(len(corpus.channels), len(corpus.classes) or 1, cell, units)


def series_model(net: SeriesNet, corpus: SeriesCorpus, name: str = "series network") -> ModuleModel:
    """The network as a model whose units can be read."""
    if corpus.classes:
        return ModuleModel(net, name=name, channels=len(corpus.channels))
    return ModuleModel(net, name=name, channels=len(corpus.channels), values=lambda output: output[..., 0])


def fit(
    net: SeriesNet, corpus: SeriesCorpus, epochs: int = 10, rate: float = 3e-3, batch_size: int = 64, seed: int = 0
) -> list[float]:
    """Train with Adam, gradients clipped to norm 1, and return the mean loss of each epoch."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(net.parameters(), rate)
    history = []
    net.train()
    for _ in range(epochs):
        order = torch.randperm(len(corpus), generator=generator).tolist()
        losses = []
        for first in range(0, len(order), batch_size):
            batch = corpus.batch(order[first : first + batch_size])
            loss = _loss(net(batch.tokens)[batch.has_target], batch.targets[batch.has_target])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            losses.append(float(loss.detach()))
        history.append(sum(losses) / len(losses))
    net.eval()
    return history


@torch.inference_mode()
def evaluate(net: SeriesNet, train: SeriesCorpus, test: SeriesCorpus) -> Score:
    """The score on the test part; the baseline is taken from the train part."""
    batch = test.batch(range(len(test)))
    predicted, target = net.eval()(batch.tokens)[batch.has_target], batch.targets[batch.has_target]
    known = train.batch(range(len(train)))
    seen = known.targets[known.has_target]
    loss = float(_loss(predicted, target))
    if test.classes:
        right = float((predicted.argmax(1) == target).double().mean())
        return Score(loss, right, float("nan"), float((target == seen.mode().values).double().mean()))
    error = float((predicted[:, 0] - target).abs().double().mean())
    return Score(loss, float("nan"), error, float((seen.mean() - target).abs().double().mean()))


def _loss(predicted: Float[Tensor, "target output"], target: Tensor) -> Tensor:
    if target.is_floating_point():
        return nn.functional.mse_loss(predicted[:, 0], target)
    return nn.functional.cross_entropy(predicted, target)
