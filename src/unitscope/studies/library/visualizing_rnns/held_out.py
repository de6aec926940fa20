"""Held-out text as the paper scores it: parallel stretches, each read once from its start.

A score is the logarithm of the probability of a character given those before it in its stretch. Scores lie in the
order of the text, ``[stretch character]``, so that those of networks and n-grams are compared character by character.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch.nn import functional as F

from unitscope.corpus.splits import Part
from unitscope.corpus.text import TextCorpus
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.evidence.bootstrap import drawn, interval
from unitscope.models.ngram import NGram
from unitscope.networks.evaluate import LanguageModel
from unitscope.networks.stream import stream_of
from unitscope.studies.value import Value

DRAWS = 1000
"""Of the bootstrap."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The stretches of one part of a text. What is predicted is every character of each but its first."""

    ids: Int[np.ndarray, "stretch character"]
    vocabulary: Vocabulary

    @classmethod
    def of(cls, corpus: TextCorpus, part: Part) -> "HeldOut":
        """Raises ``InputError`` for a part that is too short to say anything."""
        stream = stream_of(corpus.part(part))
        if len(stream) < 20 * corpus.split.rows:
            raise InputError(
                f"the {part} part of {corpus.name} has {len(stream):,} characters, too few for "
                f"{corpus.split.rows} stretches; give a longer text"
            )
        return cls(stream.rows(corpus.split.rows).ids.astype(np.int64), corpus.vocabulary)

    @property
    def targets(self) -> Int[np.ndarray, "stretch character"]:
        """Targets, in the order of the scores: one character fewer than ``ids``."""
        return self.ids[:, 1:]

    def text(self, stretch: int) -> str:
        """The characters of a stretch."""
        return "".join(self.vocabulary.decode(self.ids[stretch].tolist()))

    def distributions(self, net: LanguageModel, steps: int = 100) -> Iterator[Float[np.ndarray, "stretch step symbol"]]:
        """Log-probabilities of every symbol, for ``steps`` targets of each stretch at a time."""
        inputs = torch.from_numpy(self.ids[:, :-1]).to(net.device)
        state = net.fresh_state(len(inputs))
        net.eval()
        for start in range(0, inputs.shape[1], steps):
            with torch.inference_mode():
                logits, state = net.carry(inputs[:, start : start + steps], state)
                block = F.log_softmax(logits.float(), dim=2).cpu().numpy()
            yield block  # outside, or the mode would leak to whoever reads

    def scores(self, net: LanguageModel) -> Float[np.ndarray, "stretch character"]:
        """Log-probability of each target, in nats."""
        found, start = np.empty(self.targets.shape, np.float32), 0
        for block in self.distributions(net):
            stop = start + block.shape[1]
            found[:, start:stop] = np.take_along_axis(block, self.targets[:, start:stop, None], axis=2)[..., 0]
            start = stop
        return found

    def ngram_scores(self, ngram: NGram) -> Float[np.ndarray, "context stretch character"]:
        """The same by the n-gram models of every context from 0 on."""
        scores = ngram.log_probs(list(self.ids))
        return scores.reshape(len(scores), *self.ids.shape)[:, :, 1:].astype(np.float32)


def train_segments(corpus: TextCorpus) -> list[Int[np.ndarray, " character"]]:
    """Training text of n-grams: the stretches of the train part."""
    return [ids.astype(np.int64) for ids, _ in corpus.part("train").stretches()]


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f})"

    def value(self, note: str = "") -> Value:
        """As what a claim is judged by."""
        return Value(self.mean, self.low, self.high, note)


def estimate(
    values: Float[np.ndarray, "stretch character"],
    where: Bool[np.ndarray, "stretch character"] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Estimate:
    """The mean over characters, all or those of a mask, and its bootstrap interval over stretches.

    Neighbouring characters are alike, so stretches are drawn anew and not characters.
    """
    mask = np.ones(values.shape, bool) if where is None else where
    sums = np.where(mask, values, 0).sum(1, dtype=np.float64)  # [stretch]
    counts = mask.sum(1)
    if not counts.sum():
        return Estimate(float("nan"), float("nan"), float("nan"))
    times = drawn(len(sums), draws, seed)
    with np.errstate(invalid="ignore"):
        means = (times @ sums) / (times @ counts)
    low, high = interval(means)
    return Estimate(float(sums.sum() / counts.sum()), float(low), float(high))
