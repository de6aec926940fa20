"""The rule of every label, on every row of every task, on real sentences."""

from collections import Counter, defaultdict
from functools import cache

import numpy as np
import pytest
from treebanks import treebank

from unitscope.corpus.sentence import Sentence, Span, Word
from unitscope.corpus.sentence_tasks import TASKS, make_task
from unitscope.corpus.sentence_tasks.auxiliary import BINS
from unitscope.corpus.sentence_tasks.surface import LENGTHS, bigram_shift, word_content
from unitscope.corpus.sentence_tasks.syntax import top_constituents
from unitscope.corpus.sentence_tasks.task import TARGET, SentenceTask
from unitscope.corpus.treebank import read_treebank
from unitscope.errors import InputError

DEPENDENCIES = [name for name in TASKS if name not in ("tree-depth", "top-constituents")]


@cache
def english() -> list[Sentence]:
    return read_treebank(treebank("UD_English-EWT/en_ewt-ud-dev.conllu"))


@cache
def trees() -> list[Sentence]:
    files = sorted(treebank("GUM_clean/const").glob("*.ptb"))[:30]
    return [sentence for path in files for sentence in read_treebank(path)]


def forms(sentence: Sentence) -> list[str]:
    return [word.form for word in sentence.words]


def check_parts_and_balance(task: SentenceTask) -> None:
    for part in ("train", "dev", "test"):
        counts = Counter(sentence.labels[task.name] for sentence in task.of_part(part))
        assert set(counts) == set(task.classes)
        assert max(counts.values()) == min(counts.values())
    by_target = defaultdict(set)
    for sentence in task.sentences:
        if TARGET in sentence.labels:
            by_target[sentence.labels[TARGET]].add(sentence.part)
        assert sentence.text == " ".join(forms(sentence))
        assert all(sentence.text[w.start : w.stop] == w.form for w in sentence.words)
    assert all(len(parts) == 1 for parts in by_target.values())


@pytest.mark.parametrize("name", DEPENDENCIES)
def test_parts_balance_and_bytes(name: str) -> None:
    task = make_task(name, english(), 0)
    check_parts_and_balance(task)
    assert make_task(name, english(), 0) == task
    assert make_task(name, english(), 1) != task
    if name not in ("length", "content", "order"):
        assert all(5 <= len(s.words) <= 28 for s in task.sentences)


def root(s: Sentence, source: dict[str, Sentence]) -> tuple[Sentence, int]:
    whole = source[s.where]
    return whole, next(i for i, word in enumerate(whole.words) if word.head == -1)


def test_rules_of_dependency_tasks() -> None:
    source = {s.where: s for s in english()}
    for s in make_task("tense", english()).sentences:
        whole, at = root(s, source)
        assert {"VBP": "PRES", "VBZ": "PRES", "VBD": "PAST"}[whole.words[at].labels["xpos"]] == s.labels["tense"]
        assert whole.words[at].form.lower() == s.labels[TARGET]
    for name, relation in (("subject-number", "nsubj"), ("object-number", "obj")):
        for s in make_task(name, english()).sentences:
            whole, at = root(s, source)
            (noun,) = [w for w in whole.words if w.head == at and w.labels["deprel"] == relation]
            assert noun.labels["xpos"] == s.labels[name]
            assert noun.form.lower() == s.labels[TARGET]
    for s in make_task("coordination-inversion", english()).sentences:
        whole = source[s.where]
        assert Counter(map(str.lower, forms(s))) == Counter(map(str.lower, forms(whole)))
        assert (forms(s) == forms(whole)) == (s.labels["coordination-inversion"] == "O")
    for s in make_task("odd-man-out", english()).sentences:
        whole = source[s.where]
        changed = [(a, b) for a, b in zip(s.words, whole.words, strict=True) if a.form != b.form]
        assert len(changed) == (s.labels["odd-man-out"] == "C")
        if changed:
            assert changed[0][0].form == s.labels[TARGET]
            assert changed[0][1].labels["xpos"][:2] in ("NN", "VB")


