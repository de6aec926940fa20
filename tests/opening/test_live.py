"""From Python to the command line and back: what was opened by a name opens again from its recording."""

import pytest
import torch
from typer.testing import CliRunner

import unitscope
from unitscope.cli.app import app
from unitscope.errors import InputError
from unitscope.models.edit import zero
from unitscope.opening.inputs import Inputs

MODULE = """
import torch

SYMBOLS = sorted(set('f(a, b);\\n'))

class Net(torch.nn.Module):
    def __init__(self, units):
        super().__init__()
        self.embed = torch.nn.Embedding(len(SYMBOLS), 4)
        self.rnn = torch.nn.GRU(4, units, batch_first=True)
        self.out = torch.nn.Linear(units, len(SYMBOLS))

    def forward(self, tokens):
        return self.out(self.rnn(self.embed(tokens))[0])

def build(units=3):
    return Net(units), SYMBOLS
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module of the user's own with a text, and weights that Lightning might have left."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(MODULE)
    (tmp_path / "book.txt").write_text("f(a, (b));\n" * 30)
    names = {}
    exec(MODULE, names)
    trained = names["build"](5)[0]
    torch.save({"state_dict": {f"model.{name}": value for name, value in trained.state_dict().items()}}, "net.ckpt")
    return trained


def opened():
    return unitscope.open_live("net.py:build", "book.txt", weights="net.ckpt", arguments=("units=5",), length=40)


def test_to_the_command_line_and_back(own, tmp_path, monkeypatch):
    live = opened()
    assert torch.equal(live.model.module.out.weight, own.out.weight)
    recording = unitscope.record(live, "run", sites=["rnn.0.hidden"])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    done = CliRunner().invoke(app, ["ablate", str(tmp_path / "run"), "--sequences", "2"])
    assert done.exit_code == 0, done.output
    again = unitscope.reopen(tmp_path / "run")
    assert again.model.fingerprint == live.model.fingerprint
    assert again.sequences == recording.sequences


def test_every_command_opens_a_model_in_the_same_way(own, tmp_path):
    """What each opens has the weights of the file and the arguments that were given."""
    given = ["--weights", "net.ckpt", "--arg", "units=5"]
    words = [f"{n + 1}\tf\t_\t{pos}\t_\t_\t0\troot\t_\t_\n" for n, pos in enumerate(("DET", "NOUN"))]
    (tmp_path / "t.conllu").write_text("".join(["".join(words) + "\n"] * 20))
    run = CliRunner()
    for command in (
        ["info", "net.py:build", *given],
        ["check", "net.py:build", *given],
        ["record", "net.py:build", "t.conllu", "--out", "trees", *given],
        [
            "probe",
            "net.py:build",
            "t.conllu",
            "--label",
            "upos",
            "--no-untrained",
            "--no-codelength",
            "--sites",
            "*.hidden",
            *given,
        ],
        ["compare", "net.py:build", "untrained", "--text", "book.txt", "--length", "40", "--sites", "*.hidden", *given],
    ):
        done = run.invoke(app, command)
        assert done.exit_code == 0, done.output
    model, reading = Inputs("net.py:build", weights="net.ckpt", arguments=("units=5",)).open_reading()
    assert model.fingerprint == opened().model.fingerprint == unitscope.reopen("trees").model.fingerprint
    assert reading.encode("f(a)").ids.tolist() == [reading.vocabulary.ids[c] for c in "f(a)"]
    done = run.invoke(app, ["compare", "net.py:build", "net.py:build", "--text", "book.txt", "--weights", "net.ckpt"])
    assert "give a file for each of these" in str(done.exception)


def test_what_cannot_open_again_is_said(own):
    live = opened()
    for name, source in (
        ("edited", unitscope.Live(live.model, live.corpus, edits=(zero("rnn.0.hidden", [0]),))),
        ("made-here", unitscope.Live(live.model, live.corpus)),
    ):
        unitscope.record(source, name, sites=["rnn.0.hidden"])
        with pytest.raises(InputError, match="does not say which network and text"):
            unitscope.reopen(name)


def test_weights_are_for_what_a_function_builds(own):
    with pytest.raises(InputError, match=r"--weights is for a function that builds a model"):
        unitscope.open_live("hf:somewhere", "book.txt", weights="net.ckpt")
