import numpy as np
import pytest
from scipy import stats

from unitscope.banks.alignment import Alignment
from unitscope.banks.bank import make_bank
from unitscope.banks.candidates import BLANKS, morphemes, ngrams, sentence_of, words
from unitscope.banks.layers import granularity, phrase_share, related, units_of_concepts

BANK = make_bank(
    [sentence_of("the cats sat down", "a", BLANKS), sentence_of("the dog", "b", BLANKS)],
    [words, ngrams(3), morphemes(lambda word: ("cat", "s") if word == "cats" else (word,))],
)


def aligned(*texts: list[str]) -> Alignment:
    concepts = np.array([[BANK.find(text) if text else -1 for text in unit] for unit in texts])
    none = np.zeros((len(texts), 1))
    return Alignment(none.astype(int), none, concepts, concepts.astype(float), none[:, 0].astype(int), none[:, 0] > 0)


LAYER = aligned(["s", "the", "the cats"], ["the", "the cats sat", ""])


def test_shares() -> None:
    found = granularity(LAYER, BANK)
    assert found["morpheme"] == found["2 words"] == found["3 words"] == 0.2
    assert found["word"] == 0.4
    assert sum(found.values()) == pytest.approx(1)
    assert phrase_share(LAYER, BANK) == 0.4
    assert np.isnan(phrase_share(aligned(["", "", ""]), BANK))


def test_units_of_a_concept() -> None:
    units = units_of_concepts(LAYER, BANK)
    assert units[BANK.find("the")] == 2
    assert units.sum() == 5


def test_correlations_are_scipys() -> None:
    random = np.random.default_rng(0)
    frequency = random.random(200)
    units = random.poisson(5 * frequency)
    other = frequency + 0.3 * random.random(200)
    other[3] = np.nan
    found = related(units, other, frequency)
    known = np.isfinite(other)
    assert found.concepts == 199
    assert found.pearson == pytest.approx(stats.pearsonr(units[known], other[known])[0])
    assert found.spearman == pytest.approx(stats.spearmanr(units[known], other[known])[0])
    assert found.low < found.pearson < found.high
    # Both go with frequency and with nothing else.
    assert found.spearman > 0.5
    assert abs(found.held_fixed) < 0.15


def test_what_cannot_be_correlated_is_undefined() -> None:
    assert np.isnan(related(np.ones(9, int), np.arange(9.0)).pearson)
    assert np.isnan(related(np.arange(9), np.full(9, np.nan)).spearman)
