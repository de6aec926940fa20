import json
from pathlib import Path

import pytest
import torch
from treebanks import CONLLU, written
from typer.testing import CliRunner
from warm import unitscope

from unitscope.cli.app import app
from unitscope.corpus.splits import Split
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.networks.card import Card, save
from unitscope.networks.char import CharConfig, CharNet
from unitscope.probing.table import ProbeTable


def network(folder: Path) -> Path:
    torch.manual_seed(0)
    vocabulary = Vocabulary.of(chr(i) for i in range(256))
    config = CharConfig(len(vocabulary), units=5)
    save(folder, CharNet(config), Card("char", config, vocabulary.symbols, unit="bytes", split=Split()))
    return folder


def test_table_numbers_and_page(tmp_path: Path) -> None:
    bank = written(tmp_path, "".join(CONLLU.replace("letters", f"letters {i}") + "\n" for i in range(30)))
    out = tmp_path / "probes"
    arguments = ["probe", str(network(tmp_path / "net")), str(bank), "--sites", "*.hidden", "--out", str(out)]
    done = unitscope(*arguments, "--label", "upos", "--label", "deprel")
    assert done.returncode == 0, done.stderr
    assert "rnn.0.hidden" in done.stdout
    table = ProbeTable.load(out)
    assert [(row.site, row.label) for row in table.rows] == [("rnn.0.hidden", "upos"), ("rnn.0.hidden", "deprel")]
    assert all(row.accuracy == row.accuracy and row.twin_accuracy == row.twin_accuracy for row in table.rows)
    assert "What net knows" in (out / "probing.html").read_text(encoding="utf-8")


def test_probes_of_a_recording_are_in_its_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    bank = written(tmp_path, "".join(CONLLU.replace("letters", f"letters {i}") + "\n" for i in range(30)))
    net, run = str(network(tmp_path / "net")), str(tmp_path / "run")
    command = CliRunner().invoke

    def done(*arguments: str) -> str:
        outcome = command(app, arguments)
        assert outcome.exit_code == 0, outcome.output
        return outcome.output

    done("record", net, str(bank), "--out", run, "--sites", "*.hidden", "--length", "64")
    done("analyze", run, "moments")
    done("probe", run, "--no-codelength", "--pool", "mean")
    done("probe", run, "--no-codelength", "--no-untrained", "--level", "edge", "--label", "deprel")
    table = ProbeTable.load(Path(run))
    assert [row.label for row in table.rows] == ["upos", "edge deprel"]
    assert [ranks.label for ranks in table.ranks] == ["upos"]
    done("report", run, "--out", str(tmp_path / "page.json"))
    page = json.loads((tmp_path / "page.json").read_text())
    (section,) = [section for section in page["sections"] if section["id"] == "probes"]
    assert section["views"][0]["view"] == "Table"
    assert "speaks for" in done("report", run, "--unit", "rnn.0.hidden/3")
    # Another treebank is told apart by its tokens.
    other = written(tmp_path, bank.read_text().replace("go", "do"), "other.conllu")
    outcome = command(app, ["probe", run, str(other)])
    assert outcome.exit_code
    assert "token 8 is 'g'" in str(outcome.exception)
    outcome = command(app, ["probe", run, "--task", "tense"])
    assert "a task makes sentences of its own" in str(outcome.exception)


def test_what_is_missing(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(app, ["probe", str(network(tmp_path / "net"))])
    assert "needs a treebank" in str(outcome.exception)
    bank = written(tmp_path)
    outcome = CliRunner().invoke(app, ["probe", str(tmp_path / "net"), str(bank), "--task", "mood"])
    assert "no task of whole sentences is called 'mood'; there are: sentence-length" in str(outcome.exception)
