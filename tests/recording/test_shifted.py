import torch
from planted import one_site

from unitscope.recording.shifted import Shifted
from unitscope.recording.source import Subset


def numbered():
    """Every token is labelled with its own number."""
    return one_site(torch.zeros(50, 1), [10] * 5, token_labels={"n": torch.arange(50).float()})


def test_labels_are_moved_round_in_a_circle_and_none_is_lost():
    shifted = Shifted(numbered(), seed=3)
    moved = torch.cat([shifted.labels("n", number) for number in range(5)])
    assert sorted(moved.tolist()) == list(range(50))
    offset = int(moved[0])
    assert offset >= 10  # another sequence's
    assert moved.tolist() == [(token + offset) % 50 for token in range(50)]


def test_chunks_carry_the_moved_labels_and_the_true_activations():
    source = numbered()
    shifted = Shifted(source, seed=3)
    plain = [chunks["planted"] for chunks in source.chunks(["planted"], ["n"])]
    moved = [chunks["planted"] for chunks in shifted.chunks(["planted"], ["n"])]
    for a, b in zip(plain, moved, strict=True):
        assert torch.equal(a.activations, b.activations)
        assert not torch.equal(a.labels["n"], b.labels["n"])
        expected = torch.cat([shifted.labels("n", number) for number in a.sequence.unique().tolist()])
        assert torch.equal(b.labels["n"], expected)


def test_a_subset_shifts_within_itself():
    shifted = Shifted(Subset(numbered(), [1, 3], "odd"), seed=0)
    moved = torch.cat([shifted.labels("n", number) for number in (1, 3)])
    assert sorted(moved.tolist()) == [*range(10, 20), *range(30, 40)]
