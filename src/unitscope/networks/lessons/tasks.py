"""Data of a classifier or translator: texts divided for training, choosing and testing, and its scores."""

import hashlib
import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Generic, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int, UInt64
from torch import Tensor, nn

from unitscope.corpus.batch import Batch
from unitscope.corpus.dialect import Notes
from unitscope.corpus.labelled import Labelled, LabelledTexts, symbols_of
from unitscope.corpus.spilled import Firsts, Some
from unitscope.corpus.translations import Translated, Translations, both_vocabularies
from unitscope.errors import InputError
from unitscope.networks import translating
from unitscope.networks.translating import Translator

EVALUATED = 128
"""Texts that are scored at once."""
PARTS = {
    **dict.fromkeys(("tr", "train", "training"), "train"),
    **dict.fromkeys(("va", "dev", "valid", "validation", "val"), "validation"),
    **dict.fromkeys(("te", "test"), "test"),
}
"""How parts of data are called."""
RARE = 3
"""Symbols that occur less often are read as the unknown one."""
GRAMS = 1 << 19
"""Words and pairs of words that naive Bayes knows at most."""
Item = TypeVar("Item", bound=tuple[str, str])


@dataclass(frozen=True)
class Divided(Generic[Item]):
    """Texts for training, choosing and testing; none is in two parts."""

    train: Sequence[Item]
    validation: Sequence[Item]
    test: Sequence[Item]


def by_part(
    items: Sequence[Item], parts: Sequence[str], held_out: float, notes: Notes, seed: int = 0
) -> Divided[Item] | None:
    """The division that the data say themselves, by their parts of training, choosing and testing; None if they do not.

    Where nothing is there to choose by, it is drawn from training; other parts are left out.
    """
    names = ("train", "validation", "test", "")
    known = np.fromiter((names.index(PARTS.get(part.lower(), "")) for part in parts), np.int8, len(parts))
    train, validation, test = (Some(items, np.flatnonzero(known == number)) for number in range(3))
    if not len(train) or not len(test):
        return None
    notes.count("rows of other parts, left out", int((known == 3).sum()))
    if not len(validation):
        return divide(train, test, held_out, seed, notes)
    return parted(train, validation, test)


def divide(
    items: Sequence[Item],
    test: Sequence[Item] = (),
    held_out: float = 0.1,
    seed: int = 0,
    notes: Notes | None = None,
) -> Divided[Item]:
    """Draw a validation part, and a test part where none is given, each a share ``held_out`` of the texts.

    Of texts that occur again the first counts; what is tested is taken out of training. Raises ``InputError`` for a
    part that would be empty.
    """
    if not 0 < held_out < 0.5:
        raise InputError(f"the share held out lies between 0 and a half, not at {held_out}")
    known = _keys(test)
    tested, rest = Some(test, _distinct(known)), _distinct(_keys(items), known)
    if notes is not None:
        notes.count("texts that come again, joined or left to the test part", len(items) - len(rest))
    order = np.random.default_rng(seed).permutation(len(rest))
    share = int(held_out * len(rest))
    if not len(tested):
        tested, order = Some(items, rest[order[:share]]), order[share:]
    validation, train = rest[order[:share]], rest[np.sort(order[share:])]
    if not (len(tested) and len(validation) and len(train)):
        raise InputError(f"{len(items):,} texts are too few to hold out {held_out:g} of them; give more")
    return Divided(Some(items, train), Some(items, validation), tested)


def parted(train: Sequence[Item], validation: Sequence[Item], test: Sequence[Item]) -> Divided[Item]:
    """Parts that are given; what is in another part, and what occurs again, is taken out of training."""
    fresh = _distinct(_keys(train), np.concatenate([_keys(validation), _keys(test)]))
    if not (len(fresh) and len(validation) and len(test)):
        raise InputError("a network is trained, chosen and tested on texts of its own: one of the three parts is empty")
    return Divided(Some(train, fresh), validation, test)


def _keys(items: Sequence[Item]) -> UInt64[np.ndarray, " item"]:
    """A number for each text; of a million, two that differ share one with a chance of 3 in 100 million."""
    sums = (hashlib.blake2b(item[0].encode(errors="surrogatepass"), digest_size=8).digest() for item in items)
    return np.fromiter((int.from_bytes(made, "little") for made in sums), np.uint64, len(items))


