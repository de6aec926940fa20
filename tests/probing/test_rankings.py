from pathlib import Path

import pytest
import torch
from clusters import clusters
from treebanks import written

from unitscope.corpus.treebank import TreebankCorpus, read_treebank
from unitscope.interventions.ablation import Bench
from unitscope.models.edit import Edit
from unitscope.models.module import ModuleModel
from unitscope.networks.char import CharConfig, CharNet
from unitscope.probing.linear import Penalty, fit_linear
from unitscope.probing.rankings import accuracy_along, by_weight, damage_along, entry_mass, overlap, probeless


def test_sets_of_a_mass_are_the_shortest_prefixes_that_hold_it() -> None:
    weight = torch.randn(5, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mass = entry_mass(weight)
    for percent in range(1, 100, 7):
        wanted: set[int] = set()
        for row in weight.abs():
            total, taken = 0.0, []
            for unit in row.argsort(descending=True).tolist():
                if total >= percent / 100 * float(row.sum()):
                    break
                taken.append(unit)
                total += float(row[unit])
            wanted |= set(taken)
        assert set(torch.nonzero(mass < percent / 100).squeeze(1).tolist()) == wanted
    order = by_weight(weight)
    assert sorted(order.tolist()) == list(range(40))
    assert bool((mass[order].diff() >= 0).all())


def test_probeless_is_the_sum_over_pairs() -> None:
    x, y = clusters()
    before = x.clone()
    means = torch.stack([x[y == k].mean(0) for k in range(4)])
    expected = sum((means[i] - means[j]).abs() for i in range(4) for j in range(i))
    torch.testing.assert_close(probeless(x, y, 4), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(probeless(x, y, 6), expected, rtol=1e-4, atol=1e-4)
    assert torch.equal(x, before)


def test_overlap_by_hand() -> None:
    concept = torch.tensor([True, True, False, False, False])
    x = torch.tensor([[9.0, -9, 1], [8, -8, 2], [1, 1, 3], [2, 2, 9], [3, 3, 8]])
    assert overlap(x, concept, two_sided=False).tolist() == pytest.approx([1, 0, 0])
    assert overlap(x, concept).tolist() == pytest.approx([1, 1, 1])
    assert overlap(x, torch.zeros(5, dtype=torch.bool)).tolist() == [0, 0, 0]


def test_every_ranking_finds_the_units_that_know() -> None:
    x, y = clusters(words=2000, units=40, informative=5)
    weight = fit_linear([x], y[None], 4, [Penalty(l1=0.01)]).standardised[0]
    for order in (by_weight(weight), (probeless(x / x.std(0), y, 4)).argsort(descending=True)):
        assert set(order[:5].tolist()) == set(range(5))


def test_a_ranking_is_judged_by_another_probe() -> None:
    train, test = clusters(units=30, informative=4), clusters(units=30, informative=4, seed=9)
    good, bad = torch.arange(30), torch.arange(30).flip(0)
    best = accuracy_along(good, [1, 4], train, test, 4)
    worst = accuracy_along(bad, [1, 4], train, test, 4)
    assert best[1] > best[0] > worst[0]
    assert best[1] > worst[1] + 0.3


def test_ranking_is_tried_in_the_model(tmp_path: Path) -> None:
    corpus = TreebankCorpus(read_treebank(written(tmp_path)), "small")
    torch.manual_seed(0)
    model = ModuleModel(CharNet(CharConfig(len(corpus.vocabulary), units=4)))
    bench = Bench(model, corpus, [0, 1], {})
    values = torch.tensor([0.9, -0.8, 0.7, -0.6])
    costs = damage_along(torch.tensor([2, 0, 3]), [1, 2], "rnn.0.hidden", values, bench)
    both = Edit("rnn.0.hidden", (2, 0), (float(values[2]), float(values[0])))
    assert costs[1] == bench.damage([both]).overall.mean
    assert costs[0] != costs[1]
