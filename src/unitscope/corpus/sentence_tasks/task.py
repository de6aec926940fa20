"""A task of sentences: which class each is of, and to which part of the data it belongs."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from unitscope.corpus.sentence import Sentence, Span, Word
from unitscope.errors import InputError

SHORTEST, LONGEST = 5, 28
"""Words of the sentences of a task."""
SHARES = (("train", 0.8), ("dev", 0.1), ("test", 0.1))
TARGET = "target"
"""The label that holds the word which decides a sentence's class, where there is one; no two parts share one."""


@dataclass(frozen=True)
class SentenceTask:
    """Sentences whose ``labels`` hold their class under ``name``, and whose ``part`` is settled."""

    name: str
    sentences: tuple[Sentence, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(sorted({sentence.labels[self.name] for sentence in self.sentences}))

    def of_part(self, part: str) -> list[Sentence]:
        """The sentences of ``train``, ``dev`` or ``test``."""
        return [sentence for sentence in self.sentences if sentence.part == part]


@dataclass(frozen=True)
class Candidate:
    """A sentence that may become one of a task: its words as they would be read, and its class."""

    words: tuple[Word, ...]
    label: str
    group: str
    """Candidates of one group stay in one part: its document, or its target word."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Further labels, such as the target."""
    stratum: str = ""
    """Classes are made equally frequent within each stratum."""
    where: str = ""
    spans: tuple[Span, ...] = ()


def usual(sentences: Iterable[Sentence]) -> list[Sentence]:
    """Those of a usual length."""
    return [s for s in sentences if SHORTEST <= len(s.words) <= LONGEST]


def part_of(names: Iterable[str], seed: int) -> dict[str, str]:
    """A part for each name, by the shares."""
    order = sorted(set(names))
    random.Random(seed).shuffle(order)
    return {
        name: next((part for part, end in _ends() if place + 0.5 < end * len(order)), "test")
        for place, name in enumerate(order)
    }


def _ends() -> list[tuple[str, float]]:
    ends, total = [], 0.0
    for part, share in SHARES:
        total += share
        ends.append((part, total))
    return ends


def build(
    name: str,
    candidates: Sequence[Candidate],
    seed: int,
    balanced: bool = True,
    parts: Mapping[str, str] | None = None,
) -> SentenceTask:
    """Settle the parts by group, and make the classes of each part equally frequent by leaving candidates out.

    The same candidates and seed give the same task. Raises ``InputError`` where a part would be without a class.
    """
    settled = parts or part_of((c.group for c in candidates), seed)
    draw = random.Random(seed)
    kept: list[tuple[str, Candidate]] = []
    for part, _ in SHARES:
        mine = [c for c in candidates if settled[c.group] == part]
        classes = sorted({c.label for c in candidates})
        chosen = _balanced(mine, classes, draw) if balanced else mine
        if {c.label for c in chosen} != set(classes) and (balanced or not chosen):
            lacking = sorted(set(classes) - {c.label for c in mine}) or classes
            raise InputError(
                f"the {part} part of {name} would have no sentence of the class {lacking[0]!r}; give more text"
            )
        draw.shuffle(chosen)
        kept += [(part, c) for c in chosen]
    if len({c.label for _, c in kept}) < 2:
        raise InputError(f"no two classes of {name} occur in this text; give more text")
    return SentenceTask(name, tuple(_sentence(name, number, part, c) for number, (part, c) in enumerate(kept)))


def _balanced(candidates: Sequence[Candidate], classes: Sequence[str], draw: random.Random) -> list[Candidate]:
    strata: dict[str, dict[str, list[Candidate]]] = defaultdict(lambda: defaultdict(list))
    for candidate in candidates:
        strata[candidate.stratum][candidate.label].append(candidate)
    chosen: list[Candidate] = []
    for stratum in sorted(strata):
        least = min(len(strata[stratum][label]) for label in classes)
        for label in classes:
            chosen += draw.sample(strata[stratum][label], least)
    return chosen


def _sentence(name: str, number: int, part: str, candidate: Candidate) -> Sentence:
    words, at = [], 0
    for word in candidate.words:
        words.append(Word(word.form, at, at + len(word.form), word.labels, None))
        at += len(word.form) + 1
    text = " ".join(word.form for word in words)
    labels = {name: candidate.label, **candidate.others}
    document = f"{name} {number}"  # each is read from a fresh start
    return Sentence(text, tuple(words), document, candidate.where, candidate.spans, labels=labels, part=part)


def is_punctuation(word: Word) -> bool:
    """Whether a word has neither a letter nor a digit."""
    return not any(character.isalnum() for character in word.form)


def frequencies(sentences: Iterable[Sentence]) -> Counter[str]:
    """Frequency of each lower-case form."""
    return Counter(word.form.lower() for sentence in sentences for word in sentence.words)


Make = Callable[[Sequence[Sentence], int], SentenceTask]
"""A task from sentences and a seed."""
