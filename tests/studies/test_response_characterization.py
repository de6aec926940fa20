from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from unitscope.errors import InputError
from unitscope.studies import runner
from unitscope.studies.library import response_characterization as study
from unitscope.studies.library.response_characterization.tasks import proteins, tasks


def small(tmp_path):
    """A folder with short files, and its tasks at a size for tests."""
    rows = np.random.default_rng(0).integers(0, 17, (1500, 64))
    table = pd.DataFrame(rows).assign(digit=np.arange(1500) % 3)
    table.to_csv(tmp_path / "digits.csv.gz", header=False, index=False)
    season = 300 + np.arange(160) * 0.1 + np.sin(np.arange(160) * np.pi / 6)
    pd.DataFrame({"Date": "1960-01", "Average": season}).to_csv(tmp_path / "co2-mm-mlo.csv", index=False)
    made = tasks(tmp_path)
    return [
        replace(task, epochs=1, train=task.train.take(range(8)), test=task.test.take(range(6))) for task in made[1:]
    ]


def test_from_data_to_page(tmp_path, monkeypatch):
    found = small(tmp_path)
    assert [task.name for task in found] == ["digits, 8 steps", "CO2"]
    monkeypatch.setattr(study, "tasks", lambda data: found)
    options = study.Asked(quick=True, data=tmp_path)
    done = runner.do("response-characterization", options, tmp_path / "out")
    by = {one.claim.id: one for one in done.claims}
    assert {"ranking-CO2", "capacity-amplitude", "capacity-relation", "frequency"} <= by.keys()
    assert not any(name.endswith("S&P 500") for name in by)  # not asked
    unlearnt = by["ranking-digits, 8 steps"]  # random pixels
    assert unlearnt.verdict == "not decided"
    assert "no better than their baseline" in unlearnt.note
    assert len(done.outcomes.where(task="CO2", units=64)) == 1
    scores = done.outcomes.found[0]["scores"]
    assert {"amplitude × readout", "std × readout", "gradient × activation", "random"} <= scores.keys()
    assert (tmp_path / "out" / "index.html").exists()
    monkeypatch.setattr(study, "respond", None)  # what was done is not done again
    assert len(runner.do("response-characterization", options, tmp_path / "out").claims) == len(done.claims)


def test_residues_become_channels():
    corpus = proteins(pd.DataFrame({"seq": ["AC", "CCA"], "dssp3": ["HE", "CCH"]}))
    assert corpus.channels == ("A", "C")
    assert corpus.batch([0]).tokens[0].tolist() == [[1, 0], [0, 1]]
    assert [corpus.classes[t] for t in corpus.batch([1]).targets[0].tolist()] == ["C", "C", "H"]


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        tasks(tmp_path / "nowhere")
    with pytest.raises(InputError, match="at least one"):
        study.runs(study.Asked(seeds=0))
