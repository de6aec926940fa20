"""Encoder–decoders of pairs, with attentive guidance or without.

By default as Hupkes et al. 2018 (arXiv 1805.09657) trained theirs, but in batches and with a fixed number of epochs:
Adam, the norm of the gradient cut at 5, nothing fed but the network's own output.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unitscope.errors import InputError
from unitscope.networks import training
from unitscope.networks.card import Card
from unitscope.networks.checkpoint import Carried
from unitscope.networks.device import find_device
from unitscope.networks.lessons.command import command
from unitscope.networks.recipes import Constant
from unitscope.networks.seq2seq.attention import Method
from unitscope.networks.seq2seq.data import LOOKUP, TRAIN, VALIDATION, PairSets, open_pairs
from unitscope.networks.seq2seq.guidance import guidance_loss, task_loss
from unitscope.networks.seq2seq.halves import Halves, halves
from unitscope.networks.seq2seq.network import Cell, Place, Seq2SeqConfig, Seq2SeqNet
from unitscope.networks.seq2seq.score import score
from unitscope.networks.training import NATS, Run, Trained, Watch


@dataclass(frozen=True)
class Seq2SeqOptions:
    """Options of a training."""

    data: str = field(
        default=LOOKUP, metadata={"help": "lookup-tables, or a folder of .tsv files with train.tsv among them"}
    )
    out: str = "seq2seq"
    guidance: float = field(
        default=0.0, metadata={"help": "weight of the loss on attention; 0 for none, 1 as published"}
    )
    cell: Cell = "gru"
    units: int = field(default=128, metadata={"flag": "--hidden"})
    embedding: int = field(default=16, metadata={"help": "values of the embedding of a symbol that is read"})
    attention: Place = field(
        default="pre-rnn", metadata={"help": "pre-rnn or post-rnn: before or after the decoder's step"}
    )
    method: Method = field(default="mlp", metadata={"help": "mlp, dot, general, concat, or hard (where the data says)"})
    full_focus: bool = field(default=True, metadata={"help": "whether the decoder reads nothing but a gated context"})
    epochs: int = 200
    batch_size: int = 16
    rate: float = 1e-3
    forcing: float = field(
        default=0.0, metadata={"help": "share of the updates in which the right symbols are fed, not the written ones"}
    )
    patience: int = 0
    split_seed: int = field(default=0, metadata={"help": "of the division of the lookup tables"})
    seed: int = 0
    device: str = "cpu"
    keep: tuple[float, ...] = field(default=(), metadata={"flag": "--snapshot"})
    checkpoint_seconds: float = 30.0
    restart: bool = False

    def command(self) -> str:
        """The command line that asks for the same."""
        return command("pairs", self)


class Lesson:
    """Pairs in batches of random order. Weights are chosen by validation only where there is patience to wait for."""

    def __init__(self, sets: PairSets, options: Seq2SeqOptions) -> None:
        self.sets, self.options = sets, options
        corpus = sets.corpus(TRAIN)
        self.fingerprint = corpus.fingerprint
        batch = corpus.batch(range(len(corpus))).to(options.device)
        self.pairs: Halves = halves(batch, len(sets.vocabulary.sources), len(sets.vocabulary.targets))

    def batches(self, epoch: int) -> tuple[Tensor, ...]:
        order = np.random.default_rng([self.options.seed, epoch]).permutation(len(self.pairs.lengths))
        batches: tuple[Tensor, ...] = (
            torch.from_numpy(order).to(self.pairs.lengths.device).split(self.options.batch_size)
        )
        return batches

    def fresh(self, net: Seq2SeqNet) -> Carried:
        return ()

    def loss(self, net: Seq2SeqNet, numbers: Tensor, carried: Carried) -> tuple[Tensor, Carried]:
        half, options = self.pairs.rows(numbers), self.options
        forced = options.forcing > 0 and float(torch.rand(())) < options.forcing
        attend = half.attend if options.method == "hard" else None
        decoded = net(half.sources, half.lengths, half.targets.shape[1], half.fed if forced else None, attend)
        loss = task_loss(decoded.logits, half.targets)
        if options.guidance:
            assert half.attend is not None
            loss = loss + options.guidance * guidance_loss(decoded.attention, half.attend)
        return loss, ()

    def validate(self, net: Seq2SeqNet) -> dict[str, int | float]:
        if not self.options.patience:
            return {}
        return {NATS: score(net, self.sets.corpus(VALIDATION)).loss}

    def metrics(self, net: Seq2SeqNet) -> dict[str, int | float]:
        """By set of pairs: shares of right sequences and symbols, attention on the target, loss."""
        return {
            f"{name} {what}": value
            for name in self.sets.sets
            for what, value in asdict(score(net, self.sets.corpus(name))).items()
        }


def train(options: Seq2SeqOptions, watch: Watch | None = None) -> Trained:
    """Train, or go on where a run into the same folder was stopped; a run that is finished is loaded.

    The folder holds the last weights, or with ``patience`` those that were best on validation. A run that was stopped
    and started again gives the weights of one that was not. Raises ``InputError`` for options that do not fit
    together or the pairs, and for a folder with something else in it.
    """
    find_device(options.device)
    sets = open_pairs(options.data, options.split_seed)
    _check(options, sets)
    asked = {
        name: value
        for name, value in asdict(options).items()
        if name not in ("out", "keep", "checkpoint_seconds", "restart", "device")
    }
    network = Seq2SeqConfig(
        sources=len(sets.vocabulary.sources),
        symbols=len(sets.vocabulary.targets),
        cell=options.cell,
        units=options.units,
        embedding=options.embedding,
        attention=options.attention,
        method=options.method,
        full_focus=options.full_focus,
    )
    vocabulary = sets.vocabulary
    card = Card("seq2seq", network, vocabulary.sources, vocabulary.targets, corpus=sets.name, command=options.command())
    run = Run(
        Path(options.out),
        asked,
        options.seed,
        options.device,
        keep=options.keep,
        checkpoint_seconds=options.checkpoint_seconds,
        restart=options.restart,
    )
    recipe = Constant(options.epochs, options.rate, patience=options.patience)
    return training.train(Lesson(sets, options), card, recipe, run, watch)


def _check(options: Seq2SeqOptions, sets: PairSets) -> None:
    if min(options.epochs, options.batch_size) < 1 or options.rate <= 0 or options.guidance < 0:
        raise InputError("training needs at least one epoch and pair, a rate above 0, and no guidance below 0")
    if not 0 <= options.forcing <= 1:
        raise InputError(f"forcing is a share of the updates, from 0 to 1, not {options.forcing}")
    if (options.guidance or options.method == "hard") and any(not pair.attention for pair in sets.sets[TRAIN]):
        raise InputError(f"{sets.name} does not say where to attend to, so there is nothing to guide attention with")
    if options.patience and VALIDATION not in sets.sets:
        raise InputError(f"{sets.name} has no set validation, so training cannot stop by it; leave out --patience")
