"""The zoo: networks of one architecture, trained with attentive guidance and without, several runs of each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from unitscope.corpus.lookup_tables import LookupTables, draw_tables
from unitscope.corpus.pair_corpus import Label, OutputCorpus, SourceCorpus
from unitscope.corpus.pairs import Pair, write_pairs
from unitscope.networks.lessons.pairs import Seq2SeqOptions
from unitscope.networks.seq2seq.data import LOOKUP, PairSets, open_pairs

Kind = Literal["baseline", "guided"]
KINDS: tuple[Kind, ...] = get_args(Kind)
HELD_OUT = ("heldout_tables", "heldout_compositions", "new_compositions")
"""Sets whose pairs are all of one length, none of which was trained on."""


@dataclass(frozen=True)
class Material:
    """Data of all networks: the pairs by set, and those on which units are examined."""

    sets: PairSets
    held_out: Sequence[Pair]
    tables: tuple[str, ...]

    @classmethod
    def of(cls, sets: PairSets) -> "Material":
        pairs = [pair for name in HELD_OUT for pair in sets.sets[name]]
        first = {pair.source[1] for pair in sets.sets["train"]}
        return cls(sets, pairs, tuple(sorted(first)))

    @property
    def places(self) -> int:
        """Number of places of the longest source that is examined."""
        return max(len(pair.source) for pair in self.held_out)

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
    def learnt(self) -> OutputCorpus:
        """The compositions that both kinds of network learnt."""
        train = [pair for pair in self.sets.sets["train"] if len(pair.target) > 2]
        return OutputCorpus(train, self.sets.vocabulary, "trained compositions")

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


def options(folder: Path, settings: dict[str, Any]) -> Seq2SeqOptions:
    """Training of a network: as published, but in batches: 16 pairs, 200 epochs; from 512 units on 8 and 120."""
    kind, cell, units, seed = (settings[name] for name in ("kind", "cell", "units", "seed"))
    out = str(folder / f"{kind}-{cell}-h{units}-s{seed}")
    guidance = 1.0 if kind == "guided" else 0.0
    if settings["quick"]:
        data, epochs, batch_size, rate = str(folder / "pairs"), 10, 8, 2e-2
    else:
        data, rate = LOOKUP, 1e-3
        epochs, batch_size = (120, 8) if units >= 512 else (200, 16)
    return Seq2SeqOptions(data, out, guidance, cell, units, epochs=epochs, batch_size=batch_size, rate=rate, seed=seed)
