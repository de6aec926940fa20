from dataclasses import dataclass, field

import torch
from planted import Planted, one_site

from unitscope.models.site import Site
from unitscope.recording.relabelled import LabelFile, Relabelled, shifted
from unitscope.recording.source import Subset


def numbered():
    """Every token is labelled with its own number."""
    return one_site(torch.zeros(50, 1), [10] * 5, token_labels={"n": torch.arange(50).float()})


def test_labels_are_moved_round_in_a_circle_and_none_is_lost():
    moving = shifted(numbered(), seed=3)
    moved = torch.cat([moving.labels("n", number) for number in range(5)])
    assert sorted(moved.tolist()) == list(range(50))
    offset = int(moved[0])
    assert offset >= 10  # another sequence's
    assert moved.tolist() == [(token + offset) % 50 for token in range(50)]


def test_chunks_carry_the_moved_labels_and_the_true_activations():
    source = numbered()
    moving = shifted(source, seed=3)
    plain = [chunks["planted"] for chunks in source.chunks(["planted"], ["n"])]
    moved = [chunks["planted"] for chunks in moving.chunks(["planted"], ["n"])]
    for a, b in zip(plain, moved, strict=True):
        assert torch.equal(a.activations, b.activations)
        assert not torch.equal(a.labels["n"], b.labels["n"])
        expected = torch.cat([moving.labels("n", number) for number in a.sequence.unique().tolist()])
        assert torch.equal(b.labels["n"], expected)


def test_a_subset_shifts_within_itself():
    moving = shifted(Subset(numbered(), [1, 3], "odd"), seed=0)
    moved = torch.cat([moving.labels("n", number) for number in (1, 3)])
    assert sorted(moved.tolist()) == [*range(10, 20), *range(30, 40)]


@dataclass(frozen=True)
class Counting(Planted):
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
    assert again.fingerprint == source.fingerprint
