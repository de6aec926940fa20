"""What the networks of the study learn, and the sentences that their units are looked at with."""

import html
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from unitscope.banks.candidates import BLANKS, Finder, Place, constituents, morphemes, ngrams, sentence_of, words
from unitscope.banks.morphemes import learn_morphemes
from unitscope.concepts.occlusion import Remake
from unitscope.corpus.labelled import read_labelled
from unitscope.corpus.sentence import Sentence
from unitscope.corpus.translations import Translations, read_parallel
from unitscope.corpus.treebank import read_treebank
from unitscope.errors import InputError
from unitscope.networks.lessons.tasks import Classification, Translation, divide
from unitscope.networks.lessons.texts import Fit, fingerprint

MOST, HELD = 5000, 1500
"""Sentences that units are looked at with, and held-out ones."""
TREES = 1200
"""Sentences with trees, fewer because the translator has more units."""
LONGEST = 120
"""Characters of the sentences that the translator learns from."""


@dataclass(frozen=True)
class Task:
    """A task, its sentences, and how networks for it are trained where none are given."""

    name: str
    learnt: Classification | Translation
    sentences: Sequence[Sentence]
    """The networks were trained on them; where a treebank is given instead, they were not."""
    held: Sequence[Sentence]
    """Neither seen in training nor used to choose concepts."""
    phrases: Finder
    labels: Sequence[str] = ()
    """The classes of the held-out sentences."""
    fit: Fit = field(default_factory=Fit)
    published: bool = False
    """Whether the thresholds of the checks were measured on this task."""

    @property
    def fingerprint(self) -> str:
        """Of the training texts: that of a network that learnt them."""
        return fingerprint(self.learnt)

    def finders(self) -> list[Finder]:
        """Words, phrases, and morphemes where Morfessor is installed."""
        try:
            return [words, self.phrases, morphemes(learn_morphemes(self.sentences))]
        except InputError:
            return [words, self.phrases]

    def scored(self) -> tuple[Sequence[Sentence], Remake]:
        """Held-out sentences with what the network should say of them, and those again in other words.

        They are ``held`` for a classification; a translation is known of the sentences of the parallel text only.
        """
        learnt = self.learnt
        if isinstance(learnt, Classification):
            texts = learnt.train.like([sentence.text for sentence in self.held], self.labels)
            return self.held, lambda numbers, said: texts.like(said, [self.labels[number] for number in numbers])
        pairs = [pair for part in (learnt.test, learnt.validation) for pair in part.pairs]

        def remake(numbers: Sequence[int], said: Sequence[str]) -> Translations:
            changed = [(text, pairs[number][1]) for number, text in zip(numbers, said, strict=True)]
            return Translations(changed, learnt.name, learnt.train.vocabulary, learnt.train.target_vocabulary)

        return _sentences([source for source, _ in pairs], "held out"), remake


def tasks(data: Path | None, trees: Path | None, quick: bool) -> list[Task]:
    """What the folder has: questions (TREC), film reviews (sentence polarity), translation (en-de).

    Without a folder, made-up questions. Raises ``InputError`` for a folder without any of them.
    """
    if data is None:
        return [made_up(200 if quick else 3000, quick)]
    found = []
    if (data / "TREC.train.all").exists():
        train, test = (read_labelled([str(data / f"TREC.{part}.all")], "latin-1") for part in ("train", "test"))
        learnt = Classification(divide(train, test), "TREC.train.all")
        found.append(_classified("questions", learnt, Fit(epochs=30), published=True))
    reviews = data / "sentence_polarity"
    if (reviews / "rt-polarity.pos").exists():
        files = [f"positive={reviews / 'rt-polarity.pos'}", f"negative={reviews / 'rt-polarity.neg'}"]
        learnt = Classification(divide(read_labelled(files)), "positive=rt-polarity.pos, negative=rt-polarity.neg")
        found.append(_classified("film reviews", learnt, Fit(epochs=8)))
    if (data / "en-de" / "train.en").exists():
        found.append(_translated(data / "en-de", trees))
    if not found:
        raise InputError(f"{data} has neither TREC.train.all, sentence_polarity/ nor en-de/; give the folder that has")
    return found


