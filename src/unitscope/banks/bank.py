"""The concept bank: every candidate of a corpus once, with its kind, its counts and the places where it stands."""

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int
from scipy import sparse

from unitscope.banks.candidates import Finder, Place
from unitscope.corpus.sentence import Sentence
from unitscope.errors import InputError
from unitscope.files.damage import damaged
from unitscope.files.digest import digest_of
from unitscope.files.frames import write_frame
from unitscope.files.jsons import read_json, write_json
from unitscope.files.parquet import read_table

SCHEMA = 2
COLUMNS = ("text", "kind", "words", "label", "count", "sentences")
SPANS = ("concept", "sentence", "start", "stop")
HEAD, CONCEPTS, PLACES = "bank.json", "concepts.parquet", "places.parquet"
MEND = "make it with unitscope data bank, or make_bank(…).save"


@dataclass(frozen=True)
class Head:
    """Content of ``bank.json``."""

    sentences: int
    concepts: str
    """Digest of the file of concepts."""
    places: str


@dataclass(frozen=True, eq=False)
class Bank:
    """Concepts and where they stand in the sentences of one corpus.

    Two occurrences are of one concept if kind and text agree, upper and lower case apart. What is both a word and a
    morpheme of other words is one concept, a word. Memory grows with the number of occurrences (16 bytes each).
    """

    table: pd.DataFrame
    """A row per concept: ``text`` (its commonest spelling), ``kind``, ``words`` (0 for a morpheme), ``label`` (its
    commonest), ``count`` of occurrences, ``sentences`` that hold it. The row's number is the concept's."""
    places: Int[np.ndarray, "occurrence 4"]
    """Concept, sentence, first character and the one after the last; ordered by sentence."""
    sentence_count: int

    def __len__(self) -> int:
        return len(self.table)

    @property
    def texts(self) -> list[str]:
        return [str(text) for text in self.table["text"]]

    @cached_property
    def inclusion(self) -> sparse.csr_array:
        """Which sentence holds which concept: ones, ``[sentence concept]``."""
        pairs = np.unique(self.places[:, [1, 0]], axis=0)
        ones = np.ones(len(pairs), np.float32)
        return sparse.csr_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(self.sentence_count, len(self)))

    @cached_property
    def is_first(self) -> np.ndarray:
        """True for the first concept of each text: a lemma and a word spelled alike are one text to a model."""
        return ~self.table["text"].str.lower().duplicated().to_numpy()

    def find(self, text: str, kind: str = "") -> int:
        """The number of a concept. Raises ``InputError`` for one that never occurs, with near matches."""
        hits = self.table["text"].str.lower() == " ".join(text.lower().split())
        if kind:
            hits &= self.table["kind"] == kind
        if not hits.any():
            near = difflib.get_close_matches(text.lower(), [t.lower() for t in self.texts], n=3)
            hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "give one that occurs"
            raise InputError(f"the concept {text!r} never occurs in the {self.sentence_count:,} sentences; {hint}")
        return int(np.flatnonzero(hits.to_numpy())[0])

    def only(self, numbers: Sequence[int] | np.ndarray) -> "Bank":
        """The bank of some concepts, in this order and newly numbered."""
        chosen = np.asarray(numbers, np.int64)
        renumbered = np.full(len(self), -1, np.int64)
        renumbered[chosen] = np.arange(len(chosen))
        places = self.places.copy()
        places[:, 0] = renumbered[places[:, 0]]
        return Bank(self.table.iloc[chosen].reset_index(drop=True), places[places[:, 0] >= 0], self.sentence_count)

    def placed(self, places: Int[np.ndarray, "occurrence 4"], sentence_count: int) -> "Bank":
        """The same concepts by the same numbers at places in other sentences, counted there."""
        holding = np.unique(places[:, :2], axis=0)[:, 0]
        counts = {
            "count": np.bincount(places[:, 0], minlength=len(self)),
            "sentences": np.bincount(holding, minlength=len(self)),
        }
        return Bank(self.table.assign(**counts), places, sentence_count)

    def within(self, sentence: int) -> Int[np.ndarray, "occurrence 3"]:
        """Concept, first character and the one after the last of each occurrence in a sentence."""
        low, high = np.searchsorted(self.places[:, 1], [sentence, sentence + 1])
        return self.places[low:high][:, [0, 2, 3]]

    def save(self, folder: Path) -> None:
        """Write ``concepts.parquet``, ``places.parquet`` and, last, ``bank.json``, which has the digests of both."""
        concepts = write_frame(folder / CONCEPTS, self.table, index=False)
        places = write_frame(folder / PLACES, pd.DataFrame(self.places, columns=list(SPANS)), index=False)
        write_json(folder / HEAD, Head(self.sentence_count, concepts.digest, places.digest), SCHEMA)

    @classmethod
    def load(cls, folder: Path) -> "Bank":
        """Read what ``save`` wrote. Raises ``InputError`` where there is none, and for a damaged or older one."""
        if not (folder / HEAD).exists():
            raise InputError(f"{folder} holds no concept bank: it has no {HEAD}; {MEND}")
        head = read_json(folder / HEAD, Head, MEND, SCHEMA)
        for name, said in ((CONCEPTS, head.concepts), (PLACES, head.places)):
            if digest_of(folder / name) != said:
                raise damaged(folder / name, f"its content differs from what {HEAD} says", MEND)
        table = read_table(folder / CONCEPTS, MEND).to_pandas()
        places = read_table(folder / PLACES, MEND).to_pandas()
        try:
            table, spans = table[list(COLUMNS)], places[list(SPANS)].to_numpy(np.int64)
            inside = (spans >= 0).all() and (spans[:, 0] < len(table)).all() and (spans[:, 1] < head.sentences).all()
            if not inside or not all(isinstance(text, str) for text in table["text"]):
                raise ValueError("it has places of no concept or sentence")
        except (ValueError, KeyError, TypeError) as error:
            raise damaged(folder / PLACES, error, MEND) from error
        return cls(table, spans, head.sentences)


