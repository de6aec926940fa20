"""Loss of a model when a concept cannot be read: DEL, the change of the expected loss.

    DEL(c) = E[loss of s with c made illegible] − E[loss of s],   over the texts s that hold c

After Na, Choe, Lee & Kim 2019. Positive: the concept matters. Every character of the concept is replaced by one that
means nothing to the model, so that nothing else moves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from unitscope.banks.bank import Bank
from unitscope.corpus.corpus import Corpus
from unitscope.models.model import Model
from unitscope.source.live import Live

DUMMY = "\ue000"
"""A character for private use, which texts do not hold, so that it is read as the unknown symbol."""
Remake = Callable[[Sequence[int], Sequence[str]], Corpus]
"""From numbers of texts and what they should say instead to a corpus of those, with the targets that they had."""


@dataclass(frozen=True, eq=False)
class Occlusion:
    """NaN where a concept stands in no text."""

    change: Float[np.ndarray, " concept"]
    """Nats per text."""
    texts: Int[np.ndarray, " concept"]
    """On so many texts it was measured."""


def occlusion(
    model: Model,
    bank: Bank,
    texts: Sequence[str],
    remake: Remake,
    concepts: Sequence[int] | np.ndarray,
    most: int = 50,
    seed: int = 0,
) -> Occlusion:
    """The change for some concepts, each on at most so many of the bank's ``texts``, drawn at random.

    The model must have a site ``output.loss``: a classifier has that of the class, a translator that of each symbol of
    the translation, and what is occluded is in the sentence that it reads. One batched pass over all occluded texts,
    and one over the texts.
    """
    intact = losses(model, remake(range(len(texts)), texts))
    draw = np.random.default_rng(seed)
    numbers: list[int] = []
    occluded: list[str] = []
    owner: list[int] = []
    places = bank.places[np.argsort(bank.places[:, 0], kind="stable")]
    for row, concept in enumerate(concepts):
        low, high = np.searchsorted(places[:, 0], [concept, concept + 1])
        here = places[low:high]
        holding = np.unique(here[:, 1])
        for number in draw.permutation(holding)[:most].tolist():
            characters = list(texts[number])
            for start, stop in here[here[:, 1] == number, 2:]:
                characters[start:stop] = DUMMY * (stop - start)
            numbers.append(number)
            occluded.append("".join(characters))
            owner.append(row)
    count = np.bincount(owner, minlength=len(concepts)) if owner else np.zeros(len(concepts), np.int64)
    if not owner:
        return Occlusion(np.full(len(concepts), np.nan), count)
    change = losses(model, remake(numbers, occluded)) - intact[numbers]
    with np.errstate(invalid="ignore", divide="ignore"):
        return Occlusion(np.bincount(owner, change, minlength=len(concepts)) / count, count)


def losses(model: Model, corpus: Corpus) -> Float[np.ndarray, " text"]:
    """The loss of each text, in nats, summed over its steps."""
    found = np.zeros(len(corpus))
    for chunks in Live(model, corpus).chunks(["output.loss"]):
        chunk = chunks["output.loss"]
        np.add.at(found, chunk.sequence.numpy(), chunk.activations[:, 0].double().numpy())
    return found
