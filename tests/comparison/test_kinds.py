import pytest
import torch
from planted import one_site

from unitscope.comparison.kinds import classify_kinds, kinds_table
from unitscope.errors import InputError

LENGTHS = [4] * 50


def run(seed, spread=1.0, units=24):
    """A network with a face of its own: every unit rests elsewhere."""
    generator = torch.Generator().manual_seed(seed)
    face = torch.randn(units, generator=generator)
    return one_site(torch.tanh(spread * (face + 0.3 * torch.randn(200, units, generator=generator))), LENGTHS)


def test_faces_are_known_and_do_not_transfer_where_kinds_do_not_differ():
    groups = {"a": [run(s) for s in range(6)], "b": [run(s) for s in range(10, 16)]}
    raw = classify_kinds(groups, "planted")[0]
    assert raw.within > 0.97
    assert 0.2 < raw.mean < 0.8
    assert len(raw.unseen) == 6


def test_summaries_transfer_where_kinds_differ():
    groups = {"a": [run(s) for s in range(4)], "b": [run(s, spread=3.0) for s in range(10, 14)]}
    raw, ordered, summaries = classify_kinds(groups, "planted", step=2)
    assert summaries.mean > 0.95 and summaries.interval[0] > 0.5
    assert summaries.mean > ordered.mean > 0.7
    assert raw.mean < summaries.mean
    assert kinds_table([raw, summaries]).rows[1][0] == "summaries"


def test_what_cannot_be_told_apart_is_refused():
    with pytest.raises(InputError, match="held out"):
        classify_kinds({"a": [run(0)], "b": [run(1)]}, "planted")
    with pytest.raises(InputError, match="12 and 24"):
        classify_kinds({"a": [run(0), run(1)], "b": [run(2), run(3, units=12)]}, "planted")
    with pytest.raises(InputError, match="step 9"):
        classify_kinds({"a": [run(0), run(1)], "b": [run(2), run(3)]}, "planted", step=9)
