"""Targets of probes: a label of words, and the control tasks that show how much a probe learns by itself."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from unitscope.corpus.sentence import Word
from unitscope.errors import InputError


@dataclass(frozen=True)
class Task:
    """Classes of a label, those of the training words: a class that only occurs elsewhere cannot be learnt."""

    name: str
    classes: tuple[str, ...]

    @classmethod
    def of(cls, name: str, words: Sequence[Word]) -> "Task":
        """The task of predicting a label, for the classes of these (training) words.

        Raises ``InputError`` if fewer than two classes occur, and lists the labels that there are.
        """
        found = sorted({word.labels[name] for word in words if name in word.labels})
        if not found:
            known = sorted({label for word in words for label in word.labels})
            raise InputError(f"no training word has a label {name!r}; there are: {', '.join(known)}")
        if len(found) == 1:
            raise InputError(f"every training word with a {name} has the same, {found[0]!r}; there is nothing to probe")
        return cls(name, tuple(found))

    def codes(self, words: Sequence[Word]) -> Int[Tensor, " word"]:
        """Class numbers; −1 where a word has no such label, or one that training lacks."""
        number = {value: i for i, value in enumerate(self.classes)}
        return torch.tensor([number.get(word.labels.get(self.name, ""), -1) for word in words], dtype=torch.int64)

    def unseen(self, words: Sequence[Word]) -> dict[str, int]:
        """Labels of these words that training lacks, and how often: they are left out of the scores."""
        labels = (word.labels[self.name] for word in words if self.name in word.labels)
        return dict(Counter(label for label in labels if label not in self.classes))


def control(forms: Sequence[Sequence[str]], codes: Sequence[Int[Tensor, " _"]], seed: int) -> list[Int[Tensor, " _"]]:
    """A control task (Hewitt & Liang 2019): every word type gets one class, drawn at random.

    ``forms`` and ``codes`` are those of the training words, then of other parts. Classes are drawn from the
    frequencies of the first part's; words without a class keep none. The same seed gives the same classes for the
    same types.
    """
    counts = np.bincount(codes[0][codes[0] >= 0].numpy())
    shares = counts / counts.sum()
    types = sorted({form for part in forms for form in part})
    draw = np.random.default_rng(seed)
    chosen = draw.choice(len(shares), len(types), p=shares)
    drawn = dict(zip(types, chosen.tolist(), strict=True))
    return [
        torch.where(y >= 0, torch.tensor([drawn[form] for form in part], dtype=torch.int64), -1)
        for part, y in zip(forms, codes, strict=True)
    ]


def random_labels(codes: Int[Tensor, " word"], seed: int) -> Int[Tensor, " word"]:
    """The classes in another order: every token its own draw, so that nothing can be learnt. A check of the method."""
    known = torch.nonzero(codes >= 0).squeeze(1)
    order = torch.randperm(len(known), generator=torch.Generator().manual_seed(seed))
    out = codes.clone()
    out[known] = codes[known[order]]
    return out


def seen_share(trained: Sequence[str], tested: Sequence[str]) -> float:
    """Share of the test words whose type was in training: the ceiling of a control task, beside chance."""
    types = set(trained)
    return sum(form in types for form in tested) / max(len(tested), 1)
