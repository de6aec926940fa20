import numpy as np
import pytest

from unitscope.banks.alignment import Alignment
from unitscope.banks.bank import make_bank
from unitscope.banks.candidates import BLANKS, ngrams, sentence_of, words
from unitscope.banks.clusters import cluster, coherence, context_vectors

PETS, TOOLS, RANDOM = "cat dog hamster".split(), "saw drill hammer".split(), np.random.default_rng(0)  # noqa: SIM905
TEXTS = [f"the {RANDOM.choice(PETS)} eats and sleeps gladly" for _ in range(30)]
TEXTS += [f"my {RANDOM.choice(TOOLS)} cuts or bends metal" for _ in range(30)]
BANK = make_bank([sentence_of(text, str(n), BLANKS) for n, text in enumerate(TEXTS)], [words, ngrams(2)])
VECTORS = context_vectors(BANK, 6)


def test_words_of_like_contexts_are_near() -> None:
    at = {text: VECTORS[BANK.find(text)] for text in [*PETS, *TOOLS]}
    assert np.linalg.norm(at["cat"]) == pytest.approx(1)
    assert at["cat"] @ at["dog"] > 0.9  # though they never stand together
    assert abs(at["cat"] @ at["saw"]) < 0.1
    np.testing.assert_allclose(context_vectors(BANK, 6), VECTORS)


def test_clusters() -> None:
    numbers = np.array([BANK.find(text) for text in [*PETS, *TOOLS, "cat eats"]])
    found = cluster(VECTORS, numbers)
    of = dict(zip(found.concepts.tolist(), found.cluster.tolist(), strict=True))
    assert [of[n] for n in numbers] == [0, 0, 0, 1, 1, 1, 0]
    assert len(found.tree) == 6
    assert len(cluster(VECTORS, numbers[:1]).cluster) == 1


def test_units_of_one_kind_of_concept() -> None:
    triples = [["cat", "dog", "hamster"], ["cat", "saw", "drill"], ["cat", "", ""]]
    concepts = np.array([[BANK.find(text) if text else -1 for text in unit] for unit in triples])
    none = np.zeros((3, 1))
    layer = Alignment(none.astype(int), none, concepts, concepts.astype(float), none[:, 0].astype(int), none[:, 0] > 0)
    pure, mixed, single = coherence(VECTORS, layer)
    assert pure > 0.9 > mixed
    assert np.isnan(single)


def test_vectors_of_texts_of_low_rank_are_the_same_again() -> None:
    texts = [f"the {kind} {thing}" for kind in ("old", "new", "red") for thing in ("ship", "song")] * 4
    bank = make_bank([sentence_of(text, str(number)) for number, text in enumerate(texts)], [words, ngrams(2)])
    first, second = context_vectors(bank), context_vectors(bank)
    np.testing.assert_allclose(first @ first.T, second @ second.T, atol=1e-8)
    assert first.shape[1] < 6  # "the" is everywhere and weighs nothing
