"""The sets of pairs that a network is trained, chosen and scored on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from unitscope.corpus.lookup_tables import LookupTables
from unitscope.corpus.pair_corpus import OutputCorpus, PairVocabulary
from unitscope.corpus.pairs import Pair, read_pairs
from unitscope.errors import InputError

LOOKUP = "lookup-tables"
TRAIN, VALIDATION = "train", "validation"


@dataclass(frozen=True)
class PairSets:
    """Pairs by set; ``train`` is among them. The vocabulary is that of the train set."""

    name: str
    sets: Mapping[str, Sequence[Pair]]
    vocabulary: PairVocabulary

    def corpus(self, name: str) -> OutputCorpus:
        """A set as a corpus. Raises ``InputError`` for a set that does not exist, and for unknown symbols."""
        if name not in self.sets:
            raise InputError(f"{self.name} has no set {name!r}; there are: {', '.join(self.sets)}")
        return OutputCorpus(self.sets[name], self.vocabulary, f"{self.name}/{name}")


def open_pairs(data: str, seed: int = 0) -> PairSets:
    """``lookup-tables``, divided by ``seed``, or a folder of ``.tsv`` files with ``train.tsv`` among them.

    The lookup tables have three more sets: compositions of three tables (``longer_seen`` and so on). Every pair is
    checked. Raises ``InputError`` for a folder without ``train.tsv``, and with file and line for a pair that is wrong.
    """
    if data == LOOKUP:
        task = LookupTables()
        longer = {f"longer_{name}": pairs for name, pairs in task.longer(3).items()}
        sets: dict[str, list[Pair]] = {**task.splits(seed), **longer}
    else:
        sets = {path.stem: read_pairs(path) for path in sorted(Path(data).glob("*.tsv"))}
        if TRAIN not in sets:
            raise InputError(f"{data} has no train.tsv; give {LOOKUP}, or a folder with train.tsv and other sets")
    vocabulary = PairVocabulary.of(sets[TRAIN])
    for pairs in sets.values():
        for pair in pairs:
            vocabulary.check(pair)
    return PairSets(LOOKUP if data == LOOKUP else Path(data).name, sets, vocabulary)
