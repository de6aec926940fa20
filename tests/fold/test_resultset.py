from dataclasses import replace

import pytest
import torch
from planted import planted

from unitscope.analyses.gate_saturation import GateSaturation
from unitscope.analyses.histogram import Histogram
from unitscope.analyses.moments import Moments
from unitscope.errors import InputError
from unitscope.files.arrays import write_arrays
from unitscope.files.damage import DamageWarning
from unitscope.files.jsons import read_json, write_json
from unitscope.fold.analyze import analyze
from unitscope.fold.resultset import Index, ResultSet
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
    assert (tmp_path / "results" / "moments" / "rnn.0.cell.safetensors").exists()
    loaded = ResultSet.load(tmp_path / "results")
    assert loaded.fingerprint == results.fingerprint
    assert loaded.to_pandas().equals(results.to_pandas())


def test_sites_and_analyses_whose_names_are_no_file_names(results, tmp_path):
    names = ["../outside", "/etc/passwd", "..", "x" * 300]
    moments = results["rnn.0.cell", "moments"]
    odd = ResultSet("f", {(name, "moments"): replace(moments, site=name) for name in names})
    odd.save(tmp_path / "run" / "results")
    assert ResultSet.load(tmp_path / "run" / "results").sites() == names
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("index", ["", "[]", "{}", '{"fingerprint": "f", "results": [1]}', "\x00"])
def test_a_damaged_folder_is_named(tmp_path, index):
    (tmp_path / "index.json").write_text(index)
    with pytest.raises(InputError, match=r"index\.json is damaged"):
        ResultSet.load(tmp_path)


def test_a_folder_without_results_is_named(tmp_path):
    with pytest.raises(InputError, match=r"index\.json cannot be read: No such file"):
        ResultSet.load(tmp_path)


def test_results_of_an_unknown_analysis_are_named_and_kept(results, tmp_path):
    write_json(tmp_path / "index.json", Index(results.fingerprint, (("cell", "astrology"),)))
    (tmp_path / "astrology").mkdir()
    write_arrays(tmp_path / "astrology" / "cell.safetensors", {})
    with pytest.raises(InputError, match="'astrology', an analysis that is not here"):
        ResultSet.load(tmp_path)
    results.merge_into(tmp_path)
    assert ("cell", "astrology") in read_json(tmp_path / "index.json", Index, "").results


def test_results_that_were_exchanged_are_found(results, tmp_path):
    results.save(tmp_path)
    one, other = (tmp_path / "moments" / f"rnn.0.{name}.safetensors" for name in ("cell", "forget_gate"))
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    with pytest.raises(InputError, match=r"it is of rnn\.0\.cell"):
        ResultSet.load(tmp_path)


def only(results, *names):
    return ResultSet(results.fingerprint, {key: value for key, value in results.entries.items() if key[1] in names})


def test_new_results_stand_beside_the_old_ones_of_the_same_source(results, tmp_path):
    only(results, "moments").merge_into(tmp_path)
    only(results, "gate_saturation").merge_into(tmp_path)
    assert ResultSet.load(tmp_path).entries.keys() == results.entries.keys()
    other = ResultSet("another", only(results, "moments").entries)
    other.merge_into(tmp_path)
    assert ResultSet.load(tmp_path).fingerprint == "another"
    assert not (tmp_path / "gate_saturation").exists(), "what is of another source is gone"


@pytest.mark.parametrize("name", ["index.json", "moments/rnn.0.cell.safetensors"])
def test_what_cannot_be_read_is_named_set_aside_and_made_again(results, tmp_path, name):
    results.save(tmp_path)
    (tmp_path / name).write_bytes(b"")
    with pytest.warns(DamageWarning, match=f"{name} is damaged .*set aside"):
        only(results, "gate_saturation").merge_into(tmp_path)
    assert (tmp_path / f"{name}.damaged").exists()
    assert ("rnn.0.cell", "moments") not in ResultSet.load(tmp_path).entries
    results.merge_into(tmp_path)
    again = ResultSet.load(tmp_path).to_pandas()
    assert again.equals(results.to_pandas().loc[again.index, again.columns])


def test_what_a_killed_run_left_is_cleaned(results, tmp_path):
    (tmp_path / "moments").mkdir()
    (tmp_path / "moments" / ".rnn.0.cell.safetensors.012345678901.partial").write_text("half")
    write_arrays(tmp_path / "moments" / "never.listed.safetensors", {})
    results.merge_into(tmp_path)
    assert sorted(path.name for path in (tmp_path / "moments").iterdir()) == [
        "rnn.0.cell.safetensors",
        "rnn.0.forget_gate.safetensors",
    ]
