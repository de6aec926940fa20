"""The study runs from end to end on made-up questions, and reads networks that were trained before."""

import json
from pathlib import Path

import numpy as np
import pytest

from unitscope.banks.bank import make_bank
from unitscope.banks.candidates import words
from unitscope.banks.clusters import context_vectors
from unitscope.errors import InputError
from unitscope.networks.card import load
from unitscope.studies.cnn_units import run
from unitscope.studies.cnn_units.emergence import placed
from unitscope.studies.cnn_units.examine import SCORES, Read, banks, side
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
    assert checks == {"A1", "A2", "A3", "sides", "A4", "A5", "A6", "A7", "A10", "A12"}
    for network in results["figures"]["networks"].values():
        assert set(network["trained"]["scores"]) == set(network["untrained"]["scores"]) == set(SCORES)
        assert network["probe"]["padding"] < 1e-3
        assert abs(network["trained"]["scores"]["AUROC shuffled"][-1] - 0.5) < 0.15
        assert network["trained"]["scores"]["replicate"][-1] > network["trained"]["scores"]["random"][-1]
        down = network["trained"]["driven down"]
        assert down["sites"] == network["trained"]["sites"]  # none of these networks is rectified at its outputs
        assert down["scores"]["replicate"][-1] > down["scores"]["random"][-1]
        assert down["scores"]["replicate"] != network["trained"]["scores"]["replicate"]
    page = (done / "index.html").read_text()
    assert "What units stand for" in page and len(page) > 100_000


def test_a_second_run_reads_what_the_first_found(done: Path) -> None:
    before = json.loads((done / "results.json").read_text())
    kept = {path: path.stat().st_mtime_ns for path in (done / "examined").rglob("*.json")}
    run(done, lambda stage, done, total: None, nets=done / "nets", quick=True)
    after = json.loads((done / "results.json").read_text())
    assert kept == {path: path.stat().st_mtime_ns for path in kept}
    for name, network in before["figures"]["networks"].items():
        assert after["figures"]["networks"][name] == network


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


def test_what_drives_a_unit_down_is_what_drives_its_negative_up_and_rectified_units_have_none() -> None:
    task = made_up(120, quick=True)
    passages = [sentence.text for sentence in task.sentences]
    bank, held = banks(task, task.finders(), range(len(passages)))
    draw = np.random.default_rng(0)
    counts = (len(passages), len(task.held), len(bank), len(bank))
    parts = [draw.normal(size=(count, 4)).astype(np.float32) for count in counts]
    often = np.flatnonzero(bank.table["sentences"] >= 5)

    def read(change) -> Read:
        return Read(*({"a": change(x)} for x in parts), bank, held, often, context_vectors(bank))

    down, up = side(read(lambda x: x), ["a"], -1, 0), side(read(lambda x: -x), ["a"], 1, 0)
    np.testing.assert_array_equal(down.layers[0].alignment.concepts, up.layers[0].alignment.concepts)
    np.testing.assert_array_equal(down.layers[0].alignment.degree, -up.layers[0].alignment.degree)
    scores = list(SCORES)
    np.testing.assert_allclose(down.units[scores].to_numpy(float), up.units[scores].to_numpy(float), atol=1e-5)
    rectified = side(read(lambda x: np.maximum(x, 0)), ["a"], -1, 0)
    assert rectified.layers == [] and rectified.units.empty


def test_what_the_loss_becomes_is_known_of_held_out_sentences(tmp_path: Path) -> None:
    task = made_up(120, quick=True)
    sentences, remake = task.scored()
    assert sentences is task.held
    assert remake([3, 0], ["why ?", "who ?"]).texts == ("why ?", "who ?")
    folder = tmp_path / "en-de"
    folder.mkdir()
    for language, dog in (("en", "the dog"), ("de", "der Hund")):
        (folder / f"train.{language}").write_text("".join(f"{dog} {number} !\n" for number in range(200)))
    translation = tasks(tmp_path, None, False)[0]
    sentences, remake = translation.scored()
    seen = {sentence.text for sentence in translation.sentences}
    assert sentences and not seen & {sentence.text for sentence in sentences}
    number = sentences[1].text.split()[2]
    assert remake([1], ["no dog"]).pairs == (("no dog", f"der Hund {number} !"),)
    # A concept keeps its number where it stands in other sentences.
    bank, _ = banks(translation, translation.finders(), range(5))
    other = placed(bank, make_bank(sentences, [words]))
    assert other.texts == bank.texts and other.sentence_count == len(sentences)
    assert other.table["sentences"][bank.find("dog")] == len(sentences)


def test_difference_of_means_has_an_interval() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(1, 1, 300), random.normal(0, 1, 300)
    change, low, high = difference(a, np.append(b, np.nan))
    assert change == pytest.approx(a.mean() - b.mean())
    assert low < change < high and low > 0
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(2 / 300), rel=0.1)
