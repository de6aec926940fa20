"""Match queries and folders of LSTMVis, as a user types them."""

import json
import sys

import pandas as pd
import pytest
import wired

from unitscope.cli.main import run
from unitscope.recording.record import record
from unitscope.recording.recording import Recording
from unitscope.source.live import Live


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("match")
    corpus = wired.corpus(folder, lines=60, length=128)
    record(Live(wired.wired(), corpus), folder / "run", ["rnn.0.hidden", "rnn.0.cell"])
    return folder


def unitscope(monkeypatch, *words, status=0):
    monkeypatch.setattr(sys, "argv", ["unitscope", "--threads", "1", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        run()
    assert end.value.code == status


def test_a_text_in_parentheses(folder, monkeypatch, capsys):
    words = ["match", folder / "run", "(", "--threshold", "0.5", "--count", "5", "--shown", "2"]
    kept = [
        "--table",
        folder / "m.csv",
        "--html",
        folder / "m.html",
        "--png",
        folder / "p",
    ]
    unitscope(monkeypatch, *words, *kept)
    printed = capsys.readouterr().out
    unitscope(monkeypatch, *words, "--json")
    kept = json.loads(capsys.readouterr().out)
    assert f"rnn.0.hidden/{wired.INSIDE}" in printed
    frame = pd.read_csv(folder / "m.csv")
    assert frame["text"].str.startswith("(").all()
    assert len(kept["passages"]) == len(frame) == 5
    assert "Where units are on together" in (folder / "m.html").read_text(encoding="utf-8")
    assert len(list((folder / "p").glob("*.png"))) == 6


def test_a_place_and_mistakes(folder, monkeypatch, capsys):
    unitscope(
        monkeypatch,
        "match",
        folder / "run",
        "--at",
        "0:3-4",
        "--sites",
        "*",
        "--threshold",
        "0.1",
        "--table",
        folder / "m.parquet",
    )
    assert len(pd.read_parquet(folder / "m.parquet"))
    capsys.readouterr()
    unitscope(monkeypatch, "match", folder / "run", status=2)
    assert "--at" in capsys.readouterr().err
    unitscope(monkeypatch, "match", folder / "run", "(", "--at", "0:3-6", status=2)
    unitscope(monkeypatch, "match", folder / "run", "(", "--threshold", "high", status=2)
    assert "deviations:1" in capsys.readouterr().err


def test_a_query_that_is_kept_is_in_the_report(folder, monkeypatch, capsys):
    run = folder / "run"
    unitscope(monkeypatch, "analyze", run, "moments")
    unitscope(monkeypatch, "match", run, "(", "--threshold", "0.5", "--keep", "open")
    unitscope(monkeypatch, "report", run, "--out", folder / "page.json")
    (section,) = [s for s in json.loads((folder / "page.json").read_text())["sections"] if s["id"] == "match-open"]
    assert "'('" in section["title"] and len(section["views"]) > 4
    capsys.readouterr()
    unitscope(monkeypatch, "match", run, "(", "--keep", "a/b", status=2)
    assert "no name of a file" in capsys.readouterr().err


def test_there_and_back(folder, monkeypatch, capsys):
    pytest.importorskip("h5py")
    unitscope(monkeypatch, "export", folder / "run", folder / "lstmvis", "--label", "inside-parentheses")
    unitscope(monkeypatch, "import", folder / "lstmvis", "--out", folder / "back")
    assert "rnn.0.cell" in capsys.readouterr().out
    there, back = Recording.open(folder / "run"), Recording.open(folder / "back")
    assert (there.window("rnn.0.cell", 1) == back.window("rnn.0.cell", 1)).all()
    assert back.manifest.annotations == ("inside-parentheses",)
