"""Alignment and selectivity against units whose concepts are known, and against a plain loop."""

import numpy as np
import pytest
import torch
from word_counters import ByWords, Planted, is_word

from unitscope.banks.alignment import align, random_candidates, top_texts
from unitscope.banks.bank import make_bank
from unitscope.banks.candidates import BLANKS, ngrams, sentence_of, words
from unitscope.banks.selectivity import selectivity
from unitscope.banks.texts import instances, replicated
from unitscope.concepts.text_vectors import pooled
from unitscope.corpus.passages import Passages
from unitscope.errors import InputError
from unitscope.source.live import Live

TEXTS = [
    "ann fed the cats",
    "ann ran",
    "the dogs ran home",
    "fed 7 dogs",
    "home",
    "the cats ran home 7",
    "ann ran home",
]
SENTENCES = [sentence_of(text, str(i), BLANKS) for i, text in enumerate(TEXTS)]
BANK = make_bank(SENTENCES, [words, ngrams(3)])
CATS, EITHER, CONSTANT = 0, 1, 2
MODEL = Planted([is_word("cats"), is_word("cats", "dogs"), lambda tokens: torch.ones(tokens.shape)])


def read(model=MODEL, batch=3):
    corpus = Passages(SENTENCES, "pets", ByWords())
    runs = [corpus, replicated(BANK, ByWords(), corpus.mean_length), instances(BANK, ByWords())]
    return [pooled(Live(model, run, batch))["planted"] for run in runs]


def test_texts_are_pooled_over_their_own_steps_whatever_the_batch() -> None:
    texts, degree, instance = read()
    expected = [TEXTS[i].split().count("cats") / len(TEXTS[i].split()) for i in range(len(TEXTS))]
    np.testing.assert_allclose(texts[:, CATS], expected, atol=1e-7)
    for one, other in zip(read(batch=1), (texts, degree, instance), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-7)


@pytest.mark.parametrize("pool", ["mean", "max", "last"])
def test_pooling_is_what_a_loop_finds(pool, tmp_path) -> None:
    corpus = Passages(SENTENCES, "pets", ByWords())
    found = pooled(Live(MODEL, corpus, 3), pool=pool, folder=tmp_path)["planted"]
    assert (tmp_path / "planted.npy").exists()
    for number, text in enumerate(TEXTS):
        values = [float(word == "cats") for word in text.split()]
        expected = {"mean": np.mean(values), "max": max(values), "last": values[-1]}[pool]
        assert found[number, CATS] == pytest.approx(expected)


def test_replicated_texts_are_as_long_as_the_average_and_never_shorter_than_the_concept() -> None:
    texts = replicated(BANK, ByWords(), 2.0)
    lengths = texts.lengths(range(len(texts)))
    assert lengths == [max(2, len(text.split())) for text in BANK.texts]
    number = BANK.find("cats")
    assert texts.batch([number]).tokens.tolist() == [[3, 3]]


def test_a_concept_longer_than_the_input_is_refused() -> None:
    with pytest.raises(InputError, match=r"concept 'ann fed the' is 3 tokens long and the model reads 2"):
        replicated(BANK, ByWords(limit=2), 2.0)
    with pytest.raises(InputError, match="at least one token"):
        replicated(BANK, ByWords(), 0.2)


def test_the_unit_of_a_word_is_aligned_with_that_word() -> None:
    texts, degree, instance = read()
    found = align(texts, degree, BANK, top=3, best=1)
    assert BANK.texts[found.concepts[CATS, 0]] == "cats"
    assert found.degree[CATS, 0] == 1
    scores = selectivity(texts, degree, instance, BANK, found.concepts, found.top)
    assert scores.replicate[CATS] == pytest.approx(1 / (texts[:, CATS].max() - texts[:, CATS].min()))
    assert scores.instance[CATS] == pytest.approx(scores.replicate[CATS])
    holding = [i for i, text in enumerate(TEXTS) if "cats" in text]
    assert scores.inclusion[CATS] == pytest.approx(texts[holding, CATS].mean() / np.ptp(texts[:, CATS]))


