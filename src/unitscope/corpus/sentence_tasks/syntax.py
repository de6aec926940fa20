"""Tasks that need a treebank: tense, number, a replaced word, inverted clauses, trees (Conneau et al. 2018)."""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from unitscope.corpus.sentence import ROOT, Sentence, Word
from unitscope.corpus.sentence_tasks.surface import QUOTES
from unitscope.corpus.sentence_tasks.task import (
    TARGET,
    Candidate,
    SentenceTask,
    build,
    frequencies,
    is_punctuation,
    part_of,
    usual,
)
from unitscope.errors import InputError

TENSES = {"VBP": "PRES", "VBZ": "PRES", "VBD": "PAST"}
NUMBERS = {"NN": "NN", "NNS": "NNS"}
REPLACEABLE = ("NN", "NNS", "VB", "VBD", "VBG", "VBN", "VBP", "VBZ")
DEPTHS = range(5, 13)
SEQUENCES = 19
"""Of top constituents that are classes of their own; all others are one."""
FREQUENCY = (5, 400)
"""How often a replaced word and its replacement occur (40 to 400 in the published task's larger corpus)."""


def tense(sentences: Sequence[Sentence], seed: int = 0) -> SentenceTask:
    """Whether the main verb is in the present (VBP, VBZ) or the past (VBD). A form of a verb is in one part only."""
    found = []
    for s in usual(sentences):
        root = _root(s)
        label = TENSES.get(s.words[root].labels.get("xpos", "")) if root is not None else None
        if root is not None and label:
            form = s.words[root].form.lower()
            found.append(Candidate(s.words, label, form, {TARGET: form}, where=s.where))
    return build("tense", found, seed)


def subject_number(sentences: Sequence[Sentence], seed: int = 0) -> SentenceTask:
    """Whether the subject of the main clause is a singular or a plural common noun."""
    return _number("subject-number", "nsubj", sentences, seed)


def object_number(sentences: Sequence[Sentence], seed: int = 0) -> SentenceTask:
    """Whether the direct object of the main clause is a singular or a plural common noun."""
    return _number("object-number", "obj", sentences, seed)


def _number(name: str, relation: str, sentences: Sequence[Sentence], seed: int) -> SentenceTask:
    found = []
    for s in usual(sentences):
        root = _root(s)
        nouns = [w for w in s.words if root is not None and w.head == root and w.labels.get("deprel") == relation]
        label = NUMBERS.get(nouns[0].labels.get("xpos", "")) if len(nouns) == 1 else None
        if label:
            form = nouns[0].form.lower()
            found.append(Candidate(s.words, label, form, {TARGET: form}, where=s.where))
    return build(name, found, seed)


def odd_man_out(sentences: Sequence[Sentence], seed: int = 0, frequency: tuple[int, int] = FREQUENCY) -> SentenceTask:
    """Whether a noun or verb was replaced (C) by one of the same part of speech whose neighbours are about as usual.

    The replacing words, and those that could have been replaced where nothing was (O), are in one part only.
    """
    counts = frequencies(sentences)
    pairs = Counter(
        (a.form.lower(), b.form.lower()) for s in sentences for a, b in zip(s.words, s.words[1:], strict=False)
    )
    low, high = frequency
    usable: dict[str, set[str]] = defaultdict(set)
    for s in sentences:
        for word in s.words:
            tag = word.labels.get("xpos", "")
            if tag in REPLACEABLE and low <= counts[word.form.lower()] <= high and word.form.isalpha():
                usable[tag].add(word.form.lower())
    parts = part_of((form for forms in usable.values() for form in forms), seed)
    by_part = {
        (tag, part): sorted(form for form in forms if parts[form] == part)
        for tag, forms in usable.items()
        for part in ("train", "dev", "test")
    }

    def usualness(before: str, form: str, after: str) -> float:
        return math.log1p(pairs[before, form]) + math.log1p(pairs[form, after])

    draw = random.Random(seed)
    found = []
    for s in usual(sentences):
        forms = ["", *(word.form.lower() for word in s.words), ""]
        places = [
            i
            for i, word in enumerate(s.words)
            if word.form.islower() and word.form in usable.get(word.labels.get("xpos", ""), ())
        ]
        if not places:
            continue
        at = draw.choice(places)
        word, before, after = s.words[at], forms[at], forms[at + 2]
        wanted = usualness(before, word.form, after)
        tag = word.labels["xpos"]
        candidates = [f for f in by_part[tag, parts[word.form]] if f not in forms]
        if len(candidates) < 2:
            continue
        sample = draw.sample(candidates, min(30, len(candidates)))
        other = min(sample, key=lambda f: (abs(usualness(before, f, after) - wanted), f))
        replaced = draw.random() < 0.5
        target = other if replaced else word.form
        words = (*s.words[:at], replace(word, form=other), *s.words[at + 1 :]) if replaced else s.words
        found.append(Candidate(words, "C" if replaced else "O", target, {TARGET: target}, where=s.where))
    return build("odd-man-out", found, seed, parts=parts)


