import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from planted import planted

from unitscope.fold.aside import Aside
from unitscope.fold.plan import plan
from unitscope.fold.stage import Stage, Tree
from unitscope.fold.state import Packed
from unitscope.models.site import Site

SITE = Site("a", 2)
PLACE = "a", "pairs"


def source(lengths, batch):
    return planted({SITE: torch.zeros(sum(lengths), 2)}, lengths, batch=batch)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=40), st.integers(1, 5), st.integers(1, 60))
def test_parts_are_whole_batches_in_order_and_no_larger_than_needed(lengths, batch, work):
    whole = source(lengths, batch)
    parts = plan(whole, [SITE], work)
    assert [n for part in parts for n in part.sequences] == list(whole.sequences)
    assert [part.number for part in parts] == list(range(len(parts)))
    for part in parts[:-1]:
        assert len(part.sequences) % batch == 0
        assert sum(whole.lengths(part.sequences)) * 2 >= work
        assert sum(whole.lengths(part.sequences[:-batch])) * 2 < work


@given(st.lists(st.integers(1, 9), min_size=4, max_size=40), st.integers(1, 3))
def test_a_source_that_grows_keeps_all_parts_but_the_last(lengths, batch):
    grown = plan(source([*lengths, 5, 5, 5], batch), [SITE], 20)
    before = plan(source(lengths, batch), [SITE], 20)
    assert grown[: len(before) - 1] == before[:-1]


class Pairs(Stage):
    """Its states are pairs of numbers."""

    def merge(self, a, b):
        return {PLACE: (a[PLACE], b[PLACE])}

    def pack(self, states):
        return Packed({"more": torch.arange(3.0), "none": torch.zeros(0, 2)}, states[PLACE])

    def unpack(self, packed):
        assert packed.tensors["more"].tolist() == [0, 1, 2] and packed.tensors["none"].shape == (0, 2)
        return {PLACE: packed.plain}


@pytest.mark.parametrize("large", [0, 1 << 60])
@pytest.mark.parametrize("count", range(1, 20))
def test_the_tree_follows_from_the_number_of_parts_alone(count, large, monkeypatch):
    monkeypatch.setattr("unitscope.fold.stage.LARGE", large)

    def merged(numbers):
        if len(numbers) == 1:
            return numbers[0]
        half = 1 << (len(numbers) - 1).bit_length() - 1
        return merged(numbers[:half]), merged(numbers[half:])

    tree = Tree(Pairs((), ()))
    for number in range(count):
        tree.add({PLACE: number})
        assert len(tree.waiting) <= (number + 1).bit_length()
        on_disk = sum(isinstance(states, Aside) for _, states in tree.waiting)
        assert on_disk == (0 if large else ((number + 1) // 2).bit_count())
    assert tree.whole() == {PLACE: merged(list(range(count)))}
