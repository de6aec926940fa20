"""Banks and questions from the command line, as a user types them."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from treebanks import CONLLU, written
from typer.testing import CliRunner, Result

from unitscope.asking.measures import MEASURES
from unitscope.banks.bank import Bank
from unitscope.cli.app import app
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
    folder = tmp_path_factory.mktemp("asked")
    vocabulary = Vocabulary.of(chr(i) for i in range(256))
    config = CharConfig(len(vocabulary), units=4)
    for name in ("net", "other"):
        torch.manual_seed(len(name))
        card = Card("char", config, vocabulary.symbols, unit="bytes", split=Split())
        save(folder / name, CharNet(config), card)
    others = [("I", "PRON", "go", "VERB"), ("coin", "NOUN", "I", "PRON"), ("go", "VERB", "coin", "NOUN")]
    lines = []
    for i in range(90):
        first, its, second, own = others[i % 3]
        rest = "_\t_\t0\troot\t_\t_\n"
        lines.append(f"# newdoc id = {i}\n# sent_id = {i}\n# text = {first} {second} {i}\n")
        lines += [f"{k}\t{w}\t{w}\t{t}\t{rest}" for k, w, t in ((1, first, its), (2, second, own), (3, i, "NUM"))]
        lines.append("\n")
    written(folder, CONLLU + "\n" + "".join(lines))
    return folder


def test_a_bank_is_made_and_asked_of_several_networks_by_measures_of_every_kind(folder: Path) -> None:
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
        "--min-count",
        "9",
    )
    assert made.exit_code == 0, made.output
    assert "92 sentences" in " ".join(made.stdout.split())
    assert "do n't" not in Bank.load(folder / "bank").texts
    asked = [f"bank:{folder / 'bank'}", f"neighbours:{folder / 'bank'}", "column:upos=NOUN", "words:go,coin"]
    measures = ["iou-highest", "soft-wpmi", "degree", "simulation", "formula", "logistic"]
    done = run(
        "ask", folder / "net", folder / "other", "--over", folder / "small.conllu", "--units", "*.hidden/0,2",
        *(part for label in asked for part in ("--label", label)),
        *(part for name in measures for part in ("--measure", name)),
        "--having", "|correlation| > 0.01", "--form-length", "2", "--baselines", "0", "--no-controls", "--no-ablate",
        "--table", folder / "table.parquet",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    table = pd.read_parquet(folder / "table.parquet")
    assert set(table["unit"]) == {0, 2, -1}
    assert {"concept:go", "concept:NEIGHBORS(go)", "column:upos=NOUN", "words:go,coin"} <= set(table["label"])
    assert set(measures) <= set(table)
    assert table["model"].nunique() == 2
    assert "where chosen" in done.stdout


def test_the_listing_and_the_help_teach() -> None:
    listing = run("ask", "--list").stdout
    assert all(name in listing for name in MEASURES)
    assert "neighbours:" in listing
    text = " ".join(run("ask", "--help").stdout.replace("│", " ").split())
    assert "--label column:upos" in text
    assert "words:the,a,an" in text


def test_mistakes_say_what_to_do(folder: Path) -> None:
    over = ["--over", folder / "small.conllu"]
    for arguments, message in (
        (["ask", folder / "net", "--label", "digit"], "say by --over what"),
        (["ask", folder / "net", *over, "--label", "digit", "--measure", "soft-wpmi"], "ask two flags or more"),
        (["ask", folder / "net", *over, "--label", "digit", "--having", "auc > 1"], "did you mean auroc"),
        (["data", "bank", folder / "small.conllu", "--phrases", "benepar:benepar_en3"], "pip install benepar"),
    ):
        error = run(*arguments).exception
        assert isinstance(error, InputError)
        assert message in str(error)
