import math

import numpy as np
import pytest
import torch

from unitscope.analyses.association import Association
from unitscope.asking import Answer, Question
from unitscope.corpus.open import open_corpus
from unitscope.fold.analyze import analyze
from unitscope.models.edit import Edit
from unitscope.models.module import ModuleModel
from unitscope.networks.char import CharConfig, CharNet
from unitscope.progress import silent
from unitscope.source.live import Live
from unitscope.studies.library.visualizing_rnns import cells
from unitscope.studies.library.visualizing_rnns.causality import costs
from unitscope.studies.library.visualizing_rnns.cells import Cells, mean_of, passage


@pytest.fixture
def read(tmp_path):
    (tmp_path / "text.txt").write_text('a "b" c\n' * 60)
    corpus = open_corpus(tmp_path / "text.txt", length=48, context=8)
    torch.manual_seed(0)
    return ModuleModel(CharNet(CharConfig(len(corpus.vocabulary), "lstm", 1, 5, initial_range=1.0)), name="net"), corpus


def findings(model, corpus):
    tables = analyze(Live(model, corpus), [Association(of=("digit",))], ["rnn.0.cell"])
    return answer_of(tables)


def answer_of(tables, found=(), **more):
    numbers = {table.site: list(range(table.units)) for table in tables}
    untrained = [math.nan] * len(next(iter(tables)).labels)
    return Answer(
        question=Question(), model="net", found=list(found), evidence="", within=False, significant=0, networks=0,
        loss=None, fingerprint="", numbers=numbers, chosen=tables, confirmed=tables, untrained=untrained, beyond=[],
        **{"tests": 0, "controls": {}, "read": 1.0, **more},
    )  # fmt: skip


def test_costs_by_symbol_against_two_runs(read):
    model, corpus = read
    found = costs(model, corpus, {"quote": "rnn.0.cell/2"}, ["\n", '"'], findings(model, corpus), range(len(corpus)))
    batch = corpus.batch(range(len(corpus)))
    held = Edit("rnn.0.cell", (2,), (float(mean_of(findings(model, corpus), "rnn.0.cell")[2]),))
    change = model.run(batch, ["output.loss"], [held])["output.loss"] - model.run(batch, ["output.loss"])["output.loss"]
    for symbol in ("\n", '"'):
        here = batch.counted & (batch.targets == corpus.vocabulary.ids[symbol])
        assert found.of("quote", symbol) == pytest.approx(float(change[..., 0][here].mean()), abs=1e-6)
    assert len(found.random) == 4  # all others
    assert found.most_by_chance('"') == max(costs[1] for costs in found.random)
    assert found.view().rows[0][0] == "quote: rnn.0.cell/2"


def test_a_passage_is_coloured_by_the_tanh_of_a_cell(read):
    model, corpus = read
    view = passage(model, corpus, "rnn.0.cell/3", "inside-double-quotes")
    (chunks,) = Live(model, corpus).chunks(["rnn.0.cell"], (), [0])
    assert view.values == pytest.approx(np.tanh(chunks["rnn.0.cell"].activations[:, 3].numpy()).tolist(), abs=1e-6)
    assert "".join(view.tokens) == corpus.text(0)
    assert passage(model, corpus, "rnn.0.hidden/1").note == "hidden state"


def test_the_share_of_cells_and_typical_ones(read):
    strength = np.array([0.9, 0.0, 0.5, 0.49])
    one = Cells("net", findings(*read), strength, [""] * 4, [f"rnn.0.cell/{u}" for u in range(4)])
    assert [one.share(), one.share(0.8), one.share(1e-9)] == [0.5, 0.25, 0.75]
    assert set(one.typical(5)) == {"rnn.0.cell/1", "rnn.0.cell/3"}


def test_findings_of_another_version_are_made_again(read, tmp_path, monkeypatch):
    made, found = [], findings(*read)
    monkeypatch.setattr(cells, "ask", lambda *asked, **how: made.append(asked) or found)
    asked = (tmp_path, *read, Question(("white-space",), ("rnn.0.cell",)), range(3), silent)
    for _ in range(2):
        cells._found(*asked)
    assert len(made) == 1
    next(tmp_path.rglob("answer.json")).write_text("{}")
    cells._found(*asked)
    assert len(made) == 2
