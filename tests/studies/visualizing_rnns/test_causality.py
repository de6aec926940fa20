from dataclasses import replace

import numpy as np
import pytest
import torch

from unitscope.analyses.association import Association
from unitscope.asking import Answer, Found, Question
from unitscope.asking.answer import Score
from unitscope.corpus.open import open_corpus
from unitscope.fold.analyze import analyze
from unitscope.models.edit import Edit
from unitscope.models.module import ModuleModel
from unitscope.networks.char import CharConfig, CharNet
from unitscope.progress import silent
from unitscope.source.live import Live
from unitscope.studies.visualizing_rnns import cells, checks
from unitscope.studies.visualizing_rnns.causality import Costs, costs
from unitscope.studies.visualizing_rnns.cells import Cells, mean_of, passage
from unitscope.studies.visualizing_rnns.saturation import Saturation


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
    return Answer(
        question=Question(), model="net", found=list(found), evidence="", within=False, significant=0,
        networks=0, loss=None, fingerprint="", numbers={}, chosen=tables, confirmed=tables, untrained=[],
        **{"tests": 0, "controls": {}, **more},
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


def test_a_double_dissociation():
    units = {"position-in-line": "rnn.0.cell/1", "inside-double-quotes": "rnn.0.cell/2"}
    by = {"position-in-line": [2.0, 0.0], "inside-double-quotes": [0.0, 0.6]}
    clean = Costs("net", ["\n", '"'], units, by, [[0.01, 0.02]])
    assert [check.met for check in checks.of_cells([], [], clean)] == [True, True, True]
    code = {"inside-parentheses": "rnn.0.cell/1", "c-block-depth": "rnn.0.cell/2"}
    either = Costs(
        "net", [")", "}"], code, {"inside-parentheses": [0.4, 0.0], "c-block-depth": [0.2, 0.3]}, [[0.0, 0.0]]
    )
    assert [check.met for check in checks.of_cells([], [], either)] == [True, False, True]
    mixed = Costs("net", ["\n", '"'], units, {**by, "position-in-line": [2.0, 1.0]}, [[0.3, 0.0]])
    assert [check.met for check in checks.of_cells([], [], mixed)] == [False, True, False]


def test_statements_about_cells_in_code_are_of_the_best_network(read):
    def network(name, r, twin=0.1):
        cell = Found(
            "inside-c-comment", "rnn.0.cell", 1, r, r, r - 0.05, r + 0.05, 0.001, 0.001, "", 0.1, Score(0.9),
            Score(0.5), "highest 10%", Score(0.5), r, twin, 0.05 if r - twin > 0.05 else 0.5,
        )  # fmt: skip
        return Cells(name, replace(findings(*read), found=[cell]), np.zeros(4), [""] * 4, [""] * 4)

    def of(*found):
        return {check.id: check for check in checks.of_cells(found, [], None)}["9, inside-c-comment"]

    both = of(network("weak", 0.3), network("clear", 0.8))
    assert both.met is True
    assert both.note == "clear; so in 1 of 2 networks"
    assert of(network("weak", 0.3)).met is False
    assert of(network("wired", 0.8, twin=0.79)).met is False
    # One that does not pass is not the best, however strong.
    assert of(network("wired", 0.9, twin=0.89), network("clear", 0.7)).note.startswith("clear")


def test_statements_about_gates():
    def shares(left, right):
        return (np.array([left]), np.array([right]))

    idle = Saturation("untrained", {"forget_gate": [shares(0.0, 0.0)]})
    deep = Saturation(
        "deep",
        {
            "forget_gate": [shares(0.1, 0.0), shares(0.2, 0.3), shares(0.1, 0.5)],
            "output_gate": [shares(0.0, 0.1), shares(0.0, 0.2), shares(0.0, 0.2)],
        },
    )
    met = {check.id: check.met for check in checks.of_gates([deep], idle, ["deep"])}
    assert met["6, sums"] and met["6, untrained"] and met["6, forget left"] and met["6, layers deep"]
    assert met["6, forget right"] is False
    shut = Saturation("shut", {**deep.gates, "forget_gate": [shares(0.95, 0.0), shares(0.0, 0.0), shares(0.0, 0.0)]})
    met = {check.id: check.met for check in checks.of_gates([shut], idle, [])}
    assert met["6, forget left"] is False
    assert met["6, layers shut"] is False
    assert "6, forget right" not in met
