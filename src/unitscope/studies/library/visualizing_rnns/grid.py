"""The grid of networks: three cells, several depths, several sizes, two ways to train.

A network is a folder as ``unitscope train`` writes it, so any of them can be trained elsewhere and put in its place.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from unitscope.corpus.text import TextCorpus
from unitscope.errors import InputError
from unitscope.networks.budget import weights, width
from unitscope.networks.card import Card, kind_of, load
from unitscope.networks.char import Cell, CharConfig
from unitscope.networks.files import CONFIG
from unitscope.networks.lessons.text import TrainOptions
from unitscope.networks.training import SNAPSHOTS, is_trained

Protocol = Literal["modern", "paper"]
ROWS, STEPS = 100, 100
"""The interleaved split of the paper: 100 stretches, counted in batches of 100 characters of each."""
KEPT = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
"""Epochs after which an LSTM's weights are kept, to look at how it learns."""
RATES: dict[Cell, float] = {"lstm": 0.04, "gru": 0.01, "rnn": 0.005}
"""Largest rates of the modern protocol in the row of 64, chosen by runs of one epoch; they fall with √row."""
LSTM_RANGE = 4.8
"""First weights of an LSTM in the modern protocol lie within this over √units. PyTorch's 1 costs it many epochs: ten
epochs of the row of 64 end at 1.56 nats of validation loss with a rate of 0.02 and a range of 1, at 1.42 with 0.04 and
4.8."""
FIRST_SEED = 123
"""Of the first weights, as in char-rnn."""
DROPOUT = {64: 0.0, 128: 0.0, 256: 0.1, 512: 0.3}
"""Shares of the modern protocol, by row: only the larger networks learn the text by heart."""


@dataclass(frozen=True)
class Plan:
    """One network of the grid."""

    cell: Cell
    layers: int
    row: int
    """Its budget: as many weights as a one-layer LSTM of so many units has."""
    protocol: Protocol = "modern"
    forget_bias: float | None = None
    """First value of an LSTM's forget biases, if not what the protocol says."""
    seed: int = 1
    """Which of several networks of this kind, from 1; each begins with weights of its own."""

    @property
    def name(self) -> str:
        """Name of its folder."""
        bias = "" if self.forget_bias is None else f"-bias{self.forget_bias:g}"
        seed = f"-seed{self.seed}" if self.seed > 1 else ""
        return f"{self.cell}-{self.layers}-{self.row}-{self.protocol}{bias}{seed}"

    def options(self, text: Path, corpus: TextCorpus, folder: Path, epochs: int, device: str = "cpu") -> TrainOptions:
        """Options of its training on the interleaved split of ``corpus``, which is the file ``text``."""
        modern = self.protocol == "modern"
        split = corpus.split
        units = width(self.cell, self.layers, len(corpus.vocabulary), self.row)
        return TrainOptions(
            (str(text),),
            str(folder / self.name),
            split="interleaved",
            fractions=split.fractions,
            split_rows=split.rows,
            split_steps=split.steps,
            cell=self.cell,
            layers=self.layers,
            units=units,
            dropout=DROPOUT.get(self.row, 0.0) if modern else 0.0,
            recipe=self.protocol,
            epochs=epochs,
            rows=min(32, split.rows) if modern else split.rows,
            steps=split.steps,
            rate=RATES[self.cell] * math.sqrt(64 / self.row) if modern else None,
            initial_range=LSTM_RANGE / math.sqrt(units) if modern and self.cell == "lstm" else None,
            forget_bias=self.forget_bias,
            patience=0,
            keep=tuple(epoch for epoch in KEPT if epoch <= epochs) if self.cell == "lstm" else (),
            device=device,
            seed=FIRST_SEED + self.seed - 1,
            checkpoint_seconds=20.0,
        )


@dataclass(frozen=True)
class Member:
    """A trained network of the grid."""

    name: str
    folder: Path
    card: Card
    row: int

    @property
    def cell(self) -> Cell:
        cell: Cell = self.card.network.cell
        return cell

    @property
    def layers(self) -> int:
        return int(self.card.network.layers)

    @property
    def protocol(self) -> str:
        """Its recipe."""
        return str(self.card.options.get("recipe", ""))

    @property
    def history(self) -> list[dict[str, int | float]]:
        """Training and validation loss of each epoch, in nats."""
        return self.card.history

    @property
    def size(self) -> int:
        """Weights."""
        net: CharConfig = self.card.network
        return weights(net.cell, net.layers, net.units, net.symbols)

    @property
    def validation(self) -> float:
        """Lowest validation loss, whose epoch was kept, in nats."""
        return min((entry["validation"] for entry in self.history), default=math.nan)

    @property
    def forget_bias(self) -> float:
        """First value of an LSTM's forget biases; NaN for other cells."""
        return self.card.network.forget_bias if self.cell == "lstm" else math.nan

    def snapshots(self) -> dict[float, Path]:
        """The networks that it was on the way, by epochs."""
        found = [path.parent for path in (self.folder / SNAPSHOTS).glob(f"*/{CONFIG}")]
        return {float(path.name): path for path in sorted(found, key=lambda path: float(path.name))}


def trained(folder: Path, fingerprint: str, symbols: int) -> list[Member]:
    """The trained networks of a folder, at any depth, that learnt this text; their rows are the nearest budgets.

    Raises ``InputError`` if the folder has networks, but of other texts alone.
    """
    found, others = [], []
    for path in sorted(folder.glob(f"**/{CONFIG}")):
        if SNAPSHOTS in path.relative_to(folder).parts or not is_trained(path.parent):
            continue
        if kind_of(path.parent) != "char":
            continue
        _, card = load(path.parent)
        if card.corpus_fingerprint != fingerprint or len(card.vocabulary) != symbols:
            others.append(path.parent)
            continue
        net = card.network
        size = weights(net.cell, net.layers, net.units, symbols)
        row = min(DROPOUT, key=lambda row: abs(math.log(weights("lstm", 1, row, symbols) / size)))
        found.append(Member(str(path.parent.relative_to(folder)), path.parent, card, row))
    if others and not found:
        raise InputError(f"the networks of {folder}, such as {others[0].name}, learnt another text; give that --text")
    return found
