"""The study runs from end to end on made-up questions, and reads networks that were trained before."""

import json
from pathlib import Path

import numpy as np
import pytest

from unitscope.errors import InputError
from unitscope.models.networks.text_files import load
from unitscope.studies.cnn_units import run
from unitscope.studies.cnn_units.examine import SCORES, banks
from unitscope.studies.cnn_units.results import difference
from unitscope.studies.cnn_units.tasks import made_up, tasks


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    run(out, lambda stage, done, total: None, quick=True)
    return out


def test_results_hold_every_score_with_its_controls(done: Path) -> None:
    results = json.loads((done / "results.json").read_text())
    checks = {check["id"].split("-")[0] for check in results["checks"]}
    assert checks == {"A1", "A2", "A3", "A4", "A5", "A6", "A7", "A10", "A12"}
    for network in results["figures"]["networks"].values():
        assert set(network["trained"]["scores"]) == set(network["untrained"]["scores"]) == set(SCORES)
        assert network["probe"]["padding"] < 1e-3
        assert abs(network["trained"]["scores"]["AUROC shuffled"][-1] - 0.5) < 0.15
        assert network["trained"]["scores"]["replicate"][-1] > network["trained"]["scores"]["random"][-1]
    page = (done / "index.html").read_text()
    assert "What units stand for" in page and len(page) > 100_000


def test_a_second_run_reads_what_the_first_found(done: Path) -> None:
    before = json.loads((done / "results.json").read_text())
    kept = {path: path.stat().st_mtime_ns for path in (done / "examined").rglob("*.json")}
    run(done, lambda stage, done, total: None, nets=done / "nets", quick=True)
    after = json.loads((done / "results.json").read_text())
    assert kept == {path: path.stat().st_mtime_ns for path in kept}
    for name, network in before["figures"]["networks"].items():
        assert after["figures"]["networks"][name]["trained"] == network["trained"]


def test_networks_of_other_texts_are_passed_over(done: Path, tmp_path: Path) -> None:
    task = made_up(180, quick=True)
    _, card = load(next((done / "nets").iterdir()))
    assert card.corpus_fingerprint != task.fingerprint
    with pytest.raises(InputError, match="holds no network that was trained on this data"):
        run(tmp_path, lambda stage, done, total: None, nets=tmp_path, quick=True)
    with pytest.raises(InputError, match="is no folder"):
        run(tmp_path, lambda stage, done, total: None, nets=tmp_path / "none", quick=True)
    with pytest.raises(InputError, match="neither TREC"):
        tasks(tmp_path, None, False)


def test_held_out_sentences_are_not_those_of_training() -> None:
    task = made_up(300)
    seen = {sentence.text for sentence in task.sentences}
    assert not seen & {sentence.text for sentence in task.held}
    bank, held = banks(task, task.finders(), range(20))
    assert bank.texts == held.texts
    assert bank.sentence_count == len(task.sentences)
    for concept in (0, 5, 17):
        inside = [s for s in task.held if f" {bank.texts[concept]} " in f" {s.text} "]
        if bank.table["kind"][concept] != "morpheme":
            assert held.table["sentences"][concept] == len(inside)


def test_difference_of_means_has_an_interval() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(1, 1, 300), random.normal(0, 1, 300)
    change, low, high = difference(a, np.append(b, np.nan))
    assert change == pytest.approx(a.mean() - b.mean())
    assert low < change < high and low > 0
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(2 / 300), rel=0.1)
