"""Banks and questions from the command line, as a user types them."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from treebanks import CONLLU, written
from typer.testing import CliRunner, Result

from unitscope.banks.bank import Bank
from unitscope.cli.app import app
from unitscope.concepts.catalogue import CATALOGUE
from unitscope.corpus.splits import Split
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.networks.card import Card, save
from unitscope.networks.char import CharConfig, CharNet


def run(*arguments: str | Path) -> Result:
    # In this process: starting another costs more than the command.
    return CliRunner(env={"COLUMNS": "160"}).invoke(app, ["--threads", "1", *map(str, arguments)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("inspect")
    torch.manual_seed(0)
    vocabulary = Vocabulary.of(chr(i) for i in range(256))
    config = CharConfig(len(vocabulary), units=4)
    save(
        folder / "net",
        CharNet(config),
        Card("char", config, vocabulary.symbols, unit="bytes", split=Split()),
    )
    written(folder, "".join(CONLLU.replace("letters", f"letters {i}") + "\n" for i in range(20)))
    return folder


def test_a_bank_is_made_and_asked(folder: Path) -> None:
    made = run(
        "data",
        "bank",
        folder / "small.conllu",
        "--out",
        folder / "bank",
        "--phrases",
        "ngrams",
        "--longest-phrase",
        "2",
    )
    assert made.exit_code == 0, made.output
    assert "40 sentences" in " ".join(made.stdout.split())
    assert "do n't" not in Bank.load(folder / "bank").texts
    asked = ["--ask", f"bank:{folder / 'bank'}", "--ask", "column:upos=NOUN", "--ask", "words:go,coin"]
    done = run(
        "inspect", folder / "net", "--over", folder / "small.conllu", *asked,
        "--units", "*.hidden/0,2", "--measure", "correlation", "--measure", "iou", "--out", folder / "table.parquet",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    table = pd.read_parquet(folder / "table.parquet")
    assert set(table["unit"]) == {0, 2}
    assert {"concept:go", "column:upos=NOUN", "words:go,coin"} <= set(table["hypothesis"])
    assert "column:upos=NOUN" in done.stdout


def test_the_listing_and_the_help_teach() -> None:
    listing = run("inspect", "--list").stdout
    assert all(name in listing for name in CATALOGUE)
    text = " ".join(run("inspect", "--help").stdout.replace("│", " ").split())
    assert "--ask column:upos" in text
    assert "words:the,a,an" in text


def test_mistakes_say_what_to_do(folder: Path) -> None:
    for arguments, message in (
        (["inspect", folder / "net", "--ask", "digit"], "say by --over what"),
        (["data", "bank", folder / "small.conllu", "--phrases", "benepar:benepar_en3"], "pip install benepar"),
    ):
        error = run(*arguments).exception
        assert isinstance(error, InputError)
        assert message in str(error)


def test_formulas_labels_and_simulations_are_asked_like_any_other_measure(folder: Path) -> None:
    run("data", "bank", folder / "small.conllu", "--out", folder / "words", "--phrases", "none")
    asked = ["--ask", "column:upos", "--ask", f"neighbours:{folder / 'words'}", "--length", "2"]
    kept = ("formula", "soft-wpmi", "simulation")
    done = run(
        "inspect", folder / "net", "--over", folder / "small.conllu", *asked, "--units", "*.hidden/0,2",
        *(part for name in kept for part in ("--measure", name)), "--out", folder / "kept.csv",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    table = pd.read_csv(folder / "kept.csv")
    assert set(table["measure"]) == {*kept, "formula-chosen"}
    assert "concept:NEIGHBORS(go)" in set(table["hypothesis"])
    assert "where chosen" in done.stdout
    error = run(
        "inspect", folder / "net", "--over", folder / "small.conllu", "--ask", "digit", "--measure", "soft-wpmi"
    )
    assert "ask two flags or more" in str(error.exception)
