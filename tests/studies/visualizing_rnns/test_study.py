import json

import pytest

from unitscope.corpus.stdlib import stdlib_files
from unitscope.errors import InputError
from unitscope.studies import runner
from unitscope.studies.library import visualizing_rnns
from unitscope.studies.library.visualizing_rnns import cells, claims, grid, network, text
from unitscope.studies.library.visualizing_rnns.network import Asked
from unitscope.studies.study import Found, Outcomes, Run


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A text of 60 KB in 10 stretches, two networks of 8 units' weights."""
    for module in (text, grid):
        monkeypatch.setattr(module, "ROWS", 10)
        monkeypatch.setattr(module, "STEPS", 50)
    monkeypatch.setattr(text, "LENGTH", 200)
    monkeypatch.setattr(visualizing_rnns, "QUICK", [grid.Plan("lstm", 1, 8), grid.Plan("gru", 1, 8)])
    monkeypatch.setattr(network, "FOLLOWED", ("position-in-line", "white-space"))
    monkeypatch.setattr(network.library, "suggest", lambda sample: ["position-in-line", "white-space"])
    path = tmp_path / "source.py"
    path.write_bytes(b"".join(file.path.read_bytes() for file in stdlib_files()[:6])[:60_000])
    return path


def test_every_part_from_a_text_to_a_page(small, tmp_path):
    options, out = Asked(quick=True, text=small, context=5), tmp_path / "out"
    done = runner.do("visualizing-rnns", options, out)
    names = ["n-grams", "lstm-1-8-modern", "gru-1-8-modern", "together", "n-NN", "learning"]
    assert [one.name for one in done.outcomes] == names
    found = {one.claim.id: one for one in done.claims}
    right = ("widths", "recording", "gates-sum", "shifted")
    assert [found[id].verdict for id in right] == ["holds"] * len(right)
    assert "a quick look" in found["overlap"].value.why_not
    tables = json.loads((out / "results.json").read_text())["tables"]
    assert tables["Losses and errors"]["Networks"].keys() == {"lstm-1-8-modern", "gru-1-8-modern"}
    learnt = done.outcomes.found[-1]
    assert learnt["emergence"].keys() == {"position-in-line", "white-space"}
    # Again: the networks of the folder are read, and not made.
    given = visualizing_rnns.runs(Asked(quick=True, text=small, context=5, grid=out / "grid"))
    assert [run.settings.get("net") for run in given][1:3] == ["gru-1-8-modern", "lstm-1-8-modern"]
    corpus, _ = text.open_text(text.text_file(small, quick=True))
    number, _ = cells._liveliest(corpus.part("test"), "white-space")
    assert 0 <= number < len(corpus.part("test"))


def member(seed, nats, cell="lstm", row=128, **more):
    settings = {"cell": cell, "layers": 1, "row": row, "protocol": "modern", "seed": seed}
    return Found(Run(f"{cell} {row} {seed}", settings, print), {"nats": [nats, nats, nats], **more})  # type: ignore[arg-type]


def test_kinds_are_compared_over_pairs_of_seeds():
    o = Outcomes([member(s, 1.2 + s / 100) for s in (1, 2, 3)] + [member(s, 1.4 + s / 99, "rnn") for s in (1, 2, 3)])
    by = {claim.id: claim for claim in claims.CLAIMS}
    value = by["kind-lstm-1-128"].value(o)
    assert value.mean == pytest.approx(0.2, abs=0.001)
    assert by["kind-lstm-1-128"].bar.verdict(value) == "holds"
    one = by["kind-lstm-1-128"].value(Outcomes([o.found[0], o.found[3]]))
    assert by["kind-lstm-1-128"].bar.verdict(one) == "not decided"  # one network of each says nothing of kinds
    assert by["kind-gru-1-128"].value(o) is None


def test_a_unit_is_a_finding_by_the_share_of_trainings_that_have_it():
    def has(seed, confirmed, used="used"):
        return member(seed, 1.2, units={"inside-double-quotes": {"confirmed": confirmed, "used": used}}, lost={})

    o = Outcomes([has(1, True), has(2, True), has(3, False), has(4, True, "not used")])
    by = {claim.id: claim for claim in claims.CLAIMS}
    value = by["unit-inside-double-quotes-lstm-128"].value(o)
    assert value.mean == 0.75 and value.low < 0.5
    assert by["used-inside-double-quotes"].value(o).mean == pytest.approx(2 / 3)
    assert by["unit-position-in-line-lstm-128"].value(o) is None
    assert by["random"].value(o) is None


def test_a_double_dissociation():
    pair = {"position-in-line": {"\r": 2.0, '"': 0.1}, "inside-double-quotes": {"\r": 0.0, '"': 0.5}, "random": 0.02}
    o = Outcomes([member(s, 1.2, lost={"position-in-line and inside-double-quotes": pair}) for s in (1, 2, 3)])
    by = {claim.id: claim for claim in claims.CLAIMS}
    name = "position-in-line, '\\r' and '\"'"
    assert by[f"lost-{name}"].value(o).mean == 2.0
    assert by[f"spared-{name}"].value(o).mean == pytest.approx(0.05)
    assert by["random"].value(o).mean == 0.02


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "give --text FILE"),
        ({"text": "gone.txt"}, "is no file"),
        ({"quick": True, "cell": ["lstn"]}, "none of rnn, lstm, gru"),
        ({"quick": True, "seeds": 0}, "1 seed or more"),
    ],
)
def test_wrong_input(tmp_path, wrong, message):
    if "text" in wrong:
        wrong = {**wrong, "text": tmp_path / wrong["text"]}
    with pytest.raises(InputError, match=message):
        visualizing_rnns.runs(Asked(**wrong))


def test_a_text_that_is_too_short_for_the_split(tmp_path):
    (tmp_path / "short.txt").write_text("a few words " * 50)
    with pytest.raises(InputError, match="need at least 100,000"):
        visualizing_rnns.runs(Asked(text=tmp_path / "short.txt"))
