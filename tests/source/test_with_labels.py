"""Labels of one's own over text and series, and over a recording."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from unitscope.analyses.association import Association
from unitscope.cli.app import app
from unitscope.corpus.open import open_corpus
from unitscope.corpus.stimuli import stimuli
from unitscope.errors import InputError
from unitscope.exchange import from_arrays
from unitscope.fold.analyze import analyze
from unitscope.models.module import ModuleModel
from unitscope.networks.char import CharConfig, CharNet
from unitscope.recording.record import record
from unitscope.recording.recording import Recording
from unitscope.source.live import Live
from unitscope.source.recipe import open_source
from unitscope.source.with_labels import with_labels
from unitscope.source.without_text import without_text

FLAT = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)


def test_over_a_text_and_its_recording(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two three four")
    corpus = open_corpus(tmp_path / "a.txt", length=6, context=2)
    live = Live(ModuleModel(CharNet(CharConfig(len(corpus.vocabulary), units=3))), corpus)
    stress = np.arange(18.0)
    source = with_labels(
        live, {"stress": stress, "speaker": ["a", "b", ""], "vowel": lambda t: np.isin(t, list("aeiou"))}
    )
    assert source.annotations == ("stress", "speaker=a", "speaker=b", "vowel")
    assert source.labels("stress", 1).tolist() == stress[6:12].tolist()
    assert source.labels("vowel", 0).tolist() == [1, 0, 1, 0, 0, 0]
    assert source.labels("speaker=a", 2).isnan().all()
    assert source.labels("digit", 0).tolist() == [0] * 6  # what can be asked of the text still can
    kept = record(source, tmp_path / "run")
    assert kept.labels("stress", 2).tolist() == stress[12:].tolist()
    later = with_labels(kept, {"later": [1, 2, 3]})
    for told in (later, without_text(later, tokens=False, labels=["digit"])):
        again = open_source(json.loads(json.dumps(told.recipe())))
        assert (again.fingerprint, again.annotations) == (told.fingerprint, told.annotations)
        assert torch.equal(again.labels("later", 1), later.labels("later", 1))
    assert later.labels("later", 1).tolist() == [2] * 6
    assert later.fingerprint not in (kept.fingerprint, with_labels(kept, {"later": [1, 2, 4]}).fingerprint)
    found = analyze(later, [Association(of=("stress", "later"))])
    assert len(found.sites()) == len(kept.sites)


def test_a_table_of_labels_by_the_command(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two three four. " * 2)
    (tmp_path / "own.csv").write_text("mood,level\nglad,1\n,2\nsad,3\n")
    command = ["record", "stdlib-lstm256", str(tmp_path / "a.txt"), "--out", str(tmp_path / "run"), "--length", "15"]
    done = CliRunner().invoke(app, [*command, "--sites", "*.0.hidden", "--labels", str(tmp_path / "own.csv")])
    assert done.exit_code == 0, (done.output, done.exception)
    kept = Recording.open(tmp_path / "run")
    assert kept.annotations == ("mood=glad", "mood=sad", "level")
    assert [float(kept.labels("level", n)[0]) for n in range(3)] == [1, 2, 3]
    assert kept.labels("mood=sad", 1).isnan().all()


def test_functions_of_frames() -> None:
    frames = [np.array([[1.0, -1.0], [-2.0, 3.0]]), np.array([[5.0, 0.0]])]
    source = Live(ModuleModel(nn.GRU(2, 3, batch_first=True), channels=2), stimuli(frames))
    said = with_labels(source, {"loud": lambda x: x[:, 0] > 0})
    assert [said.labels("loud", n).tolist() for n in (0, 1)] == [[1, 0], [1]]


def test_what_does_not_fit() -> None:
    source = from_arrays(FLAT, lengths=[4, 5], labels={"a": [1, 2]})
    with pytest.raises(InputError, match="has a label 'a' already"):
        with_labels(source, {"a": [1, 2]})
    with pytest.raises(InputError, match=r"the label b has the shape \[3\]"):
        with_labels(source, {"b": [1, 2, 3]})
    with pytest.raises(InputError, match=r"the function of c gave \[2\] values for a sequence of 4 steps"):
        with_labels(source, {"c": lambda tokens: tokens[:2]})
