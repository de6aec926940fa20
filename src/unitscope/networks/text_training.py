"""Training classifiers and translators of characters, with exact resumption."""

import dataclasses
import hashlib
import math
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unitscope.corpus.batch import Batch
from unitscope.corpus.labelled import LabelledTexts
from unitscope.corpus.translations import END, Translations
from unitscope.errors import InputError
from unitscope.networks import checkpoint
from unitscope.networks.bytenet import ByteNet, ByteNetConfig
from unitscope.networks.checkpoint import Position
from unitscope.networks.device import find_device
from unitscope.networks.files import CONFIG, HISTORY, WEIGHTS, make_folder, refuse_foreign, save_json
from unitscope.networks.recipes import Modern
from unitscope.networks.text_files import KINDS, Config, TextCard, fresh_net, load, save
from unitscope.networks.text_tasks import Classification, Translation, translations_scores
from unitscope.networks.vdcnn import VDCNNConfig


@dataclass(frozen=True)
class Fit:
    """How a network is trained: AdamW with warm-up and cosine decay, gradients cut at norm 1."""

    kind: str = "vdcnn"
    size: str = "small"
    depth: int = 0
    """Stages of a VDCNN, layers of an LSTM, GRU or Transformer, blocks of a ByteNet's encoder and of its decoder; 0 for
    those of the size."""
    epochs: int = 30
    batch: int = 32
    rate: float = 2e-3
    noise: float = 0.05
    """Share of a text's symbols that are read as the unknown one, drawn anew each time, while training."""
    seed: int = 0
    device: str = "cpu"


@dataclass(frozen=True)
class Progress:
    """How far a run is, after each update. Losses are in nats; ``validation`` is of the epoch before."""

    epoch: int
    epochs: int
    done: float
    loss: float
    validation: float | None


@dataclass(frozen=True)
class Trained:
    net: nn.Module
    card: TextCard
    history: list[dict[str, int | float]]
    folder: Path


def train(
    task: Classification | Translation,
    fit: Fit,
    folder: Path,
    command: str = "",
    checkpoint_seconds: float = 60.0,
    progress: Callable[[Progress], None] | None = None,
) -> Trained:
    """Train, or go on where a run into the same folder was stopped; the folder keeps the best weights on validation.

    A run that was killed and started again gives the weights of one that was not; a finished one is loaded.
    Raises ``InputError`` for a kind or size that there is not, a folder with another run, and a loss that explodes.
    """
    if fit.kind not in KINDS or (fit.kind == "bytenet") != isinstance(task, Translation):
        raise InputError(f"{task.name} cannot be learnt by {fit.kind!r}; there are: {', '.join(KINDS)}")
    if fit.size not in KINDS[fit.kind].sizes:
        raise InputError(f"no size is called {fit.size!r}; there are: {', '.join(KINDS[fit.kind].sizes)}")
    if min(fit.epochs, fit.batch) < 1 or fit.depth < 0 or fit.rate <= 0 or not 0 <= fit.noise < 1:
        raise InputError(f"training needs an epoch, a batch, a rate above 0 and noise from 0 to below 1, not {fit}")
    find_device(fit.device)
    if not (folder / checkpoint.NAME).exists():
        refuse_foreign(folder, fit.kind)
        if (folder / CONFIG).exists():
            net, card = load(folder)
            _refuse_other_run(folder, card.training.get("fit", {}), card.corpus_fingerprint, fit, task)
            return Trained(net, card, card.training.get("history", []), folder)
    with torch.random.fork_rng(devices=[]):
        return _Run(task, fit, folder, command, checkpoint_seconds, progress).go()


def restart(folder: Path) -> None:
    """Throw away what the folder holds of a run."""
    for name in (checkpoint.NAME, CONFIG, WEIGHTS, HISTORY):
        (folder / name).unlink(missing_ok=True)


