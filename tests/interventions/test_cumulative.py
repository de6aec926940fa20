import numpy as np
import pytest

from unitscope.corpus.open import open_corpus
from unitscope.errors import InputError
from unitscope.interventions.ablated import Ablated
from unitscope.interventions.ablation import Bench
from unitscope.interventions.cumulative import FILE, Cumulative, cumulative, damage_of_sets, load_curves, save_curves
from unitscope.models.edit import Edit
from unitscope.models.module import ModuleModel
from unitscope.networks.char import CharConfig, CharNet

SITE = "rnn.0.hidden"


@pytest.fixture
def source(tmp_path):
    (tmp_path / "a.txt").write_text("abcab cabba\n" * 20)
    corpus = open_corpus(tmp_path / "a.txt", length=20, context=0)
    return Ablated(
        ModuleModel(CharNet(CharConfig(len(corpus.vocabulary), "gru", 1, 6))), corpus, SITE, values=[0.0] * 6
    )


def test_sets_of_units_are_ablated_together(source):
    found = damage_of_sets(source, [[], [2], [5, 0, 3]])
    bench = Bench(source.model, source.corpus, range(len(source.corpus)), {})
    for units, damage in zip([(2,), (5, 0, 3)], found[1:], strict=True):
        expected = bench.damage([Edit(SITE, units, (0.0,) * len(units))]).overall.mean
        assert damage == pytest.approx(expected, abs=1e-6)
    assert found[0] == 0


def test_all_orders_end_alike(source):
    curve = cumulative(source, [3, 1, 5, 0, 2, 4], repeats=3)
    assert curve.counts == [0, 1, 2, 3, 4, 5, 6]
    assert (curve.random[:, 0] == 0).all()
    np.testing.assert_allclose(curve.random[:, -1], curve.ranked[-1], atol=1e-6)
    assert curve.ranked[2] == pytest.approx(damage_of_sets(source, [[3, 1]])[0])
    assert [len(series.y) for series in curve.view().series] == [7, 7]


def test_area_is_the_mean_height():
    curve = Cumulative(SITE, "loss", [0, 2, 4], np.array([0.0, 1.0, 1.0]), np.array([[0.0, 0.0, 1.0]]))
    assert curve.area == pytest.approx(0.75)
    assert curve.random_area == pytest.approx(0.25)
    assert curve.p == pytest.approx(0.5)


def test_curves_are_kept(tmp_path, source):
    assert load_curves(tmp_path) == []
    curve = cumulative(source, range(6), repeats=2)
    save_curves([curve], tmp_path)
    (again,) = load_curves(tmp_path)
    assert again.view() == curve.view()
    (tmp_path / FILE).write_text("{}")
    with pytest.raises(InputError, match=r"curves\.json .*; run unitscope ablate again"):
        load_curves(tmp_path)


def test_an_order_names_each_unit_once(source):
    with pytest.raises(InputError, match="each of its 6 units once"):
        cumulative(source, [0, 1, 2])
    with pytest.raises(InputError, match="between 0 and 6"):
        cumulative(source, range(6), counts=[7])
