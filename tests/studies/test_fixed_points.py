import pytest

from unitscope.errors import InputError
from unitscope.studies import Here, Options, runner
from unitscope.studies.library import fixed_points


def test_from_task_to_page(tmp_path, monkeypatch):
    monkeypatch.setattr(fixed_points, "CELLS", ("lstm",))
    done = runner.do("fixed-points", Options(quick=True), tmp_path)
    assert {one.claim.id for one in done.claims} >= {"stable-lstm", "memories-lstm", "kept-lstm"}
    assert all(one.verdict == "not decided" for one in done.claims)  # of one network nothing follows
    assert len(done.outcomes.found[0]["exponents"]) == 32
    assert (tmp_path / "index.html").exists()


def test_a_trained_network_has_a_stable_point_for_each_memory(tmp_path):
    (run,) = [run for run in fixed_points.runs(Options(seeds=1)) if run.settings["cell"] == "gru"]
    memory = fixed_points.remember(run.settings, Here(tmp_path, tmp_path))
    assert sorted(memory["memories"]) == sorted({*memory["memories"]})
    assert memory["stable"] == 8
    assert memory["largest q"] < 1e-10
    assert memory["kept"] > 0.95
    assert memory["stable before training"] < 8


def test_no_networks():
    with pytest.raises(InputError, match="at least one"):
        fixed_points.runs(Options(seeds=0))
