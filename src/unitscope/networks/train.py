"""Training a character network on a text: carried state, truncated back-propagation, exact resumption."""

import dataclasses
import math
import platform
import shlex
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unitscope.corpus.documents import Unit
from unitscope.corpus.open import open_corpus
from unitscope.corpus.splits import Split, SplitKind
from unitscope.corpus.text import TextCorpus
from unitscope.errors import InputError
from unitscope.networks import checkpoint
from unitscope.networks.char import Cell, CharConfig, CharNet, State
from unitscope.networks.checkpoint import Position
from unitscope.networks.device import find_device
from unitscope.networks.evaluate import evaluate
from unitscope.networks.files import (
    CONFIG,
    HISTORY,
    WEIGHTS,
    Card,
    load,
    make_folder,
    refuse_foreign,
    save,
    save_json,
)
from unitscope.networks.recipes import RECIPES, Recipe
from unitscope.networks.stream import Rows, Stream, stream_of

SNAPSHOTS = "snapshots"
"""The folder, inside a run's own, of the networks that ``keep`` asked for: one folder each, named by its epochs."""
MANY_FILES = 20
"""From so many files on, whole documents are held out by default."""


@dataclass(frozen=True)
class TrainOptions:
    """What to train, on what, and how. An option that is None is what the recipe says."""

    text: tuple[str, ...] = field(
        default=("stdlib",), metadata={"help": "files or folders, - for standard input, or stdlib"}
    )
    out: str = field(
        default="net",
        metadata={"help": "folder for config.json and model.safetensors; a run that was stopped goes on there"},
    )
    unit: Unit = field(default="bytes", metadata={"help": "what a symbol is: bytes or characters"})
    pattern: str = field(default="*", metadata={"help": "which files of a folder, for example *.txt"})
    split: SplitKind | None = field(
        default=None,
        metadata={
            "help": "contiguous, interleaved or documents; without it documents for 20 files or more, else contiguous"
        },
    )
    fractions: tuple[float, float, float] = field(
        default=(0.8, 0.1, 0.1), metadata={"help": "shares of train, validation and test"}
    )
    split_rows: int | None = field(
        default=None, metadata={"help": "stretches of an interleaved split, if not as many as rows are read at once"}
    )
    split_steps: int | None = field(
        default=None, metadata={"help": "symbols that an interleaved split keeps together, if not as many as steps"}
    )
    at_least: int = field(
        default=1, metadata={"help": "symbols that are rarer than this are read as one unknown symbol"}
    )
    cell: Cell = field(default="lstm", metadata={"help": "rnn, lstm or gru"})
    layers: int = field(default=1, metadata={"help": "recurrent layers"})
    units: int = field(default=256, metadata={"help": "units of each layer"})
    dropout: float = field(default=0.0, metadata={"help": "share of units dropped above each layer"})
    recipe: str = field(
        default="modern", metadata={"help": "modern (AdamW, cosine) or paper (Karpathy et al. 2015: RMSProp)"}
    )
    epochs: int | None = field(default=None, metadata={"help": "times that the text is read"})
    rows: int | None = field(default=None, metadata={"help": "places of the text that are read at once"})
    steps: int | None = field(default=None, metadata={"help": "steps of truncated back-propagation"})
    rate: float | None = field(default=None, metadata={"help": "largest learning rate"})
    initial_range: float | None = field(
        default=None, metadata={"help": "first weights are drawn uniformly between minus and plus this"}
    )
    forget_bias: float | None = field(
        default=None, metadata={"help": "first value of an LSTM's forget biases; 0 draws them like the others"}
    )
    patience: int | None = field(
        default=None, metadata={"help": "epochs without a better validation loss before it stops; 0 for never"}
    )
    seed: int = field(default=123, metadata={"help": "of the first weights and of dropout"})
    device: str = field(default="cpu", metadata={"help": "cpu or cuda"})
    keep: tuple[float, ...] = field(
        default=(),
        metadata={"help": "epochs, such as 0.5, after which the weights are kept in snapshots/; may be repeated"},
    )
    checkpoint_seconds: float = field(default=60.0, metadata={"help": "seconds between checkpoints"})
    restart: bool = field(default=False, metadata={"help": "throw away what the folder holds and begin again"})

    @classmethod
    def from_json(cls, values: dict[str, Any], **changes: Any) -> "TrainOptions":
        """The options that a ``Card`` keeps, so that a network can be made again (``out`` is to be given)."""
        plain: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**{**plain, **changes})

    def command(self) -> str:
        """The command line that asks for the same."""
        words = ["unitscope", "train", *self.text]
        for item in dataclasses.fields(self)[1:]:
            value = getattr(self, item.name)
            if value == item.default or item.name == "restart":
                continue
            option = f"--{item.name.replace('_', '-')}"
            if item.name == "keep":
                words += [word for epoch in value for word in (option, f"{epoch:g}")]
                continue
            values = value if isinstance(value, tuple) else (value,)
            words += [option, *map(str, values)]
        return shlex.join(words)


