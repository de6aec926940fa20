import json

import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from unitscope.cli.app import app
from unitscope.corpus.splits import Split
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.networks.card import Card, save
from unitscope.networks.char import CharConfig, CharNet


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five small networks, one of other symbols, and a text."""
    path = tmp_path_factory.mktemp("nets")
    (path / "text.txt").write_text("abcd efgh " * 150)
    vocabulary = Vocabulary(tuple(" abcdefgh"))
    for seed, units in enumerate((4, 5, 4, 4, 4)):
        torch.manual_seed(seed)
        config = CharConfig(len(vocabulary), units=units)
        save(
            path / f"net{seed}",
            CharNet(config),
            Card("char", config, vocabulary.symbols, unit="bytes", split=Split()),
        )
    other = Vocabulary(tuple(" abcdefghij"))
    config = CharConfig(len(other), units=4)
    save(
        path / "other",
        CharNet(config),
        Card("char", config, other.symbols, unit="bytes", split=Split()),
    )
    return path


def run(folder, *arguments):
    done = CliRunner().invoke(app, ["--threads", "1", "compare", *map(str, arguments), "--length", "64"])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_two_networks_of_different_size(folder, tmp_path):
    out = tmp_path / "out"
    said = run(
        folder, folder / "net0", folder / "net1", "--text", folder / "text.txt", "--out", out, "--sites", "*.cell"
    )
    assert "untrained" in said and "rnn.0.cell" in said
    table = pd.read_csv(out / "units.csv")
    assert (table["unit"] >= 0).sum() == 4 and len(table) == 5
    page = json.loads((out / "compare.json").read_text())
    rows = next(s for s in page["sections"] if s["id"] == "similarity")["views"][0]["rows"]
    assert [row[1] for row in rows] == ["A – B", "A – untrained B", "untrained A – untrained B", "out of step"]
    assert "net0" in (out / "index.html").read_text(encoding="utf-8")


def test_a_recording_brings_its_text(folder, tmp_path):
    kept = tmp_path / "run"
    record = [
        "--threads",
        "1",
        "record",
        str(folder / "net0"),
        str(folder / "text.txt"),
        "--out",
        str(kept),
        "--length",
        "64",
    ]
    assert CliRunner().invoke(app, record).exit_code == 0
    out = tmp_path / "out"
    run(folder, kept, folder / "net0", "--out", out, "--sites", "*.hidden", "--no-untrained")
    assert pd.read_csv(out / "units.csv")["r"].min() > 0.999
    run(folder, kept, "untrained", "--seed", 7, "--out", out, "--sites", "*.hidden")
    assert pd.read_csv(out / "units.csv")["r"].abs().min() < 0.999


def test_groups_of_runs(folder, tmp_path):
    out = tmp_path / "out"
    two = [
        f"--group={name}={folder / one},{folder / other}"
        for name, one, other in (("a", "net0", "net2"), ("b", "net3", "net4"))
    ]
    said = run(
        folder, *two, "--text", folder / "text.txt", "--out", out, "--sites", "*.hidden", "--png", out / "figures"
    )
    assert list((out / "figures").glob("kinship-*.png"))
    assert "2 and 2 runs" in " ".join(said.split())
    assert pd.read_csv(out / "differences.csv")["p"].min() >= 0.33
    assert len(pd.read_csv(out / "units.csv")) == 16


def test_wrong_input_is_named(folder, tmp_path):
    for arguments, message in (
        ((folder / "net0",), "two networks"),
        ((folder / "net0", folder / "nothing"), "no folder"),
        ((folder / "net0", folder / "net1"), "--text"),
        ((folder / "net0", folder / "other", "--text", folder / "text.txt"), "other symbols"),
        (("--group", "a", "--group", "b=x"), "--group is NAME"),
        ((f"--group=a={folder / 'net0'}",), "two groups"),
        ((f"--group=a={folder / 'net0'}", f"--group=b={folder / 'net0'}", "--text", folder / "text.txt"), "twice"),
        ((folder / "net0", folder / "net1", "--group=a=x"), "not both"),
    ):
        with pytest.raises(InputError, match=message):
            run(folder, *arguments, "--out", tmp_path)
