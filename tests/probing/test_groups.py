import numpy as np
import pytest
import torch
from planted import one_site

from unitscope.errors import InputError
from unitscope.probing.groups import Grouping, functional_group, groups_by_class, groups_table, labelled_events
from unitscope.probing.linear import Penalty, fit_linear

NOISE = 512


def planted(k, events=1000, seed=0):
    """k units that carry a label, each its own class, among 512 that carry nothing. Two events make a sequence."""
    generator = torch.Generator().manual_seed(seed)
    classes = max(2, k)
    y = torch.randint(classes, (events,), generator=generator)
    marks = torch.nn.functional.one_hot(y, classes).float()[:, :k]
    x = torch.randn(events, NOISE + k, generator=generator)
    places = torch.randperm(NOISE + k, generator=generator)[:k]
    x[:, places] = 4 * marks + 0.1 * torch.randn(events, k, generator=generator)
    return x, y, torch.arange(events) // 2, set(places.tolist())


@pytest.mark.parametrize("k", [1, 5, 20])
def test_planted_group_is_found(k):
    x, y, sequence, places = planted(k)
    found = functional_group(x, y, sequence)
    assert set(found.units) <= places
    assert max(1, k - 2) <= found.size <= k
    assert found.accuracy >= 0.95 * found.full > found.chance + 0.3
    assert abs(found.shuffled - found.chance) < 0.08


def test_labels_that_no_unit_knows_have_no_group():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(400, 64, generator=generator)
    y = torch.randint(3, (400,), generator=generator)
    found = functional_group(x, y, torch.arange(400) // 4)
    assert found.size is None and np.isnan(found.accuracy)
    assert "no group above chance" in str(found)
    assert "no group above chance" in groups_table([found]).rows[0]


def test_order_of_classes_does_not_matter():
    x, y, sequence, _ = planted(5)
    plain = functional_group(x[:, :100], y, sequence)
    turned = functional_group(x[:, :100], torch.tensor([3, 1, 4, 0, 2])[y], sequence)
    x, y, sequence, _ = planted(5)
    for a, b in ((plain, turned), (functional_group(x, y, sequence), functional_group(x, 4 - y, sequence))):
        assert set(a.units) == set(b.units)
        assert a.full == pytest.approx(b.full, abs=0.01)


def test_units_that_know_the_sequence_do_not_help():
    """Every sequence has one label and its own mark, which all of its steps share."""
    generator = torch.Generator().manual_seed(0)
    sequence = torch.arange(300) // 10
    y = torch.randint(2, (30,), generator=generator)[sequence]
    x = torch.nn.functional.one_hot(sequence, 30).float() + 0.01 * torch.randn(300, 30, generator=generator)
    assert not functional_group(x, y, sequence).found
    # With steps of one sequence on both sides, as in the original, it looks perfect.
    assert functional_group(x, y, torch.arange(300)).full > 0.99


def test_each_class_can_be_asked_alone():
    x, y, sequence, places = planted(5)
    found = groups_by_class(x, y, sequence, "table", list("abcde"))
    assert [group.label for group in found] == [f"table {name}" for name in "abcde"]
    assert all(group.size == 1 for group in found)
    assert {group.units[0] for group in found} == places


def test_events_of_a_source():
    x = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
    table = torch.tensor([torch.nan, 2, 5, torch.nan] * 3)
    source = one_site(x, [4, 4, 4], token_labels={"table": table})
    events = labelled_events(source, "planted", "table")
    assert events.classes == ["2", "5"]
    assert events.y.tolist() == [0, 1] * 3
    assert events.sequence.tolist() == [0, 0, 1, 1, 2, 2]
    torch.testing.assert_close(events.x, x[~table.isnan()])
    assert labelled_events(source, "planted", "table", position=2).y.tolist() == [0, 0, 0]
    assert labelled_events(source, "planted", "position").classes == ["0", "1", "2", "3"]
    assert labelled_events(source, "planted", "token").classes[:2] == ["a", "b"]


def test_what_cannot_be_asked_is_refused():
    x = torch.randn(10, 2)
    with pytest.raises(InputError, match="one class"):
        functional_group(x, torch.zeros(10, dtype=torch.int64), torch.arange(10))
    with pytest.raises(InputError, match="folds"):
        functional_group(x, torch.arange(10) % 2, torch.arange(10) // 5)
    with pytest.raises(InputError, match="share"):
        Grouping(kept=2.0)
    source = one_site(x, [10], token_labels={"table": torch.full((10,), torch.nan)})
    with pytest.raises(InputError, match="no step"):
        labelled_events(source, "planted", "table")


def test_the_accuracy_of_a_group_is_that_of_sequences_that_chose_nothing():
    """Many weak units: those that look best on some sequences are not so good on fresh ones."""
    gaps = []
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        y = torch.randint(2, (1200,), generator=generator)
        x = torch.randn(1200, 150, generator=generator) + 0.25 * (2 * y[:, None] - 1) * (torch.arange(150) < 30)
        own, fresh = slice(0, 200), slice(200, 1200)
        found = functional_group(x[own], y[own], torch.arange(200) // 2)
        if found.found:
            probe = fit_linear([x[own][:, found.units]], y[None, own], 2, [Penalty(l2=1e-2)])
            said = (x[fresh][:, found.units] @ probe.weight[0].T + probe.intercept[0]).argmax(1)
            gaps.append(found.accuracy - float((said == y[fresh]).double().mean()))
    assert gaps and np.mean(gaps) < 0.03