def fingerprint(task: Classification | Translation) -> str:
    """Hexadecimal SHA-256 of all parts of a task; a network's card keeps it."""
    parts = (task.train, task.validation, task.test)
    return hashlib.sha256("".join(part.fingerprint for part in parts).encode()).hexdigest()


def _refuse_other_run(
    folder: Path, before: dict[str, Any], texts: str, fit: Fit, task: Classification | Translation
) -> None:
    asked = dataclasses.asdict(fit)
    for name in asked:
        if before.get(name, getattr(Fit(), name)) != asked[name]:
            raise InputError(
                f"{folder} holds a run with {name} {before.get(name)!r}, not {asked[name]!r}; give another folder, or "
                "--restart to begin again"
            )
    if texts != fingerprint(task):
        raise InputError(f"{folder} holds a run on other texts; give another folder, or --restart to begin again")


class _Run:
    """One run. Everything that changes while it goes is in ``position``, the network and the optimizer."""

    def __init__(
        self,
        task: Classification | Translation,
        fit: Fit,
        folder: Path,
        command: str,
        checkpoint_seconds: float,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.task, self.fit, self.folder = task, fit, folder
        self.command, self.checkpoint_seconds, self.progress = command, checkpoint_seconds, progress
        self.recipe = Modern(epochs=fit.epochs, rate=fit.rate)
        self.config = _config(task, fit)
        self.net = fresh_net(self._card({}), fit.seed).to(fit.device)
        torch.manual_seed(fit.seed)
        self.optimizer = self.recipe.optimizer(self.net.parameters())
        self.batches = -(-len(task.train) // fit.batch)
        self.position = Position(dataclasses.asdict(fit), fingerprint(task))
        if (folder / checkpoint.NAME).exists():
            position, tensors = checkpoint.load(folder)
            _refuse_other_run(folder, position.options, position.corpus_fingerprint, fit, task)
            self.position = position
            checkpoint.restore(tensors, self.net, self.optimizer)

    def go(self) -> Trained:
        make_folder(self.folder)
        self._checkpoint()
        while self.position.epoch < self.fit.epochs:
            self._epoch()
            self._end_of_epoch()
        return self._finish()

    def _epoch(self) -> None:
        position, saved = self.position, time.monotonic()
        self.net.train()
        order = batches_of(self.task.train, self.fit.batch, self.fit.seed, position.epoch)
        for numbers in order[position.batch :]:
            batch = self._noisy(self.task.train.batch(numbers).to(self.fit.device))
            loss = self.task.loss(self.net, batch)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.recipe.clip(self.net.parameters())
            for group in self.optimizer.param_groups:
                group["lr"] = self.recipe.rate_at(position.epoch * self.batches + position.batch, self.batches)
            self.optimizer.step()
            nats = float(loss.detach())
            if not math.isfinite(nats):
                raise InputError(f"the loss exploded; train again with a lower --rate than {self.fit.rate:g}")
            position.loss_sum += nats
            position.batch += 1
            if time.monotonic() - saved >= self.checkpoint_seconds:
                self._checkpoint()
                saved = time.monotonic()
            if self.progress:
                done = (position.epoch + position.batch / self.batches) / self.fit.epochs
                before = position.history[-1]["validation"] if position.history else None
                mean = position.loss_sum / position.batch
                self.progress(Progress(position.epoch + 1, self.fit.epochs, done, mean, before))

    def _noisy(self, batch: Batch) -> Batch:
        """Some symbols become unknown ones, so that a network knows what to make of them."""
        vocabulary = self.task.train.vocabulary
        hidden = torch.rand(batch.tokens.shape).to(batch.tokens.device) < self.fit.noise
        end = vocabulary.ids.get(END, -1)
        tokens = torch.where(hidden & (batch.tokens != end), vocabulary.unknown or 0, batch.tokens)
        return dataclasses.replace(batch, tokens=tokens)

    def _end_of_epoch(self) -> None:
        position = self.position
        scores = self.task.scores(self.net, self.task.validation)
        position.epoch += 1
        entry: dict[str, int | float] = {
            "epoch": position.epoch,
            "train": position.loss_sum / self.batches,
            "validation": scores["nats"],
            "accuracy": scores["accuracy"],
        }
        position.history.append(entry)
        position.batch, position.loss_sum = 0, 0.0
        if position.best is None or scores["nats"] < position.best:
            position.best, position.best_epoch = scores["nats"], position.epoch
            save(self.folder, self.net, self._card({}))
        self._checkpoint()
        save_json(self.folder / HISTORY, position.history)

    def _finish(self) -> Trained:
        net, _ = load(self.folder)
        metrics = {"best epoch": float(self.position.best_epoch)}
        for name, part in (("validation", self.task.validation), ("test", self.task.test)):
            metrics |= {f"{name} {what}": value for what, value in self.task.scores(net, part).items()}
        metrics |= self.task.baselines()
        if isinstance(net, ByteNet) and isinstance(self.task, Translation):
            metrics |= translations_scores(net, self.task.test)
        card = self._card(metrics)
        save(self.folder, net, card)
        (self.folder / checkpoint.NAME).unlink()
        return Trained(net, card, self.position.history, self.folder)

    def _card(self, metrics: dict[str, float]) -> TextCard:
        texts = self.task.train
        position = getattr(self, "position", None)
        return TextCard(
            kind=self.fit.kind,
            network=self.config,
            vocabulary=texts.vocabulary,
            targets=texts.target_vocabulary.symbols if isinstance(texts, Translations) else texts.classes,
            longest=texts.longest if isinstance(texts, LabelledTexts) else 0,
            corpus=self.task.name,
            corpus_fingerprint=fingerprint(self.task),
            command=self.command,
            training={
                "fit": dataclasses.asdict(self.fit),
                "versions": {"python": platform.python_version(), "torch": str(torch.__version__)},
                "history": position.history if position else [],
            },
            metrics=metrics,
        )

    def _checkpoint(self) -> None:
        none: tuple[Tensor, ...] = ()
        checkpoint.save(self.folder, self.position, self.net, self.optimizer, none)


def _config(task: Classification | Translation, fit: Fit) -> Config:
    kind, texts = KINDS[fit.kind], task.train
    given: dict[str, Any] = {"symbols": len(texts.vocabulary), **kind.sizes[fit.size]}
    if isinstance(texts, Translations):
        given |= {"targets": len(texts.target_vocabulary)}
        given |= {"end": texts.vocabulary.ids[END], "target_end": texts.target_vocabulary.ids[END]}
    else:
        given |= {"classes": len(texts.classes)} | ({} if fit.kind == "vdcnn" else {"kind": fit.kind})
    config = kind.config(**given)
    if not fit.depth:
        return config
    match config:
        case VDCNNConfig():
            if fit.depth > len(config.channels):
                raise InputError(f"this size has {len(config.channels)} stages; give a depth of so many at most")
            return dataclasses.replace(config, channels=config.channels[: fit.depth], blocks=config.blocks[: fit.depth])
        case ByteNetConfig():
            every = config.dilations * -(-fit.depth // len(config.dilations))
            return dataclasses.replace(config, dilations=every[: fit.depth], sets=1)
        case _:
            return dataclasses.replace(config, layers=fit.depth)


def batches_of(texts: LabelledTexts | Translations, size: int, seed: int, epoch: int) -> list[list[int]]:
    """All texts in batches of about equal length, drawn anew for each epoch."""
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(texts))
    lengths = np.array(texts.lengths(range(len(texts))))
    pools = np.array_split(order, max(1, len(order) // (size * 32)))
    ordered = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools])
    batches = [ordered[first : first + size].tolist() for first in range(0, len(ordered), size)]
    return [batches[number] for number in random.permutation(len(batches))]