@dataclass(frozen=True)
class Progress:
    """How far a run is, after each update."""

    epoch: int
    """Counted from 1."""
    epochs: int
    batch: int
    """Counted from 1."""
    batches: int
    loss: float
    """Of this batch, in nats per symbol."""
    mean_loss: float
    """Of this epoch so far, in nats per symbol."""
    validation: float | None
    """Of the epoch before, in nats per symbol."""
    characters_per_second: float

    @property
    def bits(self) -> float:
        """Mean loss of this epoch so far, in bits per symbol."""
        return self.mean_loss / math.log(2)

    @property
    def done(self) -> float:
        """Share of the whole run."""
        return (self.epoch - 1 + self.batch / self.batches) / self.epochs


@dataclass(frozen=True)
class Trained:
    """A trained network."""

    net: CharNet
    card: Card
    history: list[dict[str, int | float]]
    folder: Path


def train(options: TrainOptions, progress: Callable[[Progress], None] | None = None) -> Trained:
    """Train, or go on where a run into the same folder was stopped; the folder keeps the best weights on validation.

    A run that was killed and started again gives the weights of one that was not. A run that is finished is loaded.
    Raises ``InputError`` for options that do not fit together or the text, if the folder holds a run with other
    options, and if the loss explodes.
    """
    folder = Path(options.out)
    recipe = recipe_of(options)
    asked = _comparable(options)
    corpus = _corpus(options, recipe)
    if not (folder / checkpoint.NAME).exists():
        refuse_foreign(folder)
    if options.restart:
        for name in (checkpoint.NAME, CONFIG, WEIGHTS, HISTORY):
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder / SNAPSHOTS, ignore_errors=True)
    elif (folder / CONFIG).exists() and not (folder / checkpoint.NAME).exists():
        return _finished(folder, asked, corpus)
    # Training draws from torch's generator; the caller's own draws are as if it had not been.
    with torch.random.fork_rng():
        return _Run(options, recipe, corpus, folder, progress).go()


def recipe_of(options: TrainOptions) -> Recipe:
    """The recipe with what the options change. Raises ``InputError`` for values that make no sense."""
    if options.recipe not in RECIPES:
        raise InputError(f"no recipe is called {options.recipe!r}; there are: {', '.join(RECIPES)}")
    changes = {
        name: value
        for name in ("epochs", "rows", "steps", "rate", "initial_range", "forget_bias", "patience")
        if (value := getattr(options, name)) is not None
    }
    recipe = dataclasses.replace(RECIPES[options.recipe](), **changes)
    if min(recipe.epochs, recipe.rows, recipe.steps) < 1 or recipe.rate <= 0:
        raise InputError(
            f"training needs at least one epoch, row and step and a rate above 0, not {recipe.epochs}, {recipe.rows}, "
            f"{recipe.steps} and {recipe.rate}"
        )
    return recipe


