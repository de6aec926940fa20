"""Training an encoder–decoder on pairs, with attentive guidance or without, and exact resumption.

By default as Hupkes et al. 2018 (arXiv 1805.09657) trained theirs, but in batches and with a fixed number of epochs:
Adam, the norm of the gradient cut at 5, nothing fed but the network's own output.
"""

import dataclasses
import platform
import shlex
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unitscope.errors import InputError
from unitscope.networks import checkpoint
from unitscope.networks.checkpoint import Position
from unitscope.networks.device import find_device
from unitscope.networks.files import CONFIG, HISTORY, WEIGHTS, make_folder, refuse_foreign, save_json
from unitscope.networks.seq2seq.attention import Method
from unitscope.networks.seq2seq.data import LOOKUP, TRAIN, VALIDATION, PairSets, open_pairs
from unitscope.networks.seq2seq.files import KIND, Seq2SeqCard, load, save
from unitscope.networks.seq2seq.guidance import guidance_loss, task_loss
from unitscope.networks.seq2seq.halves import Halves, halves
from unitscope.networks.seq2seq.network import Cell, Place, Seq2SeqConfig, Seq2SeqNet
from unitscope.networks.seq2seq.score import score

Progress = Callable[[int, int, float], None]
"""Called with epochs done, epochs in all, and the mean loss of the last one in nats per pair."""


@dataclass(frozen=True)
class Seq2SeqOptions:
    """What to train, on what, and how."""

    data: str = field(
        default=LOOKUP, metadata={"help": "lookup-tables, or a folder of .tsv files with train.tsv among them"}
    )
    out: str = field(
        default="seq2seq",
        metadata={"help": "folder for config.json and model.safetensors; a run that was stopped goes on there"},
    )
    guidance: float = field(
        default=0.0, metadata={"help": "weight of the loss on attention; 0 for none, 1 as published"}
    )
    cell: Cell = field(default="gru", metadata={"help": "lstm or gru"})
    units: int = field(default=128, metadata={"help": "units of encoder and decoder"})
    embedding: int = field(default=16, metadata={"help": "values of the embedding of a symbol that is read"})
    attention: Place = field(
        default="pre-rnn", metadata={"help": "pre-rnn or post-rnn: before or after the decoder's step"}
    )
    method: Method = field(default="mlp", metadata={"help": "mlp, dot, general, concat, or hard (where the data says)"})
    full_focus: bool = field(default=True, metadata={"help": "whether the decoder reads nothing but a gated context"})
    epochs: int = field(default=200, metadata={"help": "times that the pairs are read"})
    batch_size: int = field(default=16, metadata={"help": "pairs of an update"})
    rate: float = field(default=1e-3, metadata={"help": "learning rate"})
    forcing: float = field(
        default=0.0, metadata={"help": "share of the updates in which the right symbols are fed, not the written ones"}
    )
    patience: int = field(
        default=0, metadata={"help": "epochs without a better loss on validation before it stops; 0 for never"}
    )
    split_seed: int = field(default=0, metadata={"help": "of the division of the lookup tables"})
    seed: int = field(default=0, metadata={"help": "of the first weights and of the order"})
    device: str = field(default="cpu", metadata={"help": "cpu or cuda"})
    checkpoint_seconds: float = field(default=30.0, metadata={"help": "seconds between checkpoints"})
    restart: bool = field(default=False, metadata={"help": "throw away what the folder holds and begin again"})

    def command(self) -> str:
        """The command line that asks for the same."""
        words = ["unitscope", "train-seq2seq"]
        for item in dataclasses.fields(self):
            value, name = getattr(self, item.name), item.name.replace("_", "-")
            if value != item.default and item.name != "restart":
                words += [f"--no-{name}"] if value is False else [f"--{name}", str(value)]
        return shlex.join(words)


@dataclass(frozen=True)
class TrainedSeq2Seq:
    """A trained network."""

    net: Seq2SeqNet
    card: Seq2SeqCard
    folder: Path


def train(options: Seq2SeqOptions, progress: Progress | None = None) -> TrainedSeq2Seq:
    """Train, or go on where a run into the same folder was stopped; a run that is finished is loaded.

    The folder holds the last weights, or with ``patience`` those that were best on validation. A run that was stopped
    and started again gives the weights of one that was not. Raises ``InputError`` for options that do not fit
    together or the pairs, and for a folder with something else in it.
    """
    folder = Path(options.out)
    sets = open_pairs(options.data, options.split_seed)
    _check(options, sets)
    asked = {
        name: value
        for name, value in asdict(options).items()
        if name not in ("out", "checkpoint_seconds", "restart", "device")
    }
    begun = (folder / checkpoint.NAME).exists()
    if not begun:
        refuse_foreign(folder, KIND)
    if options.restart:
        for name in (checkpoint.NAME, CONFIG, WEIGHTS, HISTORY):
            (folder / name).unlink(missing_ok=True)
    elif (folder / CONFIG).exists() and not begun:
        net, card = load(folder)
        _check_same(folder, card.training.get("options", {}), asked, card.data_fingerprint, sets)
        return TrainedSeq2Seq(net, card, folder)
    with torch.random.fork_rng():
        return _Run(options, sets, asked, folder).go(progress)


