"""One network's units against concepts: what is aligned with them, and every score of that beside its controls."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from unitscope.concepts.alignment import TOP, Alignment, align, random_candidates, top_texts
from unitscope.concepts.bank import Bank, make_bank
from unitscope.concepts.candidates import Finder, Place
from unitscope.concepts.clusters import coherence, context_vectors
from unitscope.concepts.layers import granularity, phrase_share, related, units_of_concepts
from unitscope.concepts.occlusion import occlusion
from unitscope.concepts.pooled import pooled
from unitscope.concepts.selectivity import selectivity
from unitscope.concepts.separation import separation
from unitscope.concepts.texts import instances, replicated
from unitscope.corpus.labelled import LabelledTexts
from unitscope.corpus.passages import Passages
from unitscope.corpus.reading import Characters
from unitscope.corpus.sentence import Sentence
from unitscope.models.module import ModuleModel
from unitscope.models.networks.bytenet import ByteNet
from unitscope.models.networks.masked import MaskedBatchNorm
from unitscope.models.networks.text_files import TextCard, encoder_model, fresh_net, text_model
from unitscope.recording.live import Live
from unitscope.studies.cnn_units.tasks import Task, held_corpus

OFTEN = 5
"""Texts that must hold a concept for its area under the ROC curve."""
LAYERS = r"stages\.\d+\.\d+\.output|encoder\.\d+\.output|rnn\.\d+\.hidden|layers\.\d+\.output"
"""The sites that are layers: outputs of blocks, states of recurrent layers."""
SCORES = {
    "replicate": "selectivity, replicated concepts",
    "instance": "selectivity, single concepts",
    "inclusion": "selectivity, texts that hold a concept",
    "inclusion*": "the same without the unit's top texts",
    "random": "selectivity, texts drawn at random",
    "random concepts": "selectivity, replicated concepts drawn from the bank",
    "random candidates": "selectivity, replicated concepts drawn from the unit's candidates",
    "AUROC": "area under the ROC curve of the best frequent concept, without the top texts",
    "AUROC held out": "the same on held-out sentences",
    "AUROC shuffled": "the same where concepts stand in texts drawn at random",
    "coherence": "mean cosine between the contexts of the unit's concepts",
}
"""Columns of ``Examined.units``, and what they say."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One site."""

    site: str
    alignment: Alignment


@dataclass(frozen=True, eq=False)
class Examined:
    """A trained network, or its untrained twin."""

    bank: Bank
    layers: list[Layer]
    units: pd.DataFrame
    """A row per unit: site, layer, unit, concepts, scores."""
    shares: list[dict[str, float]]
    """Granularity of each layer."""
    length: list[float]
    """Median size of the correlation of a unit with the length of the text, layer by layer; and …"""
    padded: list[float]
    """… of the mean over a buffer as long as the longest text."""
    emergence: dict[str, Any]


def as_model(net: nn.Module, card: TextCard, name: str) -> ModuleModel:
    """The part of a network whose units are looked at: a classifier, or the encoder of a translator."""
    return encoder_model(net, card, name) if isinstance(net, ByteNet) else text_model(net, card, name)


def layers_of(model: ModuleModel) -> list[str]:
    """The sites that are layers, from the input up."""
    return [site.name for site in model.sites() if re.fullmatch(LAYERS, site.name)]


def untrained(card: TextCard, sentences: Sequence[Sentence], seed: int) -> nn.Module:
    """Fresh weights; the statistics of batch normalisation are those of the texts, as the trained network's are."""
    twin = fresh_net(card, seed)
    norms = [module for module in twin.modules() if isinstance(module, MaskedBatchNorm)]
    if norms:
        passages = _passages(sentences[:1024], card, "texts")
        twin.train()
        with torch.no_grad():
            for number, first in enumerate(range(0, len(passages), 64)):
                for norm in norms:
                    norm.momentum = 1 / (number + 1)
                batch = passages.batch(range(first, min(first + 64, len(passages))))
                twin(batch.tokens, batch.lengths)
    return twin.eval()


def _passages(sentences: Sequence[Sentence], card: TextCard, name: str) -> Passages:
    return Passages([s.text for s in sentences], name, Characters(card.vocabulary), longest=card.longest or None)


def only(finders: Sequence[Finder], wanted: set[tuple[str, str]]) -> Finder:
    """What the finders see of some concepts, so that a bank holds no others."""

    def find(sentence: Sentence) -> Iterator[Place]:
        return (place for finder in finders for place in finder(sentence) if (place.kind, place.text.lower()) in wanted)

    return find


def banks(task: Task, finders: Sequence[Finder], rows: Iterable[int]) -> tuple[Bank, Bank]:
    """The concepts of the texts ``rows``, in all sentences of the task, and the same in the held-out sentences."""
    wanted: set[tuple[str, str]] = {
        (place.kind, place.text.lower())
        for row in sorted(set(rows))
        for finder in finders
        for place in finder(task.sentences[row])
    }
    wanted |= {("word", text) for kind, text in wanted if kind == "morpheme"}
    count = len(task.sentences)
    both = make_bank([*task.sentences, *task.held], [only(finders, wanted)])
    first = both.places[:, 1] < count
    shifted = both.places[~first] - np.array([0, count, 0, 0])
    return _recounted(both.table, both.places[first], count), _recounted(both.table, shifted, len(task.held))


