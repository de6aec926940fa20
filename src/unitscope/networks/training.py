"""The one trainer: whatever is learnt, by whatever recipe, with checkpoints from which a run goes on exactly.

A *lesson* says what is read in each update and what is minimised; a *recipe* how weights are changed; this file does
the rest: epochs, patience, the best weights on validation, snapshots on the way, history, the card of the network.
"""

import copy
import dataclasses
import platform
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from unitscope.errors import InputError
from unitscope.files.writing import make_folder
from unitscope.networks import card as cards
from unitscope.networks import checkpoint
from unitscope.networks.card import Card
from unitscope.networks.checkpoint import Carried, Position
from unitscope.networks.device import find_device
from unitscope.networks.files import CONFIG, HISTORY, WEIGHTS, save_json
from unitscope.networks.recipes import Recipe

SNAPSHOTS = "snapshots"
"""The folder, inside a run's own, of the networks that ``keep`` asked for: one folder each, named by its epochs."""
NATS = "nats"
"""The score that weights are chosen by; for series it is a squared error."""


@runtime_checkable
class Lesson(Protocol):
    """Task of a network."""

    @property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of all that is learnt and tested on."""
        ...

    def batches(self, epoch: int) -> Sequence[Any]:
        """Data of each update of an epoch; the same number in every epoch, and the same for the same epoch."""
        ...

    def fresh(self, net: Any) -> Carried:
        """State carried into the first update of a run."""
        ...

    def loss(self, net: Any, batch: Any, carried: Carried) -> tuple[Tensor, Carried]:
        """Loss with its graph, and the state carried into the next update, without."""
        ...

    def validate(self, net: Any) -> dict[str, int | float]:
        """``nats`` and what else is known, of data that are not learnt from; nothing where the last weights count."""
        ...

    def metrics(self, net: Any) -> dict[str, int | float]:
        """Metrics of a trained network, and of baselines."""
        ...


@dataclass(frozen=True)
class Run:
    """Where and how one network is trained. Without a folder nothing is written."""

    folder: Path | None = None
    options: dict[str, Any] = field(default_factory=dict)
    """What was asked for, as JSON holds it. A run goes on only under the same options."""
    seed: int = 0
    """Of first weights and of all that is drawn while training."""
    device: str = "cpu"
    bfloat16: bool = False
    """Matrix products of the forward pass in bfloat16; weights, optimizer and everything read later are float32."""
    keep: tuple[float, ...] = ()
    """Epochs, such as 0.5, after which the weights are kept in ``snapshots/``."""
    checkpoint_seconds: float = 60.0
    restart: bool = False
    """Throw away what the folder holds and begin again."""


@dataclass(frozen=True)
class Step:
    """Progress of a run, after each update. Losses are in nats."""

    epoch: int
    """Counted from 1."""
    epochs: int
    batch: int
    """Counted from 1."""
    batches: int
    loss: float
    """Mean of this epoch so far."""
    validation: float | None
    """Of the epoch before."""
    per_second: float
    """Updates."""

    @property
    def done(self) -> float:
        """Share of the whole run."""
        return (self.epoch - 1 + self.batch / self.batches) / self.epochs


Watch = Callable[[Step], None]


@dataclass(frozen=True)
class Trained:
    """A trained network of its kind's class, in evaluation mode."""

    net: Any
    card: Card

    @property
    def history(self) -> list[dict[str, int | float]]:
        return self.card.history


def train(lesson: Lesson, card: Card, recipe: Recipe, run: Run, watch: Watch | None = None) -> Trained:
    """Train, or go on where a run into the same folder was stopped; the best weights on validation are kept.

    ``card`` says the architecture and what is read. A run that was killed and started again gives the weights of one
    that was not; a finished one is loaded. Raises ``InputError`` for a folder with another network or another run, and
    for a loss that explodes.
    """
    if recipe.epochs < 1 or recipe.rate <= 0:
        raise InputError(f"training needs an epoch at least and a rate above 0, not {recipe.epochs} and {recipe.rate}")
    find_device(run.device)
    if run.folder is not None:
        begun = (run.folder / checkpoint.NAME).exists()
        if not begun:
            cards.refuse_foreign(run.folder, card.kind)
        if run.restart:
            _clear(run.folder)
        elif not begun and (run.folder / CONFIG).exists():
            net, found = cards.load(run.folder, (card.kind,))
            refuse_other_run(run.folder, found.options, run.options, found.corpus_fingerprint == lesson.fingerprint)
            return Trained(net, found)
    # Training draws from torch's generator; the caller's own draws are as if it had not been.
    with torch.random.fork_rng():
        return _Run(lesson, card, recipe, run, watch).go()


def is_trained(folder: Path) -> bool:
    """Whether a run has ended there."""
    return (folder / CONFIG).exists() and not (folder / checkpoint.NAME).exists()


def refuse_other_run(folder: Path, before: dict[str, Any], asked: dict[str, Any], same: bool) -> None:
    """Raises ``InputError`` if what was asked for before is something else, or was learnt from other data."""
    different = [name for name in asked if before.get(name) != asked[name]]
    if different:
        name = different[0]
        raise InputError(
            f"{folder} holds a run with {name} {before.get(name)!r}, not {asked[name]!r}; give another folder, or "
            "--restart to begin again"
        )
    if not same:
        raise InputError(f"{folder} holds a run on data that have changed since; give another folder, or --restart")


def _clear(folder: Path) -> None:
    for name in (checkpoint.NAME, CONFIG, WEIGHTS, HISTORY):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / SNAPSHOTS, ignore_errors=True)