def coordination_inversion(sentences: Sequence[Sentence], seed: int = 0) -> SentenceTask:
    """Whether two coordinated clauses were exchanged (I) or not (O); the longer one is the first as often as not."""
    draw = random.Random(seed)
    found = []
    for s in usual(sentences):
        middle = _coordinator(s)
        if middle is None:
            continue
        end = len(s.words) - 1 if is_punctuation(s.words[-1]) else len(s.words)
        first, second = s.words[:middle], s.words[middle + 1 : end]
        # A comma before the conjunction stays there.
        comma = first[-1:] if is_punctuation(first[-1]) else ()
        first = first[: len(first) - len(comma)]
        if len(first) < 2 or len(second) < 2:
            continue
        inverted = draw.random() < 0.5
        words = s.words
        if inverted:
            opening = replace(second[0], form=second[0].form[:1].upper() + second[0].form[1:])
            words = (opening, *second[1:], *comma, s.words[middle], _lowered(first[0]), *first[1:], *s.words[end:])
        shown = (second, first) if inverted else (first, second)
        longer = "first" if len(shown[0]) >= len(shown[1]) else "second"
        found.append(Candidate(words, "I" if inverted else "O", s.document, stratum=longer, where=s.where))
    return build("coordination-inversion", found, seed)


def tree_depth(sentences: Sequence[Sentence], seed: int = 0) -> SentenceTask:
    """Depth of the constituency tree, 5 to 12, resampled so that depth does not follow from length.

    Sentences are drawn towards a Gaussian of depth times one of length. Raises ``InputError`` where there are no
    constituents; a dependency tree has another depth.
    """
    found = []
    for s in usual(_with_spans(sentences)):
        covers = [0] * len(s.words)
        for span in s.spans:
            for word in range(span.start, span.stop):
                covers[word] += 1
        if max(covers) in DEPTHS:
            found.append((len(s.words), max(covers), s))
    if not found:
        raise InputError("no tree of these sentences is 5 to 12 deep; give a treebank of constituents")
    lengths, depths = Counter(n for n, _, _ in found), Counter(d for _, d, _ in found)
    joint = Counter((n, d) for n, d, _ in found)
    goal = {key: _bell(key[0], lengths) * _bell(key[1], depths) for key in joint}
    ratio = {key: goal[key] / joint[key] for key in joint}
    # The share of cells that lack sentences for their goal; the lower it is, the fewer sentences are left.
    scale = 1 / sorted(ratio.values())[int(0.75 * (len(ratio) - 1))]
    draw = random.Random(seed)
    kept = [
        Candidate(s.words, f"{depth:02d}", s.document + s.where, where=s.where, spans=s.spans)
        for n, depth, s in found
        if draw.random() < ratio[n, depth] * scale
    ]
    return build("tree-depth", kept, seed, balanced=False)


def top_constituents(sentences: Sequence[Sentence], seed: int = 0, least: int = 30) -> SentenceTask:
    """The sequence of labels right below the top S, such as ``NP_VP_.``; rare ones are ``OTHER``.

    Sentences end in a full stop and have no punctuation inside. Raises ``InputError`` without constituents.
    """
    found = []
    for s in usual(_with_spans(sentences)):
        inner = s.words[:-1]
        if s.words[-1].form != "." or any(is_punctuation(w) or w.form in QUOTES for w in inner):
            continue
        label = _below_top(s)
        if label:
            found.append((label, s))
    counts = Counter(label for label, _ in found)
    kept = {label for label, count in counts.most_common(SEQUENCES) if count >= least}
    candidates = [
        Candidate(s.words, label if label in kept else "OTHER", s.document + s.where, where=s.where, spans=s.spans)
        for label, s in found
    ]
    return build("top-constituents", candidates, seed)


def _root(sentence: Sentence) -> int | None:
    roots = [i for i, word in enumerate(sentence.words) if word.head == ROOT]
    return roots[0] if len(roots) == 1 else None


def _coordinator(s: Sentence) -> int | None:
    """The one conjunction between the main clause and one other with a subject of its own."""
    root = _root(s)
    if root is None or sum(word.labels.get("xpos") == "CC" for word in s.words) != 1:
        return None
    joined = [i for i, w in enumerate(s.words) if w.head == root and w.labels.get("deprel") == "conj"]
    if len(joined) != 1:
        return None
    subjects = {w.head for w in s.words if w.labels.get("deprel", "").startswith("nsubj")}
    middle = next(i for i, word in enumerate(s.words) if word.labels.get("xpos") == "CC")
    clauses = root < middle < joined[0] and {root, joined[0]} <= subjects and s.words[middle].head == joined[0]
    return middle if clauses and 0 < middle < len(s.words) - 2 else None


def _lowered(word: Word) -> Word:
    if word.labels.get("upos") == "PROPN" or word.form == "I" or word.form.startswith("I'"):
        return word
    return replace(word, form=word.form[:1].lower() + word.form[1:])


def _with_spans(sentences: Sequence[Sentence]) -> list[Sentence]:
    found = [s for s in sentences if s.spans]
    if not found:
        raise InputError("these sentences have no constituents; give bracketed trees (.ptb, .mrg)")
    return found


def _bell(value: int, counts: Counter[int]) -> float:
    """A Gaussian with the mean and spread of the counted values."""
    total = sum(counts.values())
    mean = sum(v * n for v, n in counts.items()) / total
    variance = max(sum((v - mean) ** 2 * n for v, n in counts.items()) / total, 1e-9)
    return math.exp(-0.5 * (value - mean) ** 2 / variance)


def _below_top(s: Sentence) -> str | None:
    """Labels of what stands right below the topmost S that holds the whole sentence."""
    spans = list(s.spans)
    top = next(
        (i for i, span in enumerate(spans) if span.label == "S" and (span.start, span.stop) == (0, len(s.words))), None
    )
    if top is None:
        return None
    labels, at = [], 0
    below = spans[top + 1 :]
    while at < len(s.words):
        # A parent comes before its children, so the first span that starts here is the uppermost.
        child = next((span for span in below if span.start == at), None)
        labels.append(child.label.split("-")[0] if child else s.words[at].labels.get("xpos", ""))
        at = child.stop if child else at + 1
    return "_".join(labels)
