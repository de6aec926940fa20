"""Tasks that need no annotation: length, word content, two words swapped (Conneau et al. 2018)."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from unitscope.corpus.sentence import Sentence
from unitscope.corpus.sentence_tasks.task import (
    Candidate,
    SentenceTask,
    build,
    frequencies,
    is_punctuation,
    usual,
)
from unitscope.errors import InputError

LENGTHS = ((5, 8), (9, 12), (13, 16), (17, 20), (21, 25), (26, 28))
QUOTES = {'"', "``", "''", "“", "”"}


def binned(count: int, bins: Sequence[tuple[int, int]]) -> str | None:
    """The bin of a number of words, as ``05-08``; None where it is in none."""
    return next((f"{low:02d}-{high:02d}" for low, high in bins if low <= count <= high), None)


def sentence_length(sentences: Sequence[Sentence], seed: int = 0) -> SentenceTask:
    """Number of words: one of six bins, 5–8 to 26–28."""
    found = []
    for s in usual(sentences):
        label = binned(len(s.words), LENGTHS)
        assert label is not None
        found.append(Candidate(s.words, label, s.document, where=s.where))
    return build("sentence-length", found, seed)


def word_content(
    sentences: Sequence[Sentence], seed: int = 0, targets: int = 100, first_rank: int = 100, least: int = 10
) -> SentenceTask:
    """Which of the target words is in the sentence: exactly one is, once.

    Targets are the next lower-case forms of four letters or more from a rank of the frequency list on (in the published
    task 1000 from rank 2001 on, of a corpus a hundred times as large). Of them those are kept, each with equally many
    sentences and ``least`` at least, that give the most sentences.
    """
    ranked = [form for form, _ in frequencies(sentences).most_common()]
    usable = [form for form in ranked[first_rank:] if form.isalpha() and len(form) >= 4]
    chosen = set(usable[:targets])
    by_target: dict[str, list[Candidate]] = defaultdict(list)
    for s in usual(sentences):
        held = [word.form for word in s.words if word.form.lower() in chosen]
        if len(held) == 1 and held[0] in chosen:
            by_target[held[0]].append(Candidate(s.words, held[0], "", {}, where=s.where))
    counts = sorted((len(found) for found in by_target.values()), reverse=True)
    sizes = {place * count: count for place, count in enumerate(counts, 1) if place >= 2 and count >= least}
    if not sizes:
        raise InputError("too few words occur often enough for word-content; give more text or a smaller least")
    enough = {target: found for target, found in by_target.items() if len(found) >= sizes[max(sizes)]}
    # A word is a class, so its sentences are shared out one by one.
    draw = random.Random(seed)
    found, parts = [], {}
    for target in sorted(enough):
        draw.shuffle(enough[target])
        for place, candidate in enumerate(enough[target]):
            part = "train" if place % 10 < 8 else "dev" if place % 10 == 8 else "test"
            group = f"{part} {target} {place}"
            parts[group] = part
            found.append(replace(candidate, group=group))
    return build("word-content", found, seed, parts=parts)


def bigram_shift(sentences: Sequence[Sentence], seed: int = 0) -> SentenceTask:
    """Whether two neighbouring words were swapped (I) or not (O); not the first word, no punctuation, no quotes."""
    draw = random.Random(seed)
    found = []
    for s in usual(sentences):
        if any(word.form in QUOTES for word in s.words):
            continue
        places = [
            i
            for i in range(1, len(s.words) - 1)
            if not is_punctuation(s.words[i])
            and not is_punctuation(s.words[i + 1])
            and s.words[i].form.lower() != s.words[i + 1].form.lower()
        ]
        if not places:
            continue
        at = draw.choice(places)
        swapped = (*s.words[:at], s.words[at + 1], s.words[at], *s.words[at + 2 :])
        inverted = draw.random() < 0.5
        found.append(Candidate(swapped if inverted else s.words, "I" if inverted else "O", s.document, where=s.where))
    return build("bigram-shift", found, seed)
