"""Time series: to forecast, or to classify."""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from unitscope.corpus.series import SeriesCorpus
from unitscope.networks.card import Card
from unitscope.networks.checkpoint import Carried
from unitscope.networks.recipes import Constant
from unitscope.networks.series import Cell, SeriesConfig
from unitscope.networks.training import Run, Trained, train


@dataclass(frozen=True)
class Score:
    """Skill of a model on a corpus, beside the loss without a model."""

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


def network_card(corpus: SeriesCorpus, cell: Cell = "lstm", units: int = 32, layers: int = 1) -> Card:
    """Card of a network for a corpus: as many outputs as it has classes, or one."""
    config = SeriesConfig(len(corpus.channels), len(corpus.classes) or 1, cell, units, layers)
    return Card("series", config, targets=corpus.classes, corpus=corpus.name)


class Lesson:
    """Series in batches of random order; the last weights are kept where there is no validation part."""

    def __init__(
        self,
        train: SeriesCorpus,
        validation: SeriesCorpus | None = None,
        test: SeriesCorpus | None = None,
        batch: int = 64,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self.train, self.validation, self.test = train, validation, test
        self.batch, self.seed, self.device = batch, seed, device

    @property
    def fingerprint(self) -> str:
        parts = (part for part in (self.train, self.validation, self.test) if part is not None)
        return hashlib.sha256("".join(part.fingerprint for part in parts).encode()).hexdigest()

    def batches(self, epoch: int) -> list[list[int]]:
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.train)).tolist()
        return [order[first : first + self.batch] for first in range(0, len(order), self.batch)]

    def fresh(self, net: nn.Module) -> Carried:
        return ()

    def loss(self, net: nn.Module, numbers: list[int], carried: Carried) -> tuple[Tensor, Carried]:
        batch = self.train.batch(numbers).to(self.device)
        return _loss(net(batch.tokens)[batch.has_target], batch.targets[batch.has_target]), ()

    def validate(self, net: nn.Module) -> dict[str, int | float]:
        if self.validation is None:
            return {}
        return {"nats": evaluate(net, self.train, self.validation).loss}

    def metrics(self, net: nn.Module) -> dict[str, int | float]:
        if self.test is None:
            return {}
        score = evaluate(net, self.train, self.test)
        return {f"test {name}": value for name, value in asdict(score).items()}


def fit(
    card: Card,
    lesson: Lesson,
    epochs: int = 10,
    rate: float = 3e-3,
    seed: int = 0,
    folder: Path | None = None,
) -> Trained:
    """Train with Adam, gradients clipped to norm 1; without a folder nothing is written."""
    options = {"epochs": epochs, "rate": rate, "batch": lesson.batch, "seed": seed, "network": asdict(card.network)}
    return train(lesson, card, Constant(epochs, rate, norm=1.0), Run(folder, options, seed, lesson.device))


@torch.inference_mode()
def evaluate(net: nn.Module, train: SeriesCorpus, test: SeriesCorpus) -> Score:
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
