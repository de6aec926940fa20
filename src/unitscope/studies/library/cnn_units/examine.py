"""One network's units against concepts: what is aligned with them, and every score of that beside its controls."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from scipy.stats import rankdata
from torch import nn

from unitscope.banks.alignment import TOP, Alignment, Sign, align, random_candidates, top_texts
from unitscope.banks.bank import Bank, make_bank
from unitscope.banks.candidates import Finder
from unitscope.banks.clusters import coherence, context_vectors
from unitscope.banks.layers import granularity, phrase_share
from unitscope.banks.selectivity import selectivity
from unitscope.banks.separation import separation
from unitscope.banks.texts import instances, replicated
from unitscope.concepts.text_vectors import pooled
from unitscope.corpus.passages import Passages
from unitscope.corpus.reading import Characters
from unitscope.corpus.sentence import Sentence
from unitscope.models.module import ModuleModel
from unitscope.networks.card import Card
from unitscope.networks.convolution import MaskedBatchNorm
from unitscope.networks.kinds import KINDS
from unitscope.networks.models import encoder_model, model_of
from unitscope.source.live import Live
from unitscope.studies.library.cnn_units.emergence import OFTEN, emergence
from unitscope.studies.library.cnn_units.tasks import Task, only

LAYERS = r"stages\.\d+\.\d+\.output|encoder\.\d+\.output|rnn\.\d+\.hidden|layers\.\d+\.output"
"""The sites that are layers: outputs of blocks, states of recurrent layers."""
ALIGNED = (1, 3, 5, 10)
"""Concepts that are aligned with a unit: the paper's M."""
FORMS = {
    "numbers": r"\d|\b(two|three|four|five|six|seven|eight|nine|ten|hundred|thousand|million)\b",
    "times": r"\b(1[0-9]|20)\d\d\b|\b(years?|months?|weeks?|days?|hours?|morning|evening|night|today|century)\b",
    "questions": r"\b(who|what|where|when|why|how|which)\b",
    "negation": r"\b(not|no|never|none|nothing|without)\b|n't\b",
}
"""Texts that have something in common beyond a morpheme, a word or a phrase."""
LEAST = 20
"""Texts with a form, and without it, from which an area is read."""
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
class Side:
    """Concepts that raise units, or that lower them."""

    sign: Sign
    layers: list[Layer]
    units: pd.DataFrame
    """A row per unit: site, layer, unit, concepts, scores. Scores of what drives down are those of the unit turned
    round, so that more is better on either side."""
    shares: list[dict[str, float]]
    """Granularity of each layer."""

    def numbers(self) -> dict[str, Any]:
        """Means of each score by layer, and the share of units whose concept is found again."""
        if not self.layers:
            return {}
        of_layers = self.units.groupby("layer")
        scores = {score: of_layers[score].mean().tolist() for score in SCORES}
        return {"scores": scores, "found held out": of_layers["found held out"].mean().tolist(), "shares": self.shares}


@dataclass(frozen=True, eq=False)
class Examined:
    """A trained network, or an untrained one."""

    bank: Bank
    up: Side
    down: Side
    """Without the layers that are rectified, which have no negative side."""
    length: list[float]
    """Median size of the correlation of a unit with the length of the text, layer by layer; and …"""
    padded: list[float]
    """… of the mean over a buffer as long as the longest text."""
    emergence: dict[str, Any]
    aligned: dict[str, float]
    """Selectivity of replicated concepts in the last layer, by how many concepts a unit is given (the paper's M)."""
    forms: dict[str, float]
    """How well one unit of the last layer tells a form of texts, chosen on some texts, on held-out ones."""

    def numbers(self) -> dict[str, Any]:
        """As plain data: means by layer, units of the last layer, and everything that is not of units."""
        return {
            "layers": [layer.site for layer in self.up.layers],
            "concepts in the bank": len(self.bank),
            "up": self.up.numbers(),
            "down": self.down.numbers(),
            "correlation with length": self.length,
            "the same, padded": self.padded,
            "emergence": self.emergence,
            "aligned": self.aligned,
            "forms": self.forms,
        }


def as_model(net: nn.Module, card: Card, name: str) -> ModuleModel:
    """The part of a network whose units are looked at: a classifier, or the encoder of a translator."""
    make = encoder_model if KINDS[card.kind].learns == "translation" else model_of
    return make(net, card, name)


def layers_of(model: ModuleModel) -> list[str]:
    """The sites that are layers, from the input up."""
    return [site.name for site in model.sites() if re.fullmatch(LAYERS, site.name)]


def untrained(card: Card, sentences: Sequence[Sentence], seed: int) -> Any:
    """Fresh weights; the statistics of batch normalisation are those of the texts, as the trained network's are."""
    twin = card.fresh(seed)
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
    twin.eval()
    return twin


def _passages(sentences: Sequence[Sentence], card: Card, name: str) -> Passages:
    return Passages([s.text for s in sentences], name, Characters(card.vocabulary), longest=card.longest or None)


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
    return both.placed(both.places[first], count), both.placed(shifted, len(task.held))


