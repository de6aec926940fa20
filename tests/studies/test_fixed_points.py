import json

import pytest

from unitscope.errors import InputError
from unitscope.studies import fixed_points


def test_from_task_to_page(tmp_path, monkeypatch):
    monkeypatch.setattr(fixed_points, "CELLS", ("lstm",))
    checks = fixed_points.run(tmp_path, lambda *_: None, quick=True)
    assert [check.id for check in checks] == ["stable-lstm", "memories-lstm", "kept-lstm"]
    figures = json.loads((tmp_path / "results.json").read_text())["figures"]
    assert len(figures["lstm, seed 0"]["lyapunov exponents"]) == 32
    assert (tmp_path / "index.html").exists()


def test_a_trained_network_has_a_stable_point_for_each_memory():
    memory = fixed_points.remember("gru", 0, epochs=20)
    assert sorted(memory.said) == sorted({*memory.said})
    assert memory.points.stable.sum() == 8
    assert (memory.points.q < 1e-10).all()
    assert memory.kept > 0.95
    assert memory.untrained < 8


def test_no_networks(tmp_path):
    with pytest.raises(InputError, match="at least one"):
        fixed_points.run(tmp_path, lambda *_: None, seeds=0)