def make_bank(sentences: Sequence[Sentence], finders: Sequence[Finder], min_count: int = 1) -> Bank:
    """Collect what the finders see in the sentences; concepts that occur less than ``min_count`` times are left out.

    Raises ``InputError`` if nothing is left.
    """
    numbers: dict[tuple[str, str], int] = {}
    spellings: list[Counter[str]] = []
    labels: list[Counter[str]] = []
    first: list[Place] = []
    places: list[tuple[int, int, int, int]] = []
    for number, sentence in enumerate(sentences):
        for finder in finders:
            for place in finder(sentence):
                key = (place.kind, place.text.lower())
                concept = numbers.setdefault(key, len(first))
                if concept == len(first):
                    first.append(place)
                    spellings.append(Counter())
                    labels.append(Counter())
                spellings[concept][place.text] += 1
                labels[concept][place.label] += 1
                places.append((concept, number, place.start, place.stop))
    found = np.array(places, np.int64).reshape(-1, 4)
    for (kind, text), concept in numbers.items():
        if kind == "morpheme" and ("word", text) in numbers:
            found[found[:, 0] == concept, 0] = numbers["word", text]
    found = np.unique(found[:, [1, 2, 3, 0]], axis=0)[:, [3, 0, 1, 2]]  # ordered by sentence
    counts = np.bincount(found[:, 0], minlength=len(first))
    holding = np.bincount(np.unique(found[:, :2], axis=0)[:, 0], minlength=len(first))
    table = pd.DataFrame(
        {
            "text": [spelling.most_common(1)[0][0] for spelling in spellings],
            "kind": [place.kind for place in first],
            "words": [place.words for place in first],
            "label": [label.most_common(1)[0][0] for label in labels],
            "count": counts,
            "sentences": holding,
        },
        columns=list(COLUMNS),
    )
    kept = np.flatnonzero(counts >= max(min_count, 1))
    if not len(kept):
        raise InputError(
            f"no concept occurs {min_count} times in {len(sentences):,} sentences; give more text or a smaller count"
        )
    return Bank(table, found, len(sentences)).only(kept)
