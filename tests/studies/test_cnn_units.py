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
from unitscope.studies import runner
from unitscope.studies.library.cnn_units import Asked
from unitscope.studies.library.cnn_units.emergence import placed
from unitscope.studies.library.cnn_units.examine import SCORES, Read, banks, side, told
from unitscope.studies.library.cnn_units.tasks import made_up, tasks


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, runner.Done]:
    out = tmp_path_factory.mktemp("study")
    return out, runner.do("cnn-units", Asked(quick=True), out)


def test_every_score_stands_beside_its_controls(done: tuple[Path, runner.Done]) -> None:
    out, found = done
    assert [one.name.removeprefix("made-up questions ") for one in found.outcomes] == [
        "vdcnn 0", "vdcnn 0 untrained 0", "lstm 0", "lstm 0 untrained 0",
    ]  # fmt: skip
    for one in found.outcomes:
        assert set(one["up"]["scores"]) == set(SCORES)
        assert abs(one["up"]["scores"]["AUROC shuffled"][-1] - 0.5) < 0.15
        assert one["up"]["scores"]["replicate"][-1] > one["up"]["scores"]["random"][-1]
        down = one["down"]["scores"]["replicate"]
        assert len(down) == len(one["layers"])  # none of these networks is rectified at its outputs
        assert down[-1] > one["down"]["scores"]["random"][-1]
        assert down != one["up"]["scores"]["replicate"]
        assert one["aligned"]["1 concepts"] > one["aligned"]["10 concepts"]
    values = {one.claim.id: one.value for one in found.claims}
    scores = [found.outcomes.where(net="vdcnn 0").all("up/scores/AUROC held out")[k][-1] for k in (0, 1)]
    assert values["held-out-made-up questions"].mean == pytest.approx(scores[0] - scores[1])
    assert values["padding-made-up questions"].mean < 1e-3
    assert "below naive Bayes" in values["depth-made-up questions"].why_not
    assert (out / "index.html").stat().st_size > 100_000
    rows = json.loads((out / "results.json").read_text())["tables"]["Networks"]["Mean scores of the last layer"]
    assert len(rows) == 4


def test_networks_that_were_trained_before_are_read_and_those_of_other_texts_passed_over(
    done: tuple[Path, runner.Done], tmp_path: Path
) -> None:
    nets = done[0] / "nets"
    study = runner.load_study("cnn-units")
    again = study.runs(Asked(quick=True, nets=nets))
    assert [run.settings["kind"] for run in again] == ["lstm", "lstm", "vdcnn", "vdcnn"]
    _, card = load(next(nets.iterdir()))
    assert card.corpus_fingerprint != made_up(180, quick=True).fingerprint
    with pytest.raises(InputError, match="holds no network that was trained on this data"):
        study.runs(Asked(quick=True, nets=tmp_path))
    with pytest.raises(InputError, match="no task 'dbpedia' here"):
        study.runs(Asked(quick=True, only="dbpedia"))
    with pytest.raises(InputError, match="is no folder"):
        study.runs(Asked(quick=True, nets=tmp_path / "none"))
    with pytest.raises(InputError, match="neither TREC"):
        tasks(tmp_path, False)


def test_texts_of_the_encyclopedia_are_read_line_by_line(tmp_path: Path) -> None:
    folder = tmp_path / "dbpedia"
    folder.mkdir()
    (folder / "classes.txt").write_text("A B", encoding="utf-8")
    lines = [f"{number % 2},a text\u2028with {number}, and a comma" for number in range(2400)]
    (folder / "dbpedia14.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    task = tasks(tmp_path, False)[0]
    assert task.name == "encyclopedia" and len(task.learnt.test) == 2000
    right = task.learnt.right_of_bayes()
    assert right.mean() == task.learnt.baselines()["naive bayes"]
    (folder / "dbpedia14.csv").write_text("2,of no class\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 1 holds no number of a class"):
        tasks(tmp_path, False)


def test_a_unit_that_tells_a_form_is_chosen_on_some_texts_and_judged_on_others() -> None:
    words = ["in 1999 it rained", "it rained"] * 40
    draw = np.random.default_rng(0)
    x = draw.normal(size=(80, 3))
    x[::2, 1] -= 5  # the unit is low where there is a number
    y = draw.normal(size=(80, 3))
    y[::2, 1] -= 5
    found = told(x, words, y, words)
    assert found["numbers"] > 0.99 and found["times"] > 0.99 and "questions" not in found
    assert told(x, words, draw.normal(size=(80, 3)), words)["numbers"] < 0.8


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
    assert list(remake([3, 0], ["why ?", "who ?"]).texts) == ["why ?", "who ?"]
    folder = tmp_path / "multi30k"
    folder.mkdir()
    for part, count in (("train", 200), ("val", 30), ("test_2016_flickr", 30)):
        for language, dog in (("en", "the dog"), ("de", "der Hund")):
            numbers = range(1000 * len(part), 1000 * len(part) + count)
            text = "".join(f"{dog} {number} !\n" for number in numbers)
            (folder / f"{part}.{language}").write_text(text)
    translation = tasks(tmp_path, False)[0]
    sentences, remake = translation.scored()
    seen = {sentence.text for sentence in translation.sentences}
    assert sentences and not seen & {sentence.text for sentence in sentences}
    number = sentences[1].text.split()[2]
    assert remake([1], ["no dog"]).pairs == [("no dog", f"der Hund {number} !")]
    # A concept keeps its number where it stands in other sentences.
    bank, _ = banks(translation, translation.finders(), range(5))
    other = placed(bank, make_bank(sentences, [words]))
    assert other.texts == bank.texts and other.sentence_count == len(sentences)
    assert other.table["sentences"][bank.find("dog")] == len(sentences)