def examine(net: nn.Module, card: Card, task: Task, finders: Sequence[Finder], seed: int = 0) -> Examined:
    """Align every unit of every layer, and score it."""
    model = as_model(net, card, task.name)
    sites = layers_of(model)
    corpus, held = (_passages(part, card, task.name) for part in (task.sentences, task.held))
    texts, unseen = pooled(Live(model, corpus), sites), pooled(Live(model, held), sites)
    rows = np.unique(np.concatenate([top_texts(texts[site], TOP).ravel() for site in sites])).tolist()
    bank, held_bank = banks(task, finders, rows)
    often = np.flatnonzero(bank.table["sentences"].to_numpy() >= OFTEN)
    degree = pooled(Live(model, replicated(bank, corpus.reading, corpus.mean_length), batch_size=256), sites)
    alone = pooled(Live(model, instances(bank, corpus.reading), batch_size=256), sites)
    lengths = np.array(corpus.lengths(range(len(corpus))), float)
    read = Read(texts, unseen, degree, alone, bank, held_bank, often, context_vectors(bank))
    up = side(read, sites, 1, seed)
    down = side(read, sites, -1, seed)
    by_length = [_with_length(texts[site], lengths) for site in sites]
    padded = [_with_length(texts[site] * lengths[:, None] / lengths.max(), lengths) for site in sites]
    found = emergence(net, card, task, finders, bank, held_bank, up.layers[-1].alignment, seed)
    last = sites[-1]
    aligned = {}
    for count in ALIGNED:
        chosen = align(texts[last], degree[last], bank, best=count)
        own = selectivity(texts[last], degree[last], alone[last], bank, chosen.concepts, chosen.top, seed, 1)
        aligned[f"{count} concepts"] = float(np.nanmean(own.replicate))
    forms = told(texts[last], [s.text for s in task.sentences], unseen[last], [s.text for s in task.held])
    return Examined(bank, up, down, by_length, padded, found, aligned, forms)


def told(
    texts: Float[np.ndarray, "text unit"],
    words: Sequence[str],
    unseen: Float[np.ndarray, "held unit"],
    held: Sequence[str],
) -> dict[str, float]:
    """Area under the ROC curve of the unit that tells a form best, chosen on some texts and judged on others."""
    found = {}
    for name, pattern in FORMS.items():
        seen, fresh = (np.array([bool(re.search(pattern, text.lower())) for text in part]) for part in (words, held))
        if min(seen.sum(), fresh.sum(), (~seen).sum(), (~fresh).sum()) < LEAST:
            continue
        areas = _areas(texts, seen)
        best = int(np.abs(areas - 0.5).argmax())
        area = float(_areas(unseen[:, [best]], fresh)[0])
        found[name] = area if areas[best] > 0.5 else 1 - area
    return found


def _areas(x: Float[np.ndarray, "text unit"], holds: Bool[np.ndarray, " text"]) -> Float[np.ndarray, " unit"]:
    ranks = rankdata(x, axis=0)
    count = int(holds.sum())
    areas: Float[np.ndarray, " unit"] = (ranks[holds].sum(0) / count - (count + 1) / 2) / (len(holds) - count)
    return areas


@dataclass(frozen=True, eq=False)
class Read:
    """Activations by site: of texts and held-out texts, of replicated and single concepts."""

    texts: dict[str, np.ndarray]
    unseen: dict[str, np.ndarray]
    degree: dict[str, np.ndarray]
    alone: dict[str, np.ndarray]
    bank: Bank
    held: Bank
    often: np.ndarray
    """Concepts that stand in enough texts for an area under the curve."""
    vectors: np.ndarray
    """Of the concepts, from where they stand."""


def side(read: Read, sites: Sequence[str], sign: Sign, seed: int) -> Side:
    """Align and score the units of some sites; ``sign=-1`` asks for what makes them most negative.

    A rectified site has no negative side: where its units are lowest they are off, whatever stands there.
    """
    bank, often = read.bank, read.often
    layers, frames, shares = [], [], []
    names = np.array([*bank.texts, ""], dtype=object)
    for number, site in enumerate(sites):
        x, replies, alone = read.texts[site], read.degree[site], read.alone[site]
        if sign < 0 and x.min() >= 0:
            continue
        alignment = align(x, replies, bank, sign=sign)
        frequent = align(x, replies[often], bank.only(often), best=1, sign=sign)
        best = np.where(frequent.concepts[:, 0] >= 0, often[frequent.concepts[:, 0]], -1)
        own, *nulls = (
            selectivity(x, replies, alone, bank, concepts, alignment.top, seed, sign)
            for concepts in (alignment.concepts, *random_candidates(alignment, bank, seed))
        )
        seen = separation(x, bank, best, alignment.top, OFTEN, sign)
        shuffled = separation(x, bank, best, alignment.top, OFTEN, sign, shuffled=seed)
        fresh = separation(read.unseen[site], read.held, best, least=OFTEN, sign=sign)
        frame = pd.DataFrame({"site": site, "layer": number, "unit": np.arange(x.shape[1])})
        for rank in range(alignment.concepts.shape[1]):
            frame[f"concept {rank + 1}"] = names[alignment.concepts[:, rank]]
            frame[f"degree {rank + 1}"] = alignment.degree[:, rank]
        frame["frequent concept"] = names[best]
        values = [own.replicate, own.instance, own.inclusion, own.inclusion_without_top, own.random]
        values += [*(null.replicate for null in nulls), seen.auroc, fresh.auroc, shuffled.auroc]
        frame = frame.assign(**dict(zip(SCORES, [*values, coherence(read.vectors, alignment)], strict=True)))
        frame["held-out texts"], frame["p held out"] = fresh.texts, fresh.p
        frame["found held out"] = fresh.significant()
        frame["constant"] = alignment.constant
        frames.append(frame)
        layers.append(Layer(site, alignment))
        shares.append(granularity(alignment, bank) | {"phrases": phrase_share(alignment, bank)})
    return Side(sign, layers, pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(), shares)


def _with_length(x: np.ndarray, lengths: np.ndarray) -> float:
    """The median over units of the size of the correlation with the length of a text."""
    x, y = x - x.mean(0), lengths - lengths.mean()
    spread = np.sqrt((x * x).sum(0) * (y * y).sum())
    return float(np.median(np.abs(x.T @ y)[spread > 0] / spread[spread > 0])) if (spread > 0).any() else float("nan")