def test_a_unit_of_two_words_has_both() -> None:
    texts, degree, _ = read()
    found = align(texts, degree, BANK, top=5, best=3)
    assert {BANK.texts[c] for c in found.concepts[EITHER, :2]} == {"cats", "dogs"}


def test_a_constant_unit_is_undefined_and_flagged() -> None:
    texts, degree, instance = read()
    found = align(texts, degree, BANK)
    assert found.constant.tolist() == [False, False, True]
    assert (found.concepts[CONSTANT] == -1).all()
    scores = selectivity(texts, degree, instance, BANK, found.concepts, found.top).to_pandas()
    assert scores["undefined"].tolist() == [False, False, True]
    assert scores.iloc[CONSTANT].drop("undefined").isna().all()
    assert not np.isinf(scores.drop(columns="undefined").to_numpy(float)).any()


def test_selectivity_is_what_a_loop_finds(monkeypatch) -> None:
    random = np.random.default_rng(0)
    units = 5
    texts = random.normal(size=(len(TEXTS), units)).astype(np.float32)
    degree, instance = random.normal(size=(2, len(BANK), units)).astype(np.float32)
    for sign in (1, -1):
        found = align(texts, degree, BANK, top=2, best=2, sign=sign)
        monkeypatch.setattr("unitscope.banks.selectivity.BLOCK", 3)
        monkeypatch.setattr("unitscope.banks.selectivity.UNITS", 2)
        scores = selectivity(texts, degree, instance, BANK, found.concepts, found.top, sign=sign)
        for unit in range(units):
            a = sign * texts[:, unit]
            top = sorted(range(len(a)), key=lambda i: (-a[i], i))[:2]
            assert found.top[unit].tolist() == top
            candidates = [c for c in range(len(BANK)) if BANK.inclusion[:, [c]].toarray().ravel()[top].any()]
            aligned = sorted(candidates, key=lambda c: -sign * degree[c, unit])[:2]
            assert found.concepts[unit].tolist() == aligned
            assert found.candidates[unit] == len(candidates)
            has = BANK.inclusion[:, aligned].toarray().any(1)
            rest, span = a[~has].mean(), np.ptp(a)
            expected = {
                "replicate": sign * degree[aligned, unit].mean(),
                "instance": sign * instance[aligned, unit].mean(),
                "inclusion": a[has].mean(),
                "random": a.mean(),  # fewer texts than are drawn: all of them
            }
            for name, plus in expected.items():
                assert getattr(scores, name)[unit] == pytest.approx((plus - rest) / span, abs=1e-5), name
            others = [i for i in np.flatnonzero(has) if i not in top]
            without = (a[others].mean() - rest) / span if others else np.nan
            assert scores.inclusion_without_top[unit] == pytest.approx(without, abs=1e-5, nan_ok=True)


def test_of_equal_texts_the_earlier_is_on_top() -> None:
    values = np.array([[1.0], [2.0], [2.0], [1.0], [2.0]], np.float32)
    assert top_texts(values, 2).tolist() == [[1, 2]]
    assert top_texts(values, 4).tolist() == [[1, 2, 4, 0]]
    assert top_texts(values, 2, -1).tolist() == [[0, 3]]
    assert top_texts(values, 99).shape == (1, 5)


def test_the_nulls_are_drawn_from_the_bank_and_from_the_units_own_candidates() -> None:
    texts, degree, _ = read()
    found = align(texts, degree, BANK, top=2)
    anywhere, own = random_candidates(found, BANK, seed=1)
    assert anywhere.shape == own.shape == found.concepts.shape
    candidates = set(BANK.inclusion[found.top[CATS]].indices)
    assert set(own[CATS]) <= candidates
    assert (own[CONSTANT] == -1).all()


def test_activations_of_another_corpus_are_refused() -> None:
    texts, degree, _ = read()
    with pytest.raises(InputError, match="pool the texts that the bank was made from"):
        align(texts[1:], degree, BANK)