def _corpus(options: TrainOptions, recipe: Recipe) -> TextCorpus:
    whole = open_corpus(options.text, unit=options.unit, pattern=options.pattern, at_least=options.at_least)
    kind = options.split or ("documents" if whole.documents.files >= MANY_FILES else "contiguous")
    rows, steps = options.split_rows or recipe.rows, options.split_steps or recipe.steps
    split = Split(kind, "train", options.fractions, rows, steps)
    return TextCorpus(whole.documents, whole.name, split, whole.vocabulary)


def _comparable(options: TrainOptions) -> dict[str, Any]:
    """The options that change what comes out, as JSON holds them."""
    values = dataclasses.asdict(options)
    for name in ("out", "keep", "checkpoint_seconds", "restart"):
        del values[name]
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _refuse_other_run(folder: Path, before: dict[str, Any], asked: dict[str, Any], same_text: bool) -> None:
    different = [name for name in asked if before.get(name) != asked[name]]
    if different:
        name = different[0]
        raise InputError(
            f"{folder} holds a run with {name} {before.get(name)!r}, not {asked[name]!r}; give another folder, or "
            "--restart to begin again"
        )
    if not same_text:
        raise InputError(f"{folder} holds a run on a text that has changed since; give another folder, or --restart")


def _finished(folder: Path, asked: dict[str, Any], corpus: TextCorpus) -> Trained:
    net, card = load(folder)
    same_text = card.corpus_fingerprint == corpus.documents.fingerprint
    _refuse_other_run(folder, card.training.get("options", {}), asked, same_text)
    return Trained(net, card, card.training.get("history", []), folder)