def _distinct(
    keys: UInt64[np.ndarray, " item"], known: UInt64[np.ndarray, " other"] | None = None
) -> Int[np.ndarray, " distinct"]:
    """The first of each key that is not known, in the order in which they come for the last time."""
    _, first = np.unique(keys, return_index=True)
    unique, last = np.unique(keys[::-1], return_index=True)
    if known is not None:
        fresh = ~np.isin(unique, known)
        first, last = first[fresh], last[fresh]
    return first[np.argsort(last)[::-1]]


class Classification:
    """Texts and their classes."""

    def __init__(self, divided: Divided[Labelled], name: str, longest: int = 0) -> None:
        self.name = name
        labels = _labels(divided.train)
        if len(set(labels)) < 2:
            raise InputError(f"{name} has one class only; a classifier needs two at least")
        texts = Firsts(divided.train)
        vocabulary = symbols_of(texts, at_least=RARE)
        self.train = LabelledTexts(texts, labels, name=name, vocabulary=vocabulary, longest=longest)
        self.validation, self.test = (
            self.train.like(Firsts(part), _labels(part)) for part in (divided.validation, divided.test)
        )

    def loss(self, net: nn.Module, batch: Batch, smoothing: float = 0.0) -> Tensor:
        """Mean nats per text, with the graph; ``smoothing`` is the share of each class that the others get."""
        scores = net(batch.tokens, batch.lengths)
        return F.cross_entropy(scores.float(), _classes(batch), label_smoothing=smoothing)

    @torch.inference_mode()
    def scores(self, net: nn.Module, part: LabelledTexts | Translations) -> dict[str, int | float]:
        """``nats`` and ``accuracy``."""
        net.eval()
        nats, right = 0.0, 0
        for batch in _batches(part):
            scores, target = net(batch.tokens, batch.lengths), _classes(batch)
            nats += float(F.cross_entropy(scores, target, reduction="sum"))
            right += int((scores.argmax(1) == target).sum())
        return {"nats": nats / len(part), "accuracy": right / len(part)}

    def baselines(self) -> dict[str, int | float]:
        """Accuracy on the test part of the most frequent class, and of naive Bayes on words and pairs of words."""
        majority = Counter(self.train.targets).most_common(1)[0][0]
        return {
            "majority": float(np.mean([target == majority for target in self.test.targets])),
            "naive bayes": float(self.right_of_bayes().mean()),
        }

    @torch.inference_mode()
    def right(self, net: nn.Module) -> Bool[np.ndarray, " text"]:
        """Which texts of the test part a network says right."""
        net.eval()
        right = np.zeros(len(self.test), bool)
        for batch in _batches(self.test):
            said = net(batch.tokens, batch.lengths).argmax(1) == _classes(batch)
            right[batch.sequence.numpy()] = said.numpy()
        return right

    def right_of_bayes(self) -> Bool[np.ndarray, " text"]:
        """Which of them naive Bayes on words and pairs of words says right."""
        return _naive_bayes(self.train, self.test)


class Translation:
    """Sentences and their translations; those with a side of more than ``longest`` characters are left out."""

    def __init__(self, divided: Divided[Translated], name: str, longest: int = 0) -> None:
        self.name = name
        parts = [_up_to(part, longest) for part in (divided.train, divided.validation, divided.test)]
        if not all(map(len, parts)):
            raise InputError(f"{name}: no sentence has at most {longest} characters on both sides; allow longer ones")
        vocabularies = both_vocabularies(parts[0], RARE)
        self.train, self.validation, self.test = (Translations(part, name, *vocabularies) for part in parts)

    def loss(self, net: nn.Module, batch: Batch, read: Tensor | None = None) -> Tensor:
        """Mean nats per symbol, with the graph; ``read`` is what the decoder reads in place of the translation."""
        scores = net(batch.tokens, batch.lengths, batch.targets if read is None else read)
        return F.cross_entropy(scores.float().flatten(0, 1), batch.targets.flatten(), ignore_index=-1)

    @torch.inference_mode()
    def scores(self, net: nn.Module, part: LabelledTexts | Translations) -> dict[str, int | float]:
        """``nats`` and ``accuracy`` of the next character, and ``wrong source``: the nats when another sentence is
        read instead of the one that is translated. Without skill at translating the two are equal.
        """
        net.eval()
        nats = wrong = 0.0
        right = count = 0
        for batch in _batches(part):
            scores = net(batch.tokens, batch.lengths, batch.targets)
            nats += float(_summed(scores, batch))
            right += int((scores.argmax(2) == batch.targets).sum())
            count += int(batch.has_target.sum())
            # Sentences are in the order of their lengths, so a neighbour's is about as long.
            other = net(batch.tokens.roll(1, 0), batch.lengths.roll(1, 0), batch.targets)
            wrong += float(_summed(other, batch))
        return {"nats": nats / count, "accuracy": right / count, "wrong source": wrong / count}

    def baselines(self) -> dict[str, int | float]:
        """Share of the most frequent character of the translations, and the nats of their frequencies, on test."""
        seen = Counter(c for _, target in self.train.pairs for c in target)
        seen["\n"] = len(self.train)
        tested = Counter(c for _, target in self.test.pairs for c in (*target, "\n"))
        total = sum(seen.values()) + len(seen) + 1
        best = seen.most_common(1)[0][0]
        nats = -sum(times * math.log((seen[c] + 1) / total) for c, times in tested.items()) / tested.total()
        return {"majority": tested[best] / tested.total(), "frequencies nats": nats}


