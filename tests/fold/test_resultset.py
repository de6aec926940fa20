import json

import pytest
import torch
from planted import planted

from unitscope.analyses.gate_saturation import GateSaturation
from unitscope.analyses.histogram import Histogram
from unitscope.analyses.moments import Moments
from unitscope.errors import InputError
from unitscope.fold.analyze import analyze
from unitscope.fold.resultset import ResultSet
from unitscope.models.site import Site

GATE, CELL = Site("rnn.0.forget_gate", 3, 0.0, 1.0), Site("rnn.0.cell", 2)


@pytest.fixture
def results():
    source = planted({GATE: torch.rand(20, 3), CELL: torch.randn(20, 2)}, [10, 10])
    return analyze(source, [Moments(), GateSaturation()])


def test_results_are_found_by_site_and_analysis(results):
    assert results["rnn.0.cell", "moments"].site == "rnn.0.cell"
    assert results.sites() == ["rnn.0.forget_gate", "rnn.0.cell"]
    assert list(results.of("rnn.0.forget_gate")) == ["moments", "gate_saturation"]
    assert list(results.of("rnn.0.cell")) == ["moments"]
    assert len(list(results)) == 3


def test_a_result_that_is_not_there_is_named_with_those_that_are(results):
    with pytest.raises(InputError, match=r"no result of gate_saturation for rnn\.0\.cell; there are: .*cell moments"):
        results["rnn.0.cell", "gate_saturation"]
    with pytest.raises(InputError, match="there are: none"):
        ResultSet("empty")["a", "b"]


def test_the_table_of_all_units(results):
    table = results.to_pandas()
    assert len(table) == 5
    assert table.index.names == ["site", "unit"]
    assert table.loc[("rnn.0.cell", 1), "mean"] == results["rnn.0.cell", "moments"].mean[1]
    assert table["left saturated"].isna().tolist() == [False] * 3 + [True] * 2
    assert ResultSet("empty").to_pandas().empty


def test_two_sets_of_parameters_stand_side_by_side():
    source = planted({GATE: torch.rand(20, 3)}, [20])
    few = Histogram(bins=4)
    table = analyze(source, [Histogram(), few]).to_pandas()
    assert {"mode", f"mode ({few.key})"} <= set(table.columns)
    assert table.columns.is_unique


def test_a_folder_of_results(results, tmp_path):
    results.save(tmp_path / "results")
    assert (tmp_path / "results" / "moments" / "rnn.0.cell.json").exists()
    loaded = ResultSet.load(tmp_path / "results")
    assert loaded.fingerprint == results.fingerprint
    assert loaded.to_pandas().equals(results.to_pandas())


@pytest.mark.parametrize("index", ["", "[]", "{}", '{"fingerprint": "f", "results": [1]}', "\x00"])
def test_a_damaged_folder_is_named(tmp_path, index):
    (tmp_path / "index.json").write_text(index)
    with pytest.raises(InputError, match="holds no results"):
        ResultSet.load(tmp_path)


def test_a_folder_without_results_is_named(tmp_path):
    with pytest.raises(InputError, match="holds no results"):
        ResultSet.load(tmp_path)


def test_results_of_an_unknown_analysis_are_named(tmp_path):
    (tmp_path / "index.json").write_text(json.dumps({"fingerprint": "f", "results": [["cell", "astrology"]]}))
    with pytest.raises(InputError, match="'astrology', an analysis that this version does not know"):
        ResultSet.load(tmp_path)