class _Run:
    """One run. Everything that changes while it goes is in ``position``, ``carried``, the network, the optimizer."""

    def __init__(self, lesson: Lesson, card: Card, recipe: Recipe, run: Run, watch: Watch | None) -> None:
        self.lesson, self.card, self.recipe, self.run, self.watch = lesson, card, recipe, run, watch
        self.net = card.fresh(run.seed).to(run.device)
        torch.manual_seed(run.seed)
        self.optimizer = recipe.optimizer(self.net.parameters())
        self.carried = lesson.fresh(self.net)
        self.position = Position(run.options, lesson.fingerprint)
        self.batches = len(lesson.batches(0))
        self.kept = {max(1, round(epoch * self.batches)): epoch for epoch in run.keep}
        self.best: dict[str, Tensor] = {}
        self.recent = 0.0
        if run.folder is not None and (run.folder / checkpoint.NAME).exists():
            position, tensors = checkpoint.load(run.folder)
            refuse_other_run(run.folder, position.options, run.options, position.fingerprint == lesson.fingerprint)
            self.carried = checkpoint.restore(tensors, self.net, self.optimizer)
            self.position = position

    def go(self) -> Trained:
        # A folder without a checkpoint is a finished network, or none of ours.
        self._checkpoint()
        while self.position.epoch < self.recipe.epochs and not self._no_better():
            self._epoch()
            self._end_of_epoch()
            self._checkpoint()
        return self._finish()

    def _epoch(self) -> None:
        position = self.position
        begun = saved = time.monotonic()
        before = position.batch
        self.net.train()
        for batch in self.lesson.batches(position.epoch)[position.batch :]:
            position.loss_sum += self._update(batch)
            position.batch += 1
            if position.epoch * self.batches + position.batch in self.kept:
                self._snapshot()
            now = time.monotonic()
            if now - saved >= self.run.checkpoint_seconds:
                self._checkpoint()
                saved = now
            if self.watch:
                self.watch(self._step((position.batch - before) / max(now - begun, 1e-9)))

    def _update(self, batch: Any) -> float:
        position = self.position
        with torch.autocast(torch.device(self.run.device).type, torch.bfloat16, enabled=self.run.bfloat16):
            loss, self.carried = self.lesson.loss(self.net, batch, self.carried)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.recipe.clip(self.net.parameters())
        rate = self.recipe.rate_at(position.epoch * self.batches + position.batch, self.batches)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        value = float(loss.detach())
        if position.first_loss is None:
            position.first_loss = value
        # Of the last ten updates or so: a single batch of squared errors may be far off.
        self.recent += (value - self.recent) / 10 if self.recent else value
        if not self.recent <= 3 * position.first_loss:  # char-rnn's rule: there is no way back
            raise InputError(
                f"the loss exploded from {position.first_loss:.2f} to {value:.2f}; train again with a lower "
                f"--rate than {self.recipe.rate:g} and --restart"
            )
        return value

    def _end_of_epoch(self) -> None:
        position = self.position
        self.net.eval()
        scores = self.lesson.validate(self.net)
        position.epoch += 1
        entry: dict[str, int | float] = {"epoch": position.epoch, "train": position.loss_sum / self.batches}
        entry |= {"validation" if name == NATS else name: value for name, value in scores.items()}
        position.history.append(entry)
        position.batch, position.loss_sum = 0, 0.0
        if NATS in scores and (position.best is None or scores[NATS] < position.best):
            position.best, position.best_epoch = scores[NATS], position.epoch
            self._keep_best()
        if self.run.folder is not None:
            save_json(self.run.folder / HISTORY, position.history)

    def _keep_best(self) -> None:
        if self.run.folder is None:
            self.best = copy.deepcopy(self.net.state_dict())
        else:
            cards.save(self.run.folder, self.net, self._card({}))

    @property
    def _folder(self) -> Path:
        assert self.run.folder is not None
        return self.run.folder

    def _snapshot(self) -> None:
        """A network of its own, as it is now."""
        update = self.position.epoch * self.batches + self.position.batch
        if self.run.folder is not None:
            folder = self.run.folder / SNAPSHOTS / f"{self.kept[update]:g}"
            cards.save(folder, self.net, self._card({"epochs": self.kept[update], "updates": float(update)}))

    def _no_better(self) -> bool:
        """Early stopping."""
        return 0 < self.recipe.patience <= self.position.epoch - self.position.best_epoch

    def _checkpoint(self) -> None:
        if self.run.folder is not None:
            make_folder(self.run.folder)
            checkpoint.save(self.run.folder, self.position, self.net, self.optimizer, self.carried)

    def _finish(self) -> Trained:
        if self.position.best is not None:
            self.net.load_state_dict(self.best or cards.load(self._folder)[0].state_dict())
        self.net.eval()
        card = self._card({"best epoch": float(self.position.best_epoch), **self.lesson.metrics(self.net)})
        if self.run.folder is not None:
            cards.save(self.run.folder, self.net, card)
            # From here on the folder is a finished network.
            (self.run.folder / checkpoint.NAME).unlink()
        return Trained(self.net, card)

    def _card(self, metrics: dict[str, int | float]) -> Card:
        training = {
            "options": self.position.options,
            "recipe": {"name": type(self.recipe).__name__.lower(), **dataclasses.asdict(self.recipe)},
            "versions": {"python": platform.python_version(), "torch": str(torch.__version__)},
            "history": self.position.history,
        }
        return dataclasses.replace(
            self.card, corpus_fingerprint=self.lesson.fingerprint, training=training, metrics=metrics
        )

    def _step(self, per_second: float) -> Step:
        position = self.position
        return Step(
            epoch=position.epoch + 1,
            epochs=self.recipe.epochs,
            batch=position.batch,
            batches=self.batches,
            loss=position.loss_sum / position.batch,
            validation=position.history[-1].get("validation") if position.history else None,
            per_second=per_second,
        )
