"""Networks of texts from the command line: trained, listed, recorded, analysed."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from unitscope.cli.app import app

CLI = CliRunner()
COLOURS, ANIMALS = ["red", "green", "blue"], ["cat", "dog", "hen"]
TEXTS = [f"{kind} {n} the {word} {other} is here" for n in range(12) for kind, words in (("a", COLOURS), ("b", ANIMALS))
         for word in words for other in ("one", "two")]  # fmt: skip


def said(*words: str) -> str:
    result = CLI.invoke(app, list(words))
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texts")
    (folder / "train.txt").write_text("\n".join(TEXTS) + "\n")
    plain = [text[2:] for text in TEXTS]
    (folder / "some.txt").write_text("\n".join(plain[:6]) + "\n")
    (folder / "t.en").write_text("\n".join(plain) + "\n")
    (folder / "t.de").write_text("\n".join(text[::-1].replace("o", "&quot;") for text in plain) + "\n")
    return folder


def test_a_classifier_from_training_to_analyses(folder: Path) -> None:
    net, run = str(folder / "net"), str(folder / "run")
    told = said("train", "classifier", str(folder / "train.txt"), "--out", net, "--size", "tiny", "--epochs", "2")
    assert "naive Bayes on words" in told and "most frequent class" in told
    assert "stages.1.0.conv2.output" in said("info", net)
    assert "6 sequences" in said("record", net, str(folder / "some.txt"), "--out", run)
    assert "results for" in said("analyze", run)
    labelled = said("record", net, str(folder / "train.txt"), "--out", f"{run}2", "--sites", "output.loss")
    assert f"{len(TEXTS)} sequences" in labelled
    refused = CLI.invoke(app, ["record", net, str(folder / "some.txt"), "--out", f"{run}3", "--part", "test"])
    assert "lines of texts have no parts" in str(refused.exception)


def test_a_translator_and_its_encoder(folder: Path) -> None:
    net = str(folder / "translator")
    command = ["train", "translator", str(folder / "t.en"), str(folder / "t.de"), "--out", net, "--size", "tiny"]
    told = said(*command, "--epochs", "1", "--unescape", "--held-out", "0.1")
    assert "when another sentence is read" in told
    listed = said("info", net)
    assert "encoder.1.output" in listed and "decoder" not in listed
    assert "6 sequences" in said("record", net, str(folder / "some.txt"), "--out", str(folder / "encoded"))