def translations_scores(net: Translator, part: Translations) -> dict[str, int | float]:
    """BLEU (of words as sacrebleu's 13a divides them) and chrF of the likeliest translations.

    Nothing where sacrebleu is not installed.
    """
    try:
        import sacrebleu
    except ImportError:
        return {}
    written = translate(net, part)
    references = [[target for _, target in part.pairs]]
    return {
        "bleu": float(sacrebleu.corpus_bleu(written, references).score),
        "chrf": float(sacrebleu.corpus_chrf(written, references).score),
    }


def translate(net: Translator, part: Translations) -> list[str]:
    """The likeliest translation, character by character, of each sentence."""
    net.eval()
    written: dict[int, str] = {}
    for batch in _batches(part):
        rows = translating.translate(net, batch.tokens, batch.lengths)
        for number, row in zip(batch.sequence.tolist(), rows, strict=True):
            written[number] = "".join(part.target_vocabulary.decode(row))
    return [written[number] for number in range(len(part))]


def _labels(items: Sequence[Labelled]) -> list[str]:
    return [intern(label) for _, label in items]


def _up_to(pairs: Sequence[Translated], longest: int) -> Sequence[Translated]:
    kept = [number for number, pair in enumerate(pairs) if not longest or max(map(len, pair)) <= longest]
    return Some(pairs, np.array(kept, dtype=np.int64))


def _batches(part: LabelledTexts | Translations) -> Iterator[Batch]:
    order = np.argsort(part.sides()[0] if isinstance(part, LabelledTexts) else np.maximum(*part.sides()), kind="stable")
    return (part.batch(order[first : first + EVALUATED].tolist()) for first in range(0, len(order), EVALUATED))


def _classes(batch: Batch) -> Tensor:
    return batch.targets.max(1).values


def _summed(scores: Tensor, batch: Batch) -> Tensor:
    return F.cross_entropy(scores.flatten(0, 1), batch.targets.flatten(), ignore_index=-1, reduction="sum")


def _naive_bayes(train: LabelledTexts, test: LabelledTexts) -> Bool[np.ndarray, " text"]:
    """Accuracy of multinomial naive Bayes on words and pairs of words, each count raised by one."""

    def grams(text: str) -> set[str]:
        words = text.lower().split()
        return {*words, *(f"{a} {b}" for a, b in itertools.pairwise(words))}

    counts = [Counter[str]() for _ in train.classes]
    known = set[str]()
    # In an order of their own, since those of one class often come together: past the bound no new gram is known.
    for number in np.random.default_rng(0).permutation(len(train)).tolist():
        found = grams(train.texts[number])
        known.update(itertools.islice(found - known, max(0, GRAMS - len(known))))
        counts[train.targets[number]].update(found & known)
    totals = [math.log(count.total() + len(known)) for count in counts]
    sizes = Counter(train.targets)
    prior = [math.log(max(sizes[number], 1)) for number in range(len(counts))]

    def likeliest(text: str) -> int:
        found = grams(text) if len(known) < GRAMS else grams(text) & known
        scores = [
            prior[number] + sum(math.log(count[gram] + 1) - totals[number] for gram in found)
            for number, count in enumerate(counts)
        ]
        return int(np.argmax(scores))

    return np.array([likeliest(text) == target for text, target in zip(test.texts, test.targets, strict=True)])
