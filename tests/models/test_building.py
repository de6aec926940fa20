"""A function of one's own that builds a model."""

import pytest

from unitscope.errors import InputError
from unitscope.models.building import build

FILE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, units):
        super().__init__()
        self.embed, self.rnn, self.out = nn.Embedding(4, 3), nn.GRU(3, units, batch_first=True), nn.Linear(units, 4)

    def forward(self, tokens):
        return self.out(self.rnn(self.embed(tokens))[0])


def net(units=5, scale=1.0, named=None):
    torch.manual_seed(0)
    return Net(units), "abc\\n"


def bare():
    return Net(2)


def fails():
    raise RuntimeError("no weights here")


def wrong():
    return 3
"""


def test_a_function_builds_a_model(tmp_path):
    (tmp_path / "mine.py").write_text(FILE, encoding="utf-8")
    place = f"{tmp_path}/mine.py:"
    model, reads = build(f"{place}net", ["units=7", "scale=0.5", "named=None"])
    assert model.name == "mine"
    assert {site.units for site in model.sites() if site.name.startswith("rnn")} == {7}
    assert reads.symbols == ("a", "b", "c", "\n")
    assert build(f"{place}bare")[1] is None
    for name, arguments, says in (
        ("fails", [], "no weights here"),
        ("net", ["unit=3"], "unexpected keyword"),
        ("net", ["units"], "--arg is NAME=VALUE"),
        ("wrong", [], "returned int"),
        ("absent", [], "defines no function"),
    ):
        with pytest.raises(InputError, match=says):
            build(f"{place}{name}", arguments)
    with pytest.raises(InputError, match="there is no file"):
        build(f"{tmp_path}/other.py:net")
