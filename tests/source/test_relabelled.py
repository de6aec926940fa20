from dataclasses import dataclass, field

import numpy as np
import torch
from planted import one_site
from scipy import stats

from unitscope.models.site import Site
from unitscope.source.arrays import Arrays
from unitscope.source.relabelled import LabelFile, Relabelled, Shifted
from unitscope.source.subset import Subset


def numbered():
    """Every token is labelled with its own number."""
    return one_site(torch.zeros(50, 1), [10] * 5, token_labels={"n": torch.arange(50).float()})


def test_each_group_gets_a_run_of_the_labels_of_others():
    groups = {0: 7, 1: 3, 2: 7, 3: 3, 4: 5}  # the circle is 1 3 4 0 2
    circle = [*range(10, 20), *range(30, 50), *range(10), *range(20, 30)]
    turns = set()
    for seed in range(20):
        moving = Shifted(numbered(), seed, groups)
        for group in ([1, 3], [4], [0, 2]):
            own = torch.cat([numbered().labels("n", number) for number in group]).tolist()
            moved = torch.cat([moving.labels("n", number) for number in group]).tolist()
            start = circle.index(moved[0])
            assert moved == [circle[(start + step) % 50] for step in range(len(own))]
            assert not set(moved) & set(own)
            turns.add((group[0], (start - circle.index(own[0])) % 50))
    assert len(turns) > 30


def test_texts_of_one_length_are_turned_to_every_place_alike():
    """Else a unit that follows the position in a text would follow the moved labels too."""
    turned = [int(Shifted(numbered(), seed).labels("n", number)[0]) % 10 for seed in range(100) for number in range(5)]
    assert stats.chisquare(np.bincount(turned, minlength=10)).pvalue > 1e-4


def test_chunks_carry_the_moved_labels_and_the_true_activations():
    source = numbered()
    moving = Shifted(source, seed=3)
    plain = [chunks["planted"] for chunks in source.chunks(["planted"], ["n"])]
    moved = [chunks["planted"] for chunks in moving.chunks(["planted"], ["n"])]
    for a, b in zip(plain, moved, strict=True):
        assert torch.equal(a.activations, b.activations)
        assert not torch.equal(a.labels["n"], b.labels["n"])
        expected = torch.cat([moving.labels("n", number) for number in a.sequence.unique().tolist()])
        assert torch.equal(b.labels["n"], expected)


def test_a_subset_shifts_within_itself():
    moving = Shifted(Subset(numbered(), [1, 3], "odd"), seed=0)
    circle = {*range(10, 20), *range(30, 40)}
    assert set(torch.cat([moving.labels("n", number) for number in (1, 3)]).tolist()) <= circle


@dataclass(frozen=True, eq=False)
class Counting(Arrays):
    """A source that notes what it was asked."""

    asked: list[tuple[str, int]] = field(default_factory=list)

    def labels(self, name, sequence):
        self.asked.append((name, sequence))
        return super().labels(name, sequence)


def test_labels_in_the_file_are_the_labels_and_are_asked_for_once():
    labels = {"n": torch.arange(50).float(), "twice": 2 * torch.arange(50).float()}
    source = Counting({Site("planted", 1): torch.zeros(50, 1)}, [10] * 5, token_labels=labels)
    with LabelFile(source, ["n", "twice"]) as kept:
        again = Relabelled(source, kept.labels)
        for _ in range(2):
            for number in (3, 0, 4):
                assert torch.equal(again.labels("n", number), torch.arange(50).float()[10 * number : 10 * number + 10])
                assert torch.equal(again.labels("twice", number), 2 * again.labels("n", number))
    assert len(source.asked) == 6
    assert again.document(0) == source.document(0)
