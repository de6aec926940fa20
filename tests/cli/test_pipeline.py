"""The commands as a user types them, on a network whose units are known."""

import json
import shutil
import sys
from dataclasses import replace

import pandas as pd
import pytest
import torch
import wired
from safetensors.torch import save_file

from unitscope.asking import Answer
from unitscope.cli.main import run
from unitscope.corpus.splits import Split
from unitscope.files.jsons import write_json
from unitscope.networks.card import Card, save
from unitscope.opening.inputs import Inputs
from unitscope.recording.known import remember


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A trained network, its text, and all that the commands make of them."""
    folder = tmp_path_factory.mktemp("pipeline")
    text = wired.corpus(folder, lines=400, length=128)
    net = wired.wired().module
    card = Card(
        "char", net.config, wired.VOCABULARY.symbols, unit="bytes", split=Split(), corpus="wired.txt",
        corpus_fingerprint=text.documents.fingerprint,
    )  # fmt: skip
    save(folder / "net", net, card)
    small = ["--length", "128", "--context", "32"]
    assert unitscope("record", folder / "net", folder / "wired.txt", "--out", folder / "run", "--part", "all", *small)
    assert unitscope("analyze", folder / "run")
    assert unitscope("ask", folder / "run", "--label", "inside-parentheses", "--label", "position-in-line")
    assert unitscope("report", folder / "run", "--table", folder / "units.csv")
    return folder


def unitscope(*words, status=0):
    """Run a command in this process; true if it ends with the expected status."""
    before = sys.argv
    sys.argv = ["unitscope", "--threads", "1", *map(str, words)]
    try:
        with pytest.raises(SystemExit) as end:
            run()
    finally:
        sys.argv = before
    return end.value.code == status


def failure(capsys, *words):
    """What a command says when it cannot do what is asked: one line, status 2."""
    capsys.readouterr()
    assert unitscope(*words, status=2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    lines = [line for line in captured.err.splitlines() if line.startswith("unitscope: ")]
    assert len(lines) == 1
    return lines[0]


def test_the_planted_units_are_found(folder):
    answer = Answer.load(folder / "run" / "answer")
    units = {found.label: found.unit for found in answer.confirmed_findings()}
    assert answer.within  # it is one text
    assert all(found.damage for found in answer.confirmed_findings())
    assert units == {"inside-parentheses": wired.INSIDE, "position-in-line": wired.COUNTER}


def test_the_page_and_the_table_are_written(folder):
    page = (folder / "run" / "report.html").read_text()
    assert "<title>net, unit by unit</title>" in page
    table = pd.read_csv(folder / "units.csv")
    assert len(table) == 6 * 8
    assert {"site", "unit", "mean", "left saturated", "time scale"} <= set(table.columns)


def test_the_same_as_json_pictures_and_in_the_terminal(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert unitscope("report", folder / "run", "--out", tmp_path / "page.json")
    page = json.loads((tmp_path / "page.json").read_text())
    assert len(page["units"]["rnn.0.cell"]) == 8
    capsys.readouterr()
    found = Answer.load(folder / "run" / "answer").confirmed_findings()[0]
    assert unitscope("report", folder / "run", "--unit", found.address, "--png", tmp_path / "figures")
    pictures = list((tmp_path / "figures").glob("*.png"))
    assert len(pictures) == sum(len(group["views"]) for group in page["units"][found.site][found.unit])
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)
    shown = capsys.readouterr().out
    assert "inside-parentheses" in shown
    assert "What is lost without it" in shown
    assert "rnn.0.hidden" in failure(capsys, "report", folder / "run", "--unit", "hidden/3")
    assert "no unit 8" in failure(capsys, "report", folder / "run", "--unit", "rnn.0.hidden/8")


def test_info_tells_what_a_folder_holds(folder, capsys):
    assert unitscope("info", folder / "run")
    assert "rnn.0.forget_gate" in capsys.readouterr().out
    assert unitscope("info", folder / "net", "--json", "--sites", "*.cell")
    captured = capsys.readouterr()
    assert json.loads(captured.out)["sites"] == [{"site": "rnn.0.cell", "alias": "", "kind": "cell", "units": 8}]
    assert "LSTM" in captured.err


def test_answers_for_programs(folder, capsys):
    address = f"rnn.0.hidden/{wired.INSIDE}"
    for words in (
        ("report", folder / "run"),
        ("report", folder / "run", "--unit", address),
        ("verify", folder / "run"),
    ):
        capsys.readouterr()
        assert unitscope(*words, "--json", "--quiet")
        captured = capsys.readouterr()
        assert isinstance(json.loads(captured.out), list)
        assert captured.err == ""


def test_lists(folder, capsys):
    assert unitscope("ask", "--list")
    assert "inside-double-quotes" in capsys.readouterr().out
    assert unitscope("analyze", "--list")
    assert "gate_saturation" in capsys.readouterr().out


def test_one_analysis_with_several_values(folder):
    asked = "association:of=inside-parentheses+vowel"
    assert unitscope("analyze", folder / "run", asked, "--sites", "*.hidden")
    assert "association" in " ".join(path.name for path in (folder / "run" / "results").iterdir())


def test_a_second_recording_in_the_same_place_changes_nothing(folder):
    before = {path: path.stat().st_mtime_ns for path in (folder / "run" / "shards").rglob("*.safetensors")}
    words = ("--part", "all", "--length", "128", "--context", "32")
    assert unitscope("record", folder / "net", folder / "wired.txt", "--out", folder / "run", *words)
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_what_cannot_be_read_is_one_line(folder, tmp_path, capsys):
    net, text, out = folder / "net", folder / "wired.txt", tmp_path / "out"
    record = ("record", net)
    assert "nowhere.txt" in failure(capsys, *record, tmp_path / "nowhere.txt", "--out", out)
    (tmp_path / "empty.txt").touch()
    assert "empty" in failure(capsys, *record, tmp_path / "empty.txt", "--out", out)
    (tmp_path / "nothing").mkdir()
    assert "nothing" in failure(capsys, *record, tmp_path / "nothing", "--out", out)
    (tmp_path / "foreign.txt").write_text("abc XYZ")
    assert "'X'" in failure(capsys, *record, tmp_path / "foreign.txt", "--out", out)
    assert "rnn.0.hidden" in failure(capsys, *record, text, "--sites", "rnn.7.*", "--out", out)
    assert "no part" in failure(capsys, *record, text, "--part", "tests", "--out", out)
    assert not (out / "manifest.json").exists()


def test_models_that_are_none_are_one_line(folder, tmp_path, capsys):
    text = folder / "wired.txt"
    assert "holds no network" in failure(capsys, "record", tmp_path, text, "--out", tmp_path / "out")
    torch.save({}, tmp_path / "model.pt")
    assert "pickle" in failure(capsys, "record", tmp_path / "model.pt", text, "--out", tmp_path / "out")
    save_file({"x": torch.zeros(1)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text((folder / "net" / "config.json").read_text())
    assert "does not fit" in failure(capsys, "info", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 40)
    assert "safetensors" in failure(capsys, "info", tmp_path)


def test_recordings_that_are_none_are_one_line(folder, tmp_path, capsys):
    for command in ("analyze", "ask", "report"):
        assert "no recording" in failure(capsys, command, tmp_path)
    assert "neither" in failure(capsys, "info", tmp_path)
    assert "no analysis is called 'mean'" in failure(capsys, "analyze", folder / "run", "mean")
    assert "needs labels" in failure(capsys, "analyze", folder / "run", "association")
    assert "no parameter 'size'" in failure(capsys, "analyze", folder / "run", "moments:size=3")
    assert "inside-brackets" in failure(capsys, "ask", folder / "run", "--label", "inside-bracket")
    assert "less than or equal to 1" in failure(capsys, "ask", folder / "run", "--fdr", "5")


def test_a_manifest_of_another_version_is_one_line(folder, tmp_path, capsys):
    copy = tmp_path / "copy"
    shutil.copytree(folder / "run", copy)
    write_json(copy / "manifest.json", {}, schema=99)
    assert "schema 99" in failure(capsys, "analyze", copy)


def test_a_truncated_shard_is_one_line(folder, tmp_path, capsys):
    copy = tmp_path / "copy"
    shutil.copytree(folder / "run", copy)
    shard = next((copy / "shards").rglob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-100])
    assert shard.parent.name in failure(capsys, "analyze", copy)


def test_a_network_that_has_changed_is_refused(folder, tmp_path, capsys):
    copy = tmp_path / "copy"
    shutil.copytree(folder / "run", copy)
    net = wired.wired().untrained(3).module
    card = Card("char", net.config, wired.VOCABULARY.symbols, unit="bytes", split=Split(), corpus="wired.txt")
    save(tmp_path / "net", net, card)
    remember(copy, replace(Inputs.load(copy), model=str(tmp_path / "net")))
    assert "has changed since" in failure(capsys, "ask", copy)


def test_wrong_options_are_explained(capsys):
    assert unitscope("record", status=2)
    assert "Missing argument" in capsys.readouterr().err
    assert unitscope("frobnicate", status=2)
    assert unitscope("--version")
    assert "unitscope 0." in capsys.readouterr().out
