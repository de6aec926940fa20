"""What comes again, and when it begins: over answers whose verdicts are known."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from unitscope.asking import Answer, Found, Question
from unitscope.asking.emergence import emergence, emergence_of
from unitscope.asking.replication import replication
from unitscope.corpus.open import open_corpus
from unitscope.errors import InputError
from unitscope.fold.resultset import ResultSet
from unitscope.models.module import ModuleModel
from unitscope.networks.char import CharConfig, CharNet
from unitscope.source.live import Live


def found(label, unit, r, p=0.001, untrained_p=0.01, used="used"):
    return Found(
        label, "rnn.0.hidden", unit, r, r, r, r, p, p, "", 0.1, {}, r, 0.1, untrained_p,
        used=used,
    )  # fmt: skip


def answer(*every, labels=("quotes", "line")):
    return Answer(
        question=Question(labels), model="net", found=list(every), evidence="", within=False, tests=0, significant=0,
        controls={}, networks=0, loss=None, fingerprint="", numbers={"rnn.0.hidden": [0, 1, 2, 3]},
        chosen=ResultSet(""), confirmed=ResultSet(""), untrained=[], beyond=[], read=1.0,
    )  # fmt: skip


def test_trainings_are_counted_by_evidence_and_not_by_number():
    answers = {
        "a": answer(found("quotes", 3, -0.8), found("line", 1, 0.6, untrained_p=0.5)),
        "b": answer(found("quotes", 0, 0.7, used="not used"), found("line", 2, 0.3, p=0.5)),
        "c": answer(found("quotes", 1, 0.9, p=0.9), found("quotes", 2, 0.4)),
    }
    made = replication(answers)
    quotes = made["quotes"]
    assert quotes.units == {"a": "rnn.0.hidden/3", "b": "rnn.0.hidden/0", "c": "rnn.0.hidden/2"}
    assert (quotes.count, quotes.share) == (3, 1.0)
    assert quotes.low < 0.6  # three of three are not many
    assert quotes.used == {"a": True, "b": False, "c": True}
    assert quotes.r["c"] == 0.4  # of the confirmed one, though another is larger
    line = made["line"]
    assert (line.count, line.share) == (0, 0.0)
    assert math.isnan(line.r["c"])
    table = made.to_pandas().set_index("label")
    assert table.loc["quotes", "with a unit"] == 3 and table.loc["quotes", "used"] == 2
    assert made.views()[0].rows[0][:3] == ["quotes", 3, 3]
    with pytest.raises(InputError, match="two trainings or more"):
        replication({"a": answers["a"]})
    with pytest.raises(InputError, match="was not asked about"):
        made["odd"]


def test_a_unit_begins_where_it_is_confirmed_from_then_on(monkeypatch):
    monkeypatch.setattr(
        Answer, "association", lambda self, site: type("Table", (), {"r": np.full((4, 2), 0.5)})
    )  # fmt: skip
    weak, used = found("quotes", 3, 0.3, untrained_p=0.4), found("quotes", 3, 0.8)
    times = {
        0.5: answer(weak),
        1.0: answer(replace(used, used="not used"), found("line", 1, 0.6)),
        2.0: answer(weak),
        3.0: answer(replace(used, used="not used")),
        4.0: answer(used, found("line", 1, 0.6)),
    }
    made = emergence_of(times)
    assert made.begins("quotes") == 3.0  # at 1.0 it was confirmed, and then no more
    assert made.used_from("quotes") == 4.0
    assert made.begins("line") == 4.0
    assert made.r[1].tolist() == [0.8, 0.6]
    assert math.isnan(emergence_of({1.0: answer(used), 2.0: answer(weak)}).begins("quotes"))
    assert emergence_of({1.0: answer(used), 2.0: answer(used)}).begins("quotes") == 1.0
    assert made.views()[0].rows[0][:3] == ["quotes", 3.0, 4.0]
    with pytest.raises(InputError, match="two checkpoints or more"):
        emergence_of({1.0: answer(used)})
    with pytest.raises(InputError, match="the same labels"):
        emergence_of({1.0: answer(used), 2.0: answer(used, labels=("quotes",))})


def test_checkpoints_are_asked(tmp_path):
    (tmp_path / "text.txt").write_text("".join(f'a "b{n}" c{n}\n' for n in range(300)))
    corpus = open_corpus(tmp_path / "text.txt", length=60)
    checkpoints = {}
    for time in (1.0, 2.0):
        torch.manual_seed(int(time))
        net = CharNet(CharConfig(len(corpus.vocabulary), "rnn", 1, 4))
        checkpoints[time] = Live(ModuleModel(net, name=f"after {time:g}"), corpus)
    made = emergence(checkpoints, ["digit"], units=["rnn.0.hidden"], baselines=0, controls=False)
    assert made.times == [1.0, 2.0] and made.labels == ["digit"]
    assert np.isfinite(made.last).all() and not made.confirmed.any()
    assert made.last[-1, 0] == pytest.approx(made.r[-1, 0])