def _check(options: Seq2SeqOptions, sets: PairSets) -> None:
    if min(options.epochs, options.batch_size) < 1 or options.rate <= 0 or options.guidance < 0:
        raise InputError("training needs at least one epoch and pair, a rate above 0, and no guidance below 0")
    if not 0 <= options.forcing <= 1:
        raise InputError(f"forcing is a share of the updates, from 0 to 1, not {options.forcing}")
    if (options.guidance or options.method == "hard") and any(not pair.attention for pair in sets.sets[TRAIN]):
        raise InputError(f"{sets.name} does not say where to attend to, so there is nothing to guide attention with")
    if options.patience and VALIDATION not in sets.sets:
        raise InputError(f"{sets.name} has no set validation, so training cannot stop by it; leave out --patience")
    find_device(options.device)


def _check_same(folder: Path, before: dict[str, Any], asked: dict[str, Any], fingerprint: str, sets: PairSets) -> None:
    for name, value in asked.items():
        if before.get(name) != value:
            raise InputError(
                f"{folder} holds a run with {name} {before.get(name)!r}, not {value!r}; give another folder, or "
                "--restart to begin again"
            )
    if fingerprint != sets.corpus(TRAIN).fingerprint:
        raise InputError(f"{folder} holds a run on pairs that have changed since; give another folder, or --restart")


class _Run:
    """One run. Everything that changes while it goes is in ``position``, the network and the optimizer."""

    def __init__(self, options: Seq2SeqOptions, sets: PairSets, asked: dict[str, Any], folder: Path) -> None:
        self.options = options
        self.sets = sets
        self.folder = folder
        torch.manual_seed(options.seed)
        self.config = Seq2SeqConfig(
            sources=len(sets.vocabulary.sources),
            symbols=len(sets.vocabulary.targets),
            cell=options.cell,
            units=options.units,
            embedding=options.embedding,
            attention=options.attention,
            method=options.method,
            full_focus=options.full_focus,
        )
        self.net = Seq2SeqNet(self.config).to(options.device)
        self.optimizer = torch.optim.Adam(self.net.parameters(), options.rate, fused=True)
        corpus = sets.corpus(TRAIN)
        batch = corpus.batch(range(len(corpus))).to(options.device)
        self.pairs: Halves = halves(batch, self.config.sources, self.config.symbols)
        self.position = Position(asked, corpus.fingerprint)
        if (folder / checkpoint.NAME).exists():
            position, tensors = checkpoint.load(folder)
            _check_same(folder, position.options, asked, position.corpus_fingerprint, sets)
            checkpoint.restore(tensors, self.net, self.optimizer)
            self.position = position

    def go(self, progress: Progress | None) -> TrainedSeq2Seq:
        make_folder(self.folder)
        self._checkpoint()
        saved = time.monotonic()
        while self.position.epoch < self.options.epochs and not self._no_better():
            self.position.history.append(self._epoch())
            if self.options.patience:
                self._choose()
            if progress:
                progress(self.position.epoch, self.options.epochs, float(self.position.history[-1]["train"]))
            if time.monotonic() - saved >= self.options.checkpoint_seconds:
                self._checkpoint()
                saved = time.monotonic()
        net = load(self.folder)[0].to(self.options.device) if self.options.patience else self.net.eval()
        card = self._card({name: asdict(score(net, self.sets.corpus(name))) for name in self.sets.sets})
        save(self.folder, net, card)
        save_json(self.folder / HISTORY, self.position.history)
        (self.folder / checkpoint.NAME).unlink()  # from here on the folder is a finished network
        return TrainedSeq2Seq(net, card, self.folder)

    def _epoch(self) -> dict[str, int | float]:
        self.net.train()
        order = torch.randperm(len(self.pairs.lengths)).to(self.pairs.lengths.device)
        total = 0.0
        for numbers in order.split(self.options.batch_size):
            total += self._update(self.pairs.rows(numbers)) * len(numbers)
        self.position.epoch += 1
        return {"epoch": self.position.epoch, "train": total / len(order)}

    def _update(self, half: Halves) -> float:
        forced = self.options.forcing > 0 and float(torch.rand(())) < self.options.forcing
        fed = half.fed if forced else None
        attend = half.attend if self.config.method == "hard" else None
        decoded = self.net(half.sources, half.lengths, half.targets.shape[1], fed, attend)
        task = loss = task_loss(decoded.logits, half.targets)
        if self.options.guidance:
            assert half.attend is not None
            loss = task + self.options.guidance * guidance_loss(decoded.attention, half.attend)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimizer.step()
        return float(task.detach())

    def _choose(self) -> None:
        """Keep the weights where they are the best so far on validation."""
        loss = score(self.net.eval(), self.sets.corpus(VALIDATION)).loss
        self.position.history[-1][VALIDATION] = loss
        if self.position.best is None or loss < self.position.best:
            self.position.best, self.position.best_epoch = loss, self.position.epoch
            save(self.folder, self.net, self._card({}))

    def _no_better(self) -> bool:
        return 0 < self.options.patience <= self.position.epoch - self.position.best_epoch

    def _checkpoint(self) -> None:
        checkpoint.save(self.folder, self.position, self.net, self.optimizer, ())

    def _card(self, scores: dict[str, dict[str, float]]) -> Seq2SeqCard:
        versions = {"python": platform.python_version(), "torch": str(torch.__version__)}
        return Seq2SeqCard(
            network=self.config,
            vocabulary=self.sets.vocabulary,
            data=self.sets.name,
            data_fingerprint=self.position.corpus_fingerprint,
            command=self.options.command(),
            training={
                "options": self.position.options,
                "versions": versions,
                "history": self.position.history,
            },
            scores=scores,
        )
