import numpy as np
import pytest
import torch
from torch import Tensor

from unitscope.corpus.sentence import ROOT
from unitscope.errors import InputError
from unitscope.probing.sentences import Lengths, tree_distances
from unitscope.probing.structural import Structure, chain, fit_structural, tree_scores


def planted(sentences: int, seed: int) -> tuple[Tensor, Lengths, Tensor]:
    """Random trees of 5 to 9 words; a word's vector has a 1 for every edge on its way to the root."""
    random = np.random.default_rng(seed)
    vectors, heads, lengths = [], [], []
    for _ in range(sentences):
        count = int(random.integers(5, 10))
        order = random.permutation(count)
        own = [ROOT] * count
        x = torch.zeros(count, 10)
        for place in range(1, count):
            word, head = int(order[place]), int(order[random.integers(place)])
            own[word] = head
            x[word] = x[head]
            x[word, place] = 1
        vectors.append(x)
        heads += own
        lengths.append(count)
    return torch.cat(vectors), Lengths(torch.tensor(lengths)), torch.tensor(heads)


def test_planted_trees_are_found() -> None:
    (x, lengths, heads), (held, others, truth) = planted(200, 0), planted(60, 1)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(2))
    how = Structure(epochs=40, rate=1e-2, rank=10)
    other = torch.randn(held.shape, generator=torch.Generator().manual_seed(3))
    fit = fit_structural([x, noise], lengths, heads, ([held, other], others, truth), how)
    found = tree_scores(fit.predict(0, held, others), others, truth)
    assert found.uuas == 1.0
    assert found.spearman > 0.95  # equal distances are never predicted quite equal, so no fit reaches 1
    assert tree_scores(fit.predict(1, other, others), others, truth).uuas < 0.5
    depth = fit_structural([x], lengths, heads, ([held], others, truth), Structure(epochs=40, rate=1e-2, kind="depth"))
    found = tree_scores(depth.predict(0, held, others), others, truth)
    assert found.root == 1.0
    assert found.spearman > 0.94
    assert np.isnan(found.uuas)


def test_the_identity_is_a_perfect_probe_of_planted_trees() -> None:
    x, lengths, heads = planted(30, 3)
    exact = [torch.cdist(part, part).square() for part in lengths.split(x)]
    scores = tree_scores(exact, lengths, heads)
    assert (scores.uuas, scores.spearman) == (1.0, pytest.approx(1.0))
    for part, own in zip(exact, lengths.split(heads), strict=True):
        torch.testing.assert_close(part, tree_distances(own.tolist()), atol=1e-5, rtol=0)


def test_the_chain_finds_chains() -> None:
    lengths, heads = Lengths(torch.tensor([6, 5])), torch.tensor([ROOT, 0, 1, 2, 3, 4, ROOT, 0, 1, 2, 3])
    assert tree_scores(chain(lengths), lengths, heads).uuas == 1.0
    star = torch.tensor([ROOT, 0, 0, 0, 0, 0, ROOT, 0, 0, 0, 0])
    assert tree_scores(chain(lengths), lengths, star).uuas == pytest.approx(2 / 9)


def test_punctuation_is_left_out() -> None:
    lengths, heads = Lengths(torch.tensor([5])), torch.tensor([1, ROOT, 1, 1, 1])
    distances = [tree_distances(heads.tolist())]
    distances[0][4] = distances[0][:, 4] = 0.1  # next to everything
    assert tree_scores(distances, lengths, heads).uuas < 1
    counted = torch.tensor([True, True, True, True, False])
    assert tree_scores(distances, lengths, heads, counted).uuas == 1.0


def test_company_changes_nothing() -> None:
    (x, lengths, heads), how = planted(30, 0), Structure(epochs=2, rank=3)
    x, other = x.double(), 3 * x.double() + 1
    together = fit_structural([other, x], lengths, heads, ([other, x], lengths, heads), how, seeds=(0, 1))
    alone = fit_structural([x], lengths, heads, ([x], lengths, heads), how, seeds=(1,))
    torch.testing.assert_close(alone.map[0], together.map[3], atol=1e-8, rtol=0)


def test_what_cannot_be_fitted() -> None:
    x, lengths, heads = planted(5, 0)
    with pytest.raises(InputError, match="not finite"):
        fit_structural([x * torch.inf], lengths, heads, ([x], lengths, heads))
    with pytest.raises(InputError, match="no path joins"):
        fit_structural([x], lengths, torch.full_like(heads, ROOT), ([x], lengths, heads))
    with pytest.raises(InputError, match="rank 1 or more"):
        Structure(rank=0)
