import numpy as np
import pytest
import wired

from unitscope.errors import InputError
from unitscope.matches.result import Passage
from unitscope.studies.library.visualizing_rnns import queries as module
from unitscope.studies.library.visualizing_rnns.queries import Labels, queries

NAME = "inside-parentheses"
SITE = "rnn.0.cell"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return wired.corpus(tmp_path_factory.mktemp("text"), lines=300)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """The parentheses of the text are short."""
    monkeypatch.setattr(module, "SHORTEST", 3)


def test_labels_are_those_of_the_text(corpus):
    labels = Labels.of(corpus, [NAME])
    holds = [corpus.labels(NAME, n).numpy() > 0 for n in range(len(corpus))]
    spans = labels.spans(NAME)
    assert len(spans) > 20
    assert [s.stop - s.start for s in spans] == sorted((s.stop - s.start for s in spans), reverse=True)
    for span in spans:
        there = holds[span.sequence]
        assert there[span.start : span.stop].all()
        assert not there[span.start - 1]
        assert not there[span.stop]
    start = labels.first[[s.sequence for s in spans]] + [s.start for s in spans]
    stop = labels.first[[s.sequence for s in spans]] + [s.stop for s in spans]
    assert labels.throughout(NAME, start, stop).all()
    assert not labels.throughout(NAME, start, stop + 1).any()


def test_random_passages_lie_in_one_sequence_and_everywhere(corpus):
    labels = Labels.of(corpus, [NAME])
    places = np.concatenate([labels._places(120, np.random.default_rng(n)) for n in range(200)])
    sequence = np.searchsorted(labels.first, places, side="right") - 1
    assert (places + 120 <= labels.first[sequence + 1]).all()
    possible = [n for n, length in enumerate(np.diff(labels.first)) if length >= 120]
    assert set(sequence.tolist()) == set(possible)


def test_the_wired_cell_leads_to_more_of_the_same(corpus, tmp_path):
    made = queries(wired.wired(), corpus, ["white-space", NAME, "position-in-line"], "", tmp_path)
    assert list(tmp_path.iterdir()) == []  # the recording is gone
    query = made[NAME]
    assert list(made) == [NAME]
    assert (query.inside, query.flanks, query.shift) == (NAME, True, (0, 0))
    assert (SITE, wired.INSIDE, 1) in {(unit.site, unit.unit, unit.sign) for unit in query.matches.selected}
    assert set(query.shares) == {NAME, "white-space"}  # a number is no property
    here, chance = query.shares[NAME]
    inside = [corpus.labels(NAME, p.sequence)[p.start : p.stop].bool().all().item() for p in query.matches.passages]
    assert here.mean == pytest.approx(np.mean(inside))
    assert here.low <= here.mean <= here.high
    assert here.low > 2 * chance > 0
    views = query.views()
    assert all(view.title.startswith(f"{NAME}: wired: ") for view in views)
    assert views[0].rows[0][0] == NAME


def test_cells_may_follow_the_text_a_step_later(corpus):
    labels = Labels.of(corpus, [NAME])
    passages = [Passage(s.sequence, s.start + 1, s.stop + 1, 1, 1, (), (), 0, ()) for s in labels.spans(NAME)[:20]]
    assert labels.shares(passages, (1, 1), 0)[NAME][0].mean == 1
    assert labels.shares(passages, (0, 0), 0)[NAME][0].mean == 0
    assert labels.shares(passages, (0, 1), 0)[NAME][0].mean == 1  # they begin inside


def test_where_no_cell_is_it_says_so(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "match", lambda *_, **__: (_ for _ in ()).throw(InputError("no unit is on")))
    assert queries(wired.wired(), corpus, [NAME], "", tmp_path) == {NAME: None}


def test_a_phrase_of_ones_own(corpus, tmp_path):
    text = corpus.text(0)
    phrase = text[text.index("(") : text.index(")")]
    query = queries(wired.wired(), corpus, ["white-space"], phrase, tmp_path)[""]
    assert query.matches.phrase.text == phrase
    assert query.title == f"{phrase!r}: wired"
    with pytest.raises(InputError, match="not in one sequence"):
        queries(wired.wired(), corpus, ["white-space"], "zzz", tmp_path)
    with pytest.raises(InputError, match="shorter --phrase"):
        queries(wired.wired(), corpus, ["white-space"], text[:120], tmp_path)