class _Run:
    """One run. Everything that changes while it goes is in ``position``, ``state``, the network and the optimizer."""

    def __init__(
        self,
        options: TrainOptions,
        recipe: Recipe,
        corpus: TextCorpus,
        folder: Path,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.options = options
        self.recipe = recipe
        self.corpus = corpus
        self.folder = folder
        self.progress = progress
        self.device = find_device(options.device)
        torch.manual_seed(options.seed)
        self.config = CharConfig(
            symbols=len(corpus.vocabulary),
            cell=options.cell,
            layers=options.layers,
            units=options.units,
            dropout=options.dropout,
            initial_range=recipe.initial_range,
            forget_bias=recipe.forget_bias,
        )
        self.net = CharNet(self.config).to(self.device)
        self.optimizer = recipe.optimizer(self.net.parameters())
        self.rows: Rows = stream_of(corpus).rows(recipe.rows)
        self.batches = len(self.rows) // recipe.steps
        if self.batches == 0:
            raise InputError(
                f"the train part has {corpus.tokens:,} {options.unit}, too few for {recipe.rows} rows of "
                f"{recipe.steps} steps; give more text, or fewer rows or steps"
            )
        self.validation: Stream = stream_of(corpus.part("validation"))
        asked = _comparable(options)
        self.position = Position(asked, corpus.documents.fingerprint)
        self.state: State = self.net.fresh_state(recipe.rows)
        self.kept = {max(1, round(epoch * self.batches)): epoch for epoch in options.keep}
        if (folder / checkpoint.NAME).exists():
            position, tensors = checkpoint.load(folder)
            same_text = position.corpus_fingerprint == corpus.documents.fingerprint
            _refuse_other_run(folder, position.options, asked, same_text)
            self.position = position
            self.state = checkpoint.restore(tensors, self.net, self.optimizer)

    def go(self) -> Trained:
        make_folder(self.folder)
        # A folder without a checkpoint is a finished network, or none of ours.
        self._checkpoint()
        while self.position.epoch < self.recipe.epochs and not self._no_better():
            self._epoch()
            self._end_of_epoch()
            self._checkpoint()
        return self._finish()

    def _epoch(self) -> None:
        position, steps = self.position, self.recipe.steps
        clock = saved = time.monotonic()
        before = position.batch
        self.net.train()
        while position.batch < self.batches:
            ids, targets = self.rows.window(position.batch * steps, steps, self.device)
            rate = self.recipe.rate_at(position.epoch * self.batches + position.batch, self.batches)
            loss = self._update(ids, targets, rate)
            self._refuse_explosion(loss)
            position.loss_sum += loss
            position.batch += 1
            if position.epoch * self.batches + position.batch in self.kept:
                self._keep()
            now = time.monotonic()
            if now - saved >= self.options.checkpoint_seconds:
                self._checkpoint()
                saved = now
            if self.progress:
                done = (position.batch - before) * self.recipe.rows * steps
                self.progress(self._progress(loss, done / max(now - clock, 1e-9)))

    def _update(self, ids: Tensor, targets: Tensor, rate: float) -> float:
        """One step of truncated back-propagation; the state goes on, the gradient does not."""
        self.optimizer.zero_grad(set_to_none=True)
        logits, state = self.net.carry(ids, self.state)
        self.state = tuple(part.detach() for part in state)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=self.rows.none)
        loss.backward()
        self.recipe.clip(self.net.parameters())
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        return float(loss.detach())

    def _refuse_explosion(self, loss: float) -> None:
        """char-rnn's rule: three times the first loss, and there is no way back."""
        if self.position.first_loss is None:
            self.position.first_loss = loss
        if not loss <= 3 * self.position.first_loss:
            raise InputError(
                f"the loss exploded from {self.position.first_loss:.2f} to {loss:.2f} nats; train again with a lower "
                f"--rate than {self.recipe.rate:g} and --restart"
            )

    def _end_of_epoch(self) -> None:
        position = self.position
        validation = evaluate(self.net, self.validation, self.recipe.rows, self.recipe.steps)
        position.epoch += 1
        entry = {"epoch": position.epoch, "train": position.loss_sum / self.batches, "validation": validation}
        position.history.append(entry)
        position.batch, position.loss_sum = 0, 0.0
        if position.best is None or validation < position.best:
            position.best, position.best_epoch = validation, position.epoch
            save(self.folder, self.net, self._card({}))
        save_json(self.folder / HISTORY, position.history)

    def _keep(self) -> None:
        """A network of its own, as it is now."""
        update = self.position.epoch * self.batches + self.position.batch
        name = f"{self.kept[update]:g}"
        save(self.folder / SNAPSHOTS / name, self.net, self._card({"epochs": self.kept[update], "updates": update}))

    def _no_better(self) -> bool:
        """Early stopping."""
        return 0 < self.recipe.patience <= self.position.epoch - self.position.best_epoch

    def _checkpoint(self) -> None:
        checkpoint.save(self.folder, self.position, self.net, self.optimizer, self.state)

    def _finish(self) -> Trained:
        net, _ = load(self.folder)
        metrics: dict[str, int | float] = {"best epoch": self.position.best_epoch}
        for part, stream in (("validation", self.validation), ("test", stream_of(self.corpus.part("test")))):
            nats = evaluate(net, stream, self.recipe.rows, self.recipe.steps)
            metrics |= {f"{part} nats": nats, f"{part} bits": nats / math.log(2), f"{part} symbols": len(stream)}
        card = self._card(metrics)
        save(self.folder, net, card)
        # From here on the folder is a finished network.
        (self.folder / checkpoint.NAME).unlink()
        return Trained(net, card, self.position.history, self.folder)

    def _card(self, metrics: dict[str, int | float]) -> Card:
        versions = {"python": platform.python_version(), "torch": str(torch.__version__)}
        return Card(
            network=self.config,
            vocabulary=self.corpus.vocabulary,
            unit=self.options.unit,
            split=self.corpus.split,
            corpus=self.corpus.name,
            corpus_fingerprint=self.corpus.documents.fingerprint,
            command=self.options.command(),
            training={
                "options": self.position.options,
                "recipe": dataclasses.asdict(self.recipe),
                "versions": versions,
                "history": self.position.history,
            },
            metrics=metrics,
        )

    def _progress(self, loss: float, characters_per_second: float) -> Progress:
        position = self.position
        return Progress(
            epoch=position.epoch + 1,
            epochs=self.recipe.epochs,
            batch=position.batch,
            batches=self.batches,
            loss=loss,
            mean_loss=position.loss_sum / position.batch,
            validation=position.history[-1]["validation"] if position.history else None,
            characters_per_second=characters_per_second,
        )
