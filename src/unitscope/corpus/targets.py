"""Targets of a network that does not predict the next token: a class, a flag, a value.

    corpus = with_targets(treebank, "upos")                        # a tagger: a label of the corpus says the class
    corpus = with_targets(text, [tags of the first text, tags of the second, …])
    model = ModuleModel(tagger, classes=corpus.classes)            # or logits=, where they are not its first output

What is scored is then what the network was trained to say, and everything that reads ``output.loss`` has it.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.corpus.corpus import Corpus
from unitscope.corpus.place import DocumentText, Place
from unitscope.corpus.shapes import is_ragged, labels_of
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError

Wanted = Int[Tensor, " token"] | Float[Tensor, " token"]
"""A class for each token, −1 where none; or a value, NaN where none."""


def with_targets(corpus: Corpus, targets: Any, classes: Sequence[str] = ()) -> "Targeted":
    """The corpus, with other targets than its next tokens.

    ``targets`` is the name of a label: of a flag, its classes are ``not NAME`` and ``NAME``; where the corpus has flags
    ``NAME=VALUE``, the values are the classes; else its values are the numbers of ``classes``. No class is meant where
    it is undefined. Or it has a value for each token of all sequences (end to end, padded, or a list for each sequence)
    or for each sequence, at its last token: words or whole numbers are classes, other numbers are to be forecast; an
    empty word means none. ``classes`` are the names of those that the network knows, in its order; whole numbers are
    then places among them, and those below 0 mean none. Without ``classes``, they are all that occur, sorted.
    Raises ``InputError`` where targets do not fit the corpus, and for a class that is not among ``classes``.
    """
    if isinstance(targets, str):
        return _of_label(corpus, targets, tuple(classes))
    sizes = np.array(corpus.lengths(range(len(corpus))), np.int64)
    wanted, known, last = targets_of(targets, sizes, classes)
    ends = np.cumsum(sizes)
    return Targeted(corpus, known, "", wanted, tuple(zip((ends - sizes).tolist(), ends.tolist(), strict=True)), last)


def targets_of(
    targets: Any, sizes: Int[np.ndarray, " sequence"], classes: Sequence[str] = ()
) -> tuple[Wanted, tuple[str, ...], bool]:
    """Targets of each token, the names of the classes, and whether only the last token of each sequence
    counts. ``targets`` are as ``with_targets`` has them.
    """
    if targets is None:
        return torch.full((int(sizes.sum()),), torch.nan), (), False
    given: Any = [np.asarray(each) for each in targets] if is_ragged(targets) else np.asarray(targets)
    last = not isinstance(given, list) and given.shape == (len(sizes),) and len(sizes) != int(sizes.sum())
    parts = given if isinstance(given, list) else [given]
    kinds = np.unique(np.concatenate([part.reshape(-1) for part in parts]))
    if kinds.dtype.kind == "f":
        if classes:
            raise InputError("targets that are fractions are to be forecast, and have no classes; leave classes out")
        (column,) = labels_of({"targets": targets}, sizes).values()
        return torch.from_numpy(np.array(column, np.float32)), (), last
    numbers, known = _classes(kinds, classes)
    told = [numbers[np.searchsorted(kinds, part)] for part in parts]
    (column,) = labels_of({"targets": told if isinstance(given, list) else told[0]}, sizes).values()
    return torch.from_numpy(np.array(column, np.int64)), known, last


def _classes(kinds: np.ndarray, classes: Sequence[str]) -> tuple[Int[np.ndarray, " kind"], tuple[str, ...]]:
    """The number of the class that each kind of target means, −1 for none, and the names of the classes."""
    words = kinds.dtype.kind not in "biu"
    names = [str(kind) for kind in kinds.tolist()]
    if classes and not words:
        if len(kinds) and int(kinds[-1]) >= len(classes):
            raise InputError(f"a target is {int(kinds[-1])}, and the network has {len(classes)} classes")
        return np.maximum(kinds.astype(np.int64), -1), tuple(classes)
    known = tuple(classes) or tuple(name for name in names if name)
    if unknown := [name for name in names if name and name not in known]:
        raise InputError(f"{unknown[0]!r} is no class of the network; there are: {', '.join(known)}")
    of = {name: number for number, name in enumerate(known)}
    return np.array([of.get(name, -1) for name in names], np.int64), known


def _of_label(corpus: Corpus, name: str, classes: tuple[str, ...]) -> "Targeted":
    flags = [own for own in corpus.annotations if own.startswith(f"{name}=")]
    values = tuple(flag.removeprefix(f"{name}=") for flag in flags)
    if name not in corpus.annotations and flags:
        if unknown := [value for value in values if classes and value not in classes]:
            raise InputError(f"{unknown[0]!r} is no class of the network; there are: {', '.join(classes)}")
        return Targeted(corpus, classes or values, name)
    if len(corpus):
        corpus.labels(name, 0)  # a label that there is not is refused at once
    return Targeted(corpus, classes or (f"not {name}", name), name)


@dataclass(frozen=True, eq=False)
class Targeted:
    """A corpus with targets of its own."""

    corpus: Corpus
    classes: tuple[str, ...]
    """Names, in the order of their numbers; none where values are forecast."""
    label: str = ""
    """The label that says the class; empty where targets are given."""
    wanted: Wanted = field(default_factory=lambda: torch.zeros(0))
    spans: tuple[tuple[int, int], ...] = ()
    """Of each sequence, its first among all given targets and the one after its last."""
    last: bool = False
    """Whether only the last token of a sequence has a target."""

    @property
    def name(self) -> str:
        return self.corpus.name

    @cached_property
    def fingerprint(self) -> str:
        made = hashlib.sha256(f"{self.corpus.fingerprint} {self.classes} {self.label} {self.last}".encode())
        made.update(self.wanted.contiguous().numpy().tobytes())
        return made.hexdigest()

    @property
    def vocabulary(self) -> Vocabulary:
        return self.corpus.vocabulary

    @property
    def annotations(self) -> Collection[str]:
        return self.corpus.annotations

    def __len__(self) -> int:
        return len(self.corpus)

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return self.corpus.lengths(sequences)

    def batch(self, sequences: Sequence[int]) -> Batch:
        batch = self.corpus.batch(sequences)
        rows = [self._targets(int(number)) for number in sequences]
        kind = rows[0].dtype if rows else torch.long
        none = torch.nan if kind.is_floating_point else -1
        targets = torch.full(batch.targets.shape, none, dtype=kind)
        counted = zip(batch.context.tolist(), batch.lengths.tolist(), strict=True)
        for row, (said, (start, stop)) in enumerate(zip(rows, counted, strict=True)):
            first = stop - 1 if self.last else start
            targets[row, first:stop] = said[first - start :]
        return replace(batch, targets=targets)

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        return self.corpus.labels(name, sequence)

    def place(self, sequence: int) -> Place:
        return self.corpus.place(sequence)

    def document(self, number: int) -> DocumentText:
        return self.corpus.document(number)

    def describe(self) -> dict[str, str]:
        what = f"the label {self.label}" if self.label else "given"
        return {**self.corpus.describe(), "targets": f"{what}: {', '.join(self.classes) or 'values'}"}

    def _targets(self, sequence: int) -> Wanted:
        if not self.label:
            start, stop = self.spans[sequence]
            return self.wanted[start:stop]
        if self.label in self.corpus.annotations or f"{self.label}={self.classes[0]}" not in self.corpus.annotations:
            values = self.corpus.labels(self.label, sequence)
            known = values.isfinite()
            if bool((known & ((values < 0) | (values >= len(self.classes)) | (values != values.round()))).any()):
                raise InputError(
                    f"{self.label} has values that are no number of a class in sequence {sequence}; there are "
                    f"{len(self.classes)} classes, give all of them"
                )
            return torch.where(known, values.nan_to_num(), -1.0).long()
        found = torch.full(tuple(self.corpus.lengths([sequence])), -1)
        for number, value in enumerate(self.classes):
            flag = f"{self.label}={value}"
            if flag in self.corpus.annotations:
                found[self.corpus.labels(flag, sequence) > 0.5] = number
        return found