def _recounted(table: pd.DataFrame, places: np.ndarray, sentences: int) -> Bank:
    holding = np.unique(places[:, :2], axis=0)[:, 0]
    counts = {
        "count": np.bincount(places[:, 0], minlength=len(table)),
        "sentences": np.bincount(holding, minlength=len(table)),
    }
    return Bank(table.assign(**counts), places, sentences)


def examine(
    net: nn.Module, card: TextCard, task: Task, finders: Sequence[Finder], seed: int, tell: Callable[[], None]
) -> Examined:
    """Align every unit of every layer, and score it. ``tell`` is called after each of the five passes."""
    model = as_model(net, card, task.name)
    sites = layers_of(model)
    corpus, held = (_passages(part, card, task.name) for part in (task.sentences, task.held))
    texts, unseen = pooled(Live(model, corpus), sites), pooled(Live(model, held), sites)
    tell()
    rows = np.unique(np.concatenate([top_texts(texts[site], TOP).ravel() for site in sites])).tolist()
    bank, held_bank = banks(task, finders, rows)
    often = np.flatnonzero(bank.table["sentences"].to_numpy() >= OFTEN)
    tell()
    degree = pooled(Live(model, replicated(bank, corpus.reading, corpus.mean_length), batch_size=256), sites)
    tell()
    alone = pooled(Live(model, instances(bank, corpus.reading), batch_size=256), sites)
    tell()
    vectors = context_vectors(bank)
    lengths = np.array(corpus.lengths(range(len(corpus))), float)
    found, frames, shares, by_length, padded = [], [], [], [], []
    for number, site in enumerate(sites):
        x, replies = texts[site], degree[site]
        alignment = align(x, replies, bank)
        frequent = align(x, replies[often], bank.only(often), best=1)
        best = np.where(frequent.concepts[:, 0] >= 0, often[frequent.concepts[:, 0]], -1)
        from_bank, from_unit = random_candidates(alignment, bank, seed)
        own = selectivity(x, replies, alone[site], bank, alignment.concepts, alignment.top, seed)
        nulls = [
            selectivity(x, replies, alone[site], bank, drawn, alignment.top, seed).replicate
            for drawn in (from_bank, from_unit)
        ]
        seen = separation(x, bank, best, alignment.top, OFTEN)
        shuffled = separation(x, bank, best, alignment.top, OFTEN, shuffled=seed)
        fresh = separation(unseen[site], held_bank, best, least=OFTEN)
        frame = pd.DataFrame({"site": site, "layer": number, "unit": np.arange(x.shape[1])})
        names = np.array([*bank.texts, ""], dtype=object)
        for rank in range(alignment.concepts.shape[1]):
            frame[f"concept {rank + 1}"] = names[alignment.concepts[:, rank]]
            frame[f"degree {rank + 1}"] = alignment.degree[:, rank]
        frame["frequent concept"] = names[best]
        values = [own.replicate, own.instance, own.inclusion, own.inclusion_without_top, own.random, *nulls]
        values += [seen.auroc, fresh.auroc, shuffled.auroc, coherence(vectors, alignment)]
        frame = frame.assign(**dict(zip(SCORES, values, strict=True)))
        frame["held-out texts"], frame["p held out"] = fresh.texts, fresh.p
        frame["found held out"] = fresh.significant()
        frame["constant"] = alignment.constant
        frames.append(frame)
        found.append(Layer(site, alignment))
        shares.append(granularity(alignment, bank) | {"phrases": phrase_share(alignment, bank)})
        by_length.append(_with_length(x, lengths))
        padded.append(_with_length(x * lengths[:, None] / lengths.max(), lengths))
    emergence = _emergence(model, card, task, bank, held_bank, found[-1].alignment, seed)
    tell()
    return Examined(bank, found, pd.concat(frames, ignore_index=True), shares, by_length, padded, emergence)


def _with_length(x: np.ndarray, lengths: np.ndarray) -> float:
    """The median over units of the size of the correlation with the length of a text."""
    x, y = x - x.mean(0), lengths - lengths.mean()
    spread = np.sqrt((x * x).sum(0) * (y * y).sum())
    return float(np.median(np.abs(x.T @ y)[spread > 0] / spread[spread > 0])) if (spread > 0).any() else float("nan")


def _emergence(
    model: ModuleModel, card: TextCard, task: Task, bank: Bank, held_bank: Bank, alignment: Alignment, seed: int
) -> dict[str, Any]:
    """Units per concept of the last layer against frequency, and against the change of the expected loss."""
    units = units_of_concepts(alignment, bank)
    frequency = bank.table["sentences"].to_numpy().astype(float)
    aligned = units > 0
    found: dict[str, Any] = {"frequency": vars(related(units[aligned], frequency[aligned]))}
    if card.translates:
        return found
    corpus = held_corpus(task)
    chosen = np.flatnonzero(held_bank.table["sentences"].to_numpy() >= OFTEN)
    texts = [sentence.text for sentence in task.held]

    def remake(numbers: Sequence[int], changed: Sequence[str]) -> LabelledTexts:
        return corpus.like(changed, [task.labels[number] for number in numbers])

    change = occlusion(model, held_bank, texts, remake, chosen, most=30, seed=seed).change
    of_aligned = units[chosen] > 0
    found["DEL"] = vars(related(units[chosen][of_aligned], change[of_aligned], frequency[chosen][of_aligned]))
    found["DEL, every candidate"] = vars(related(units[chosen], change, frequency[chosen]))
    order = np.argsort(-change)[:10]
    found["largest DEL"] = [[bank.texts[chosen[at]], float(change[at]), int(units[chosen[at]])] for at in order]
    return found
