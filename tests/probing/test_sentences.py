import numpy as np
import pytest
import torch
from scipy.sparse.csgraph import shortest_path

from unitscope.corpus.sentence import ROOT
from unitscope.errors import InputError
from unitscope.probing.sentences import Lengths, tree_depths, tree_distances


def test_rows_of_sentences() -> None:
    lengths = Lengths.of(torch.tensor([4, 4, 4, 0, 9, 9]))
    assert lengths.words.tolist() == [3, 1, 2]
    rows, there = lengths.padded(torch.tensor([2, 0]))
    assert rows.tolist() == [[4, 5, 4], [0, 1, 2]]
    assert there.tolist() == [[True, True, False], [True, True, True]]
    assert [part.tolist() for part in lengths.split(torch.arange(6))] == [[0, 1, 2], [3], [4, 5]]
    with pytest.raises(InputError, match="a sentence without words"):
        Lengths(torch.tensor([2, 0]))


def test_trees_against_scipy() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        count = int(random.integers(2, 15))
        order = random.permutation(count)
        heads = [ROOT] * count
        for place in range(1, count):
            heads[int(order[place])] = int(order[random.integers(place)])
        graph = np.zeros((count, count))
        for word, head in enumerate(heads):
            if head != ROOT:
                graph[word, head] = 1
        distances = shortest_path(graph, directed=False)
        np.testing.assert_array_equal(tree_distances(heads).numpy(), distances)
        np.testing.assert_array_equal(tree_depths(heads).numpy(), distances[heads.index(ROOT)])


def test_no_tree() -> None:
    with pytest.raises(InputError, match="run in a circle"):
        tree_depths([1, 0, ROOT])
    assert torch.isinf(tree_distances([ROOT, ROOT])[0, 1])
