import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from unitscope.errors import InputError
from unitscope.studies import response_characterization as study
from unitscope.studies.response_characterization import networks
from unitscope.studies.response_characterization.tasks import proteins, tasks


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
    checks = study.run(tmp_path / "out", lambda *_: None, data=tmp_path, seeds=1, quick=True)
    ids = {check.id for check in checks}
    assert {"ranking-CO2", "capacity-amplitude", "capacity-relation", "frequency"} <= ids
    content = json.loads((tmp_path / "out" / "results.json").read_text())
    assert content["figures"].keys() == {"digits, 8 steps, 32 units", *(f"CO2, {n} units" for n in (32, 64))}
    spearman = content["figures"]["CO2, 32 units"]["spearman"]
    assert {"amplitude × readout", "std × readout", "gradient × activation", "random"} <= spearman.keys()
    assert (tmp_path / "out" / "index.html").exists()
    # What was done is not done again.
    monkeypatch.setattr(networks, "characterize", None)
    again = study.run(tmp_path / "out", lambda *_: None, data=tmp_path, seeds=1, quick=True)
    assert [check.value for check in again] == [check.value for check in checks]


def test_residues_become_channels():
    corpus = proteins(pd.DataFrame({"seq": ["AC", "CCA"], "dssp3": ["HE", "CCH"]}))
    assert corpus.channels == ("A", "C")
    assert corpus.batch([0]).tokens[0].tolist() == [[1, 0], [0, 1]]
    assert [corpus.classes[t] for t in corpus.batch([1]).targets[0].tolist()] == ["C", "C", "H"]


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        tasks(tmp_path / "nowhere")