def test_rules_of_surface_tasks() -> None:
    source = {s.where: s for s in english()}
    for name, bins in (("sentence-length", LENGTHS), ("length", BINS)):
        for s in make_task(name, english()).sentences:
            low, high = map(int, s.labels[name].split("-"))
            assert (low, high) in bins
            assert low <= len(s.words) <= high
    task = make_task("word-content", english())
    for s in task.sentences:
        assert [f for f in forms(s) if f.lower() in task.classes] == [s.labels["word-content"]]
    for s in make_task("bigram-shift", english()).sentences:
        before = forms(source[s.where])
        moved = [i for i, (a, b) in enumerate(zip(before, forms(s), strict=True)) if a != b]
        assert len(moved) == (2 if s.labels["bigram-shift"] == "I" else 0)
        if moved:
            assert moved[1] == moved[0] + 1
            assert moved[0] >= 1
            assert before[moved[0]] == forms(s)[moved[1]]
            assert all(any(c.isalnum() for c in before[i]) for i in moved)
    for s in make_task("content", english()).sentences:
        assert (s.labels["word"] in map(str.lower, forms(s))) == (s.labels["content"] == "in")
    for s in make_task("order", english()).sentences:
        lower = [f.lower() for f in forms(s)]
        assert (lower.index(s.labels["first"]) < lower.index(s.labels["second"])) == (s.labels["order"] == "before")


def test_constituents() -> None:
    task = make_task("tree-depth", trees())
    found = np.array([[len(s.words), int(s.labels["tree-depth"])] for s in task.sentences])
    for s in task.sentences:
        covers = np.zeros(len(s.words), int)
        for span in s.spans:
            covers[span.start : span.stop] += 1
        assert covers.max() == int(s.labels["tree-depth"])
        assert 5 <= covers.max() <= 12
    every = [
        (len(s.words), max(sum(sp.start <= i < sp.stop for sp in s.spans) for i in range(len(s.words))))
        for s in trees()
    ]
    usual = np.array([(n, d) for n, d in every if 5 <= n <= 28 and 5 <= d <= 12])
    assert abs(np.corrcoef(found.T)[0, 1]) < 0.6 * abs(np.corrcoef(usual.T)[0, 1])
    task = top_constituents(trees(), least=20)
    check_parts_and_balance(task)
    assert "NP_VP_." in task.classes
    assert "OTHER" in task.classes


def test_labels_below_the_top() -> None:
    words = tuple(
        Word(form, 0, 0, {"xpos": tag})
        for form, tag in (("He", "PRP"), ("sees", "VBZ"), ("it", "PRP"), ("all", "DT"), (".", "."))
    )
    spans = (Span(0, 5, "ROOT"), Span(0, 5, "S"), Span(0, 1, "NP-SBJ"), Span(1, 4, "VP"), Span(2, 4, "NP"))
    sentences = [Sentence("", words, f"d{i}", f"w:{i}", spans) for i in range(40)]
    other = (Span(0, 5, "S"), Span(0, 1, "ADVP"), Span(1, 4, "VP"))
    sentences += [Sentence("", words, f"e{i}", f"v:{i}", other) for i in range(40)]
    assert top_constituents(sentences).classes == ("ADVP_VP_.", "NP_VP_.")


def test_text_that_is_too_small_or_of_another_kind() -> None:
    with pytest.raises(InputError, match="no task is called 'mood'; there are: sentence-length"):
        make_task("mood", [])
    plain = [Sentence("", tuple(Word(f"w{i}{j}", 0, 0, {}) for j in range(6)), f"d{i}", f"f:{i}") for i in range(40)]
    with pytest.raises(InputError, match=r"give bracketed trees \(.ptb, .mrg\)"):
        make_task("tree-depth", plain)
    with pytest.raises(InputError, match="would have no sentence of the class"):
        bigram_shift(plain[:3])
    with pytest.raises(InputError, match="too few words"):
        word_content(plain)
