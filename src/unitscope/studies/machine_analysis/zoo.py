"""The zoo: networks of one architecture, trained with attentive guidance and without, several runs of each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from unitscope.corpus.lookup_tables import LookupTables, draw_tables
from unitscope.corpus.pair_corpus import Label, OutputCorpus, SourceCorpus
from unitscope.corpus.pairs import Pair, write_pairs
from unitscope.errors import InputError
from unitscope.networks.lessons.pairs import Seq2SeqOptions, train
from unitscope.networks.seq2seq.data import LOOKUP, PairSets, open_pairs
from unitscope.networks.seq2seq.model import Seq2SeqModel
from unitscope.networks.seq2seq.network import Cell
from unitscope.networks.training import Trained
from unitscope.progress import Progress

Kind = Literal["baseline", "guided"]
KINDS: tuple[Kind, ...] = get_args(Kind)
HELD_OUT = ("heldout_tables", "heldout_compositions", "new_compositions")
"""Sets whose pairs are all of one length, none of which was trained on."""


@dataclass(frozen=True)
class Run:
    """One trained network. Runs of both kinds with one seed began with the same weights."""

    kind: Kind
    cell: Cell
    seed: int
    options: Seq2SeqOptions
    trained: Trained

    @property
    def name(self) -> str:
        return f"{self.kind} {self.cell.upper()} {self.seed}"

    def model(self, places: int) -> Seq2SeqModel:
        return Seq2SeqModel(self.trained.net, places=places, name=self.name)

    def accuracy(self, name: str) -> float:
        """Share of right sequences of a set."""
        return self.trained.card.metrics[f"{name} sequences"]


@dataclass(frozen=True)
class Material:
    """What all networks read: the pairs by set, and those on which units are examined."""

    sets: PairSets
    held_out: Sequence[Pair]
    tables: tuple[str, ...]

    @classmethod
    def of(cls, sets: PairSets) -> "Material":
        pairs = [pair for name in HELD_OUT for pair in sets.sets[name]]
        first = {pair.source[1] for pair in sets.sets["train"]}
        return cls(sets, pairs, tuple(sorted(first)))

    @property
    def sources(self) -> SourceCorpus:
        """The examined pairs; the labels ``table`` and ``string`` say what is read at a step."""

        def of(known: Sequence[str]) -> Label:
            return lambda pair: _numbers(pair.source, known)

        labels = {"table": of(self.tables), "string": of(self.sets.vocabulary.targets)}
        return SourceCorpus(self.held_out, self.sets.vocabulary, "held-out pairs", labels)

    @property
    def outputs(self) -> OutputCorpus:
        """The examined pairs; the label ``table`` is the table to attend to at a step."""

        def attended(pair: Pair) -> Sequence[float]:
            return _numbers([pair.source[place] for place in pair.attention], self.tables)

        return OutputCorpus(self.held_out, self.sets.vocabulary, "held-out pairs", {"table": attended})

    @property
    def everything(self) -> list[Pair]:
        """All pairs of one or two tables, 576 of the published tables."""
        return [pair for name, pairs in self.sets.sets.items() if not name.startswith("longer") for pair in pairs]


def _numbers(symbols: Sequence[str], known: Sequence[str]) -> list[float]:
    """Their places among the known ones, NaN for others."""
    return [float(known.index(symbol)) if symbol in known else math.nan for symbol in symbols]


def material(folder: Path, quick: bool) -> Material:
    """The published tables; for a quick look four tables of two bits, written into the folder."""
    if not quick:
        return Material.of(open_pairs(LOOKUP))
    task = LookupTables(draw_tables(4, bits=2, seed=1), held_compositions=1, held_inputs=1, validation=1)
    longer = {f"longer_{name}": pairs for name, pairs in task.longer(3, most=40).items()}
    for name, pairs in {**task.splits(), **longer}.items():
        write_pairs(folder / "pairs" / f"{name}.tsv", pairs)
    return Material.of(open_pairs(str(folder / "pairs")))


def options(folder: Path, kind: Kind, cell: Cell, units: int, seed: int, quick: bool) -> Seq2SeqOptions:
    """How a network is trained: as published, but in batches: 16 pairs, 200 epochs; from 512 units on 8 and 120."""
    out = str(folder / f"{kind}-{cell}-h{units}-s{seed}")
    guidance = 1.0 if kind == "guided" else 0.0
    if quick:
        data = str(folder / "pairs")
        return Seq2SeqOptions(data, out, guidance, cell, units, epochs=10, batch_size=8, rate=2e-2, seed=seed)
    epochs, batch_size = (120, 8) if units >= 512 else (200, 16)
    return Seq2SeqOptions(LOOKUP, out, guidance, cell, units, epochs=epochs, batch_size=batch_size, seed=seed)


def obtain(folder: Path, cells: Sequence[str], units: int, seeds: int, quick: bool, show: Progress) -> list[Run]:
    """Train what the folder does not hold yet, and load the rest. Runs with seeds 1, 2, … of every kind and cell.

    Raises ``InputError`` for an unknown cell, and for a folder with runs of other options.
    """
    unknown = sorted({*cells} - {*get_args(Cell)})
    if unknown or not cells:
        raise InputError(f"no cell is called {', '.join(unknown) or 'nothing'}; there are: {', '.join(get_args(Cell))}")
    runs = []
    wanted = [
        (cell, seed, kind) for cell in get_args(Cell) if cell in cells for seed in range(1, seeds + 1) for kind in KINDS
    ]
    for done, (cell, seed, kind) in enumerate(wanted):
        show("training", done, len(wanted))
        how = options(folder, kind, cell, units, seed, quick)
        runs.append(Run(kind, cell, seed, how, train(how)))
    show("training", len(wanted), len(wanted))
    return runs
