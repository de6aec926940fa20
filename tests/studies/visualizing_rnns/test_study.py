import json

import pytest

from unitscope.corpus.stdlib import stdlib_files
from unitscope.errors import InputError
from unitscope.studies import visualizing_rnns
from unitscope.studies.visualizing_rnns import cells, discovery, grid, study, text


def none(*_):
    """Nobody watches."""


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A text of 60 KB in 10 stretches, two networks of 8 units' weights."""
    for module in (text, grid):
        monkeypatch.setattr(module, "ROWS", 10)
        monkeypatch.setattr(module, "STEPS", 50)
    monkeypatch.setattr(text, "LENGTH", 200)
    monkeypatch.setattr(study, "QUICK_PLANS", [grid.Plan("lstm", 1, 8), grid.Plan("gru", 1, 8)])
    monkeypatch.setattr(discovery.library, "suggest", lambda sample: ["position-in-line", "white-space"])
    path = tmp_path / "source.py"
    path.write_bytes(b"".join(file.path.read_bytes() for file in stdlib_files()[:6])[:60_000])
    return path


def test_every_part_from_a_text_to_a_page(small, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(study, "write_html", lambda page, path: written.append(page))
    found = visualizing_rnns.run(tmp_path / "out", none, text=small, context=5, quick=True)
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [check["id"] for check in results["checks"]] == [check.id for check in found]
    assert {"1", "2", "3", "9, shifted"} <= {check.id for check in found}
    assert set(results["figures"]["interpretable share"]) == {"lstm-1-8-modern", "gru-1-8-modern"}
    titles = [section.title for section in written[0].sections]
    assert {"What held", "Losses", "Map of models", "Gates", "Errors", "What cells stand for"} < set(titles)
    assert titles[-1] == "Where else these cells are on"
    assert len(titles) == 11
    assert (tmp_path / "out" / "scores" / "lstm-1-8-modern.npy").exists()
    # Again: networks and findings are read, not made.
    before = (tmp_path / "out" / "grid" / "gru-1-8-modern" / "model.safetensors").stat().st_mtime_ns
    corpus, _ = text.open_text(text.text_file(small, tmp_path / "out", quick=True))
    members = study.networks(small, corpus, tmp_path / "out" / "grid", [], {}, 1, "cpu", none)
    assert before == (members[0].folder / "model.safetensors").stat().st_mtime_ns
    number, _ = cells._liveliest(corpus.part("test"), "white-space")
    assert 0 <= number < len(corpus.part("test"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "give --text FILE"),
        ({"text": "gone.txt"}, "is no file"),
        ({"quick": True, "cell": ["lstn"]}, "none of rnn, lstm, gru"),
    ],
)
def test_wrong_input(small, tmp_path, wrong, message):
    if "text" in wrong:
        wrong = {**wrong, "text": tmp_path / wrong["text"]}
    with pytest.raises(InputError, match=message):
        visualizing_rnns.run(tmp_path / "out", none, **wrong)


def test_a_text_that_is_too_short_for_the_split(tmp_path):
    (tmp_path / "short.txt").write_text("a few words " * 50)
    with pytest.raises(InputError, match="need at least 100,000"):
        visualizing_rnns.run(tmp_path / "out", none, text=tmp_path / "short.txt")