def _classified(name: str, learnt: Classification, fit: Fit, published: bool = False) -> Task:
    held = [*learnt.test.texts, *learnt.validation.texts]
    labels = [part.classes[target] for part in (learnt.test, learnt.validation) for target in part.targets]
    return Task(
        name,
        learnt,
        _sentences(_some(learnt.train.texts), "train"),
        _sentences(held[:HELD], "held out"),
        ngrams(),
        labels[:HELD],
        fit,
        published,
    )


def _translated(folder: Path, trees: Path | None) -> Task:
    pairs = read_parallel(folder / "train.en", folder / "train.de")
    pairs = [(html.unescape(a), html.unescape(b)) for a, b in pairs]
    learnt = Translation(divide(pairs, (), 0.02), "train.en to train.de", LONGEST)
    fit = Fit("bytenet", epochs=10, batch=16)
    if trees is None:
        held = [a for part in (learnt.test, learnt.validation) for a, _ in part.pairs]
        seen = [a for a, _ in learnt.train.pairs]
        return Task(
            "translation", learnt, _sentences(_some(seen), "train"), _sentences(held, "held out"), ngrams(), fit=fit
        )
    files = sorted(trees.glob("*.ptb")) or sorted(trees.glob("const/*.ptb"))
    if not files:
        raise InputError(f"{trees} holds no bracketed trees (*.ptb); give the folder that does, or leave --trees out")
    parsed = [sentence for file in files for sentence in read_treebank(file) if len(sentence.text) <= 2 * LONGEST]
    order = np.random.default_rng(0).permutation(len(parsed)).tolist()
    sentences = [parsed[number] for number in order]
    cut = min(TREES, len(sentences) * 3 // 4)
    return Task("translation", learnt, sentences[:cut], sentences[cut : cut + HELD], constituents(), fit=fit)


def _some(texts: Sequence[str]) -> list[str]:
    """``MOST`` of the texts, drawn at random: files are often sorted by class."""
    order = np.random.default_rng(0).permutation(len(texts))[:MOST]
    return [texts[number] for number in order]


def _sentences(texts: Sequence[str], name: str) -> list[Sentence]:
    return [sentence_of(text, f"{name} {number}", BLANKS) for number, text in enumerate(texts)]


def only(finders: Sequence[Finder], wanted: set[tuple[str, str]]) -> Finder:
    """What the finders see of some concepts, so that a bank holds no others."""

    def find(sentence: Sentence) -> Iterator[Place]:
        return (place for finder in finders for place in finder(sentence) if (place.kind, place.text.lower()) in wanted)

    return find


def made_up(count: int, quick: bool = False, seed: int = 0) -> Task:
    """Questions of four classes from a small grammar; a class is in the first words and in what is asked for."""
    things = ("river", "mountain", "city", "painter", "writer", "engine", "bridge", "planet", "song", "king", "ship")
    kinds = ("old", "red", "small", "famous", "second", "northern", "broken", "first", "golden")
    verbs = ("built", "found", "painted", "sold", "named", "crossed", "won")
    classes = {
        "person": ["who {v} the {k} {t} ?", "what is the name of the {t} who {v} the {k} {t} ?"],
        "place": ["where is the {k} {t} ?", "in what country was the {k} {t} {v} ?"],
        "number": ["how many {t}s were {v} in the {k} {t} ?", "how long is the {k} {t} ?"],
        "reason": ["why was the {k} {t} {v} ?", "for what reason is the {t} {k} ?"],
    }
    draw = np.random.default_rng(seed)
    items = []
    for number, label in zip(range(count), itertools.cycle(classes), strict=False):
        form = classes[label][number // len(classes) % 2]
        filled = " ".join(
            word.replace("{t}", things[draw.integers(len(things))])
            .replace("{k}", kinds[draw.integers(len(kinds))])
            .replace("{v}", verbs[draw.integers(len(verbs))])
            for word in form.split()
        )
        items.append((filled, label))
    learnt = Classification(divide(items, (), 0.2), "made-up questions")
    return _classified("made-up questions", learnt, Fit(size="tiny" if quick else "small", epochs=4 if quick else 10))
