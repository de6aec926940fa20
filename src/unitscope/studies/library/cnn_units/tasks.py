"""Tasks of the study's networks, and the sentences on which their units are examined."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from unitscope.banks.candidates import BLANKS, Finder, Place, morphemes, ngrams, sentence_of, words
from unitscope.banks.morphemes import learn_morphemes
from unitscope.concepts.occlusion import Remake
from unitscope.corpus.labelled import read_labelled
from unitscope.corpus.sentence import Sentence
from unitscope.corpus.translations import Translations, read_parallel
from unitscope.errors import InputError
from unitscope.networks.lessons.tasks import Classification, Translation, divide, parted
from unitscope.networks.lessons.texts import Fit, fingerprint

MOST, HELD = 5000, 1500
"""Sentences that units are looked at with, and held-out ones."""
CHARACTERS = 400_000
"""Of all these sentences together, about: long texts are looked at in smaller numbers."""


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
    others: tuple[str, ...] = ()
    """Kinds of network that are trained beside the convolutional ones."""

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the training texts: that of a network that learnt them."""
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


def tasks(data: Path | None, quick: bool) -> list[Task]:
    """Tasks whose data the folder has: questions (TREC), encyclopedia (DBpedia), translation (Multi30k).

    Without a folder, made-up questions. Raises ``InputError`` for a folder without any of them.
    """
    if data is None:
        return [made_up(200 if quick else 3000, quick)]
    found = []
    if (data / "TREC.train.all").exists():
        train, test = (read_labelled([str(data / f"TREC.{part}.all")], "latin-1") for part in ("train", "test"))
        learnt = Classification(divide(train, test), "TREC.train.all")
        found.append(_classified("questions", learnt, Fit(epochs=30), ("lstm", "gru", "transformer")))
    if (data / "dbpedia" / "dbpedia14.csv").exists():
        items = _dbpedia(data / "dbpedia")
        learnt = Classification(divide(items[:-TESTED], items[-TESTED:], 0.05), "dbpedia/dbpedia14.csv", LONGEST)
        found.append(_classified("encyclopedia", learnt, Fit(epochs=16)))
    if (data / "multi30k" / "train.en").exists():
        found.append(_translated(data / "multi30k"))
    if not found:
        raise InputError(f"{data} has neither TREC.train.all, dbpedia/ nor multi30k/; give the folder that has")
    return found


TESTED, LONGEST = 2000, 480
"""Texts of DBpedia that are tested, its last ones, and characters of a text that are read."""


def _dbpedia(folder: Path) -> list[tuple[str, str]]:
    """Text and class: a line holds the number of the class, a title and the text; raises for lines that do not."""
    path = folder / "dbpedia14.csv"
    names = (folder / "classes.txt").read_text(encoding="utf-8").split()
    items = []
    for number, line in enumerate(filter(None, path.read_text(encoding="utf-8").split("\n")), start=1):
        target, _, text = line.partition(",")
        if not (target.isdigit() and int(target) < len(names) and text.strip()):
            raise InputError(f"{path}: line {number} holds no number of a class and text; download the file again")
        items.append((text.strip(), names[int(target)]))
    return items


def _classified(name: str, learnt: Classification, fit: Fit, others: tuple[str, ...] = ()) -> Task:
    held = [*learnt.test.texts, *learnt.validation.texts]
    labels = [part.classes[target] for part in (learnt.test, learnt.validation) for target in part.targets]
    seen, kept = _some(learnt.train.texts), min(HELD, len(_some(held)))
    return Task(
        name,
        learnt,
        _sentences(seen, "train"),
        _sentences(held[:kept], "held out"),
        ngrams(),
        labels[:kept],
        fit,
        others,
    )


def _translated(folder: Path) -> Task:
    train, validation, test = (
        read_parallel(folder / f"{name}.en", folder / f"{name}.de") for name in ("train", "val", "test_2016_flickr")
    )
    learnt = Translation(parted(train, validation, test), "multi30k/train.en to train.de")
    held = [a for part in (learnt.test, learnt.validation) for a, _ in part.pairs]
    seen = _some([a for a, _ in learnt.train.pairs])
    fit = Fit("attentive", epochs=10, batch=16, rate=1.5e-3, noise=0.033)
    return Task(
        "translation", learnt, _sentences(seen, "train"), _sentences(held[:HELD], "held out"), ngrams(), fit=fit
    )


def _some(texts: Sequence[str]) -> list[str]:
    """``MOST`` of the texts or fewer long ones, drawn at random: files are often sorted by class."""
    most = min(MOST, int(CHARACTERS / np.mean([len(text) for text in texts])))
    order = np.random.default_rng(0).permutation(len(texts))[:most].tolist()
    return [texts[number] for number in order]


def _sentences(texts: Sequence[str], name: str) -> list[Sentence]:
    return [sentence_of(text, f"{name} {number}", BLANKS) for number, text in enumerate(texts)]


def only(finders: Sequence[Finder], wanted: set[tuple[str, str]]) -> Finder:
    """Words and phrases of some concepts, so that a bank holds no others."""

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
    fit = Fit(size="tiny" if quick else "small", epochs=4 if quick else 10)
    return _classified("made-up questions", learnt, fit, ("lstm",) if quick else ("lstm", "gru", "transformer"))
