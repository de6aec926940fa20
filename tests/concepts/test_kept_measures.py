"""Measures that keep some of what is read: formulas, softWPMI, simulation; asked as every other measure is."""

import numpy as np
import pytest
import torch
from word_counters import WORDS, ByWords, Planted, is_word

from unitscope.banks.bank import make_bank
from unitscope.banks.candidates import BLANKS, sentence_of, words
from unitscope.banks.neighbours import neighbours
from unitscope.concepts import searched, wpmi
from unitscope.concepts.catalogue import CATALOGUE
from unitscope.concepts.fold import batches_of
from unitscope.concepts.inspection import inspect
from unitscope.concepts.pairs import Pairs, Scale
from unitscope.concepts.questions import Questions
from unitscope.concepts.searched import Tail
from unitscope.concepts.simulation import Simulation, Simulator
from unitscope.concepts.wpmi import soft_wpmi, weighted
from unitscope.corpus.passages import Passages
from unitscope.errors import InputError
from unitscope.source.live import Live


def texts(count: int, seed: int = 0, rare: float = 0.1) -> list[str]:
    random = np.random.default_rng(seed)
    share = np.array([rare if word in ("cats", "dogs", "7") else 1.0 for word in WORDS.symbols])
    return [
        " ".join(random.choice(WORDS.symbols, random.integers(10, 40), p=share / share.sum())) for _ in range(count)
    ]


TEXTS = texts(160)
CORPUS = Passages([sentence_of(text, str(i), BLANKS) for i, text in enumerate(TEXTS)], "pets", ByWords())
ASKED = ["words:cats", "words:dogs", "words:7", "words:home"]


def noise(tokens: torch.Tensor) -> torch.Tensor:
    return torch.sin(tokens * 12.9898 + tokens.cumsum(1) * 7.233 + torch.arange(tokens.shape[1]) * 78.233)


class Counting(Planted):
    """Unit 0 is high at cats and at dogs, but not at 7; unit 1 is noise, low at home; unit 2 is constant."""

    def __init__(self) -> None:
        either, home = is_word("cats", "dogs"), is_word("home")
        super().__init__(
            [
                lambda t: either(t) * 3 + 0.1 * noise(t),
                lambda t: noise(t) - 3.0 * home(t),
                lambda t: torch.full(t.shape, 2.0),
            ]
        )
        self.runs = 0

    def run(self, batch, read, edits=()):
        self.runs += len(batch.sequence)
        return super().run(batch, read, edits)


def value(table, unit: int, measure: str, hypothesis: str) -> float:
    rows = table[(table["unit"] == unit) & (table["measure"] == measure) & (table["hypothesis"] == hypothesis)]
    assert len(rows) == 1
    return float(rows["value"].iloc[0])


def test_all_of_them_come_from_one_read_with_the_sums() -> None:
    model = Counting()
    kept = ["simulation", "soft-wpmi", "formula", "formula-below-exact"]
    table = inspect(model, ASKED, CORPUS, measures=["correlation", *kept], length=2)
    assert model.runs == len(TEXTS)
    assert set(table["measure"]) == {"correlation", *kept, "formula-chosen", "formula-below-exact-chosen"}
    assert not np.isinf(table.select_dtypes(float)).any(axis=None)
    assert (table["read"] == 1).all()
    constant = table[table["unit"] == 2]
    assert constant[["value"]].isna().all(axis=None)
    assert (constant["note"] != "").all()
    assert set(kept) <= set(CATALOGUE)


def test_thresholds_are_read_first_and_nothing_is_kept_twice() -> None:
    model = Counting()
    table = inspect(model, ASKED, CORPUS, measures=["iou", "soft-wpmi"])
    alone = inspect(Counting(), ASKED, CORPUS, measures=["soft-wpmi"])
    assert model.runs == 2 * len(TEXTS)
    both = table[table["measure"] == "soft-wpmi"].reset_index(drop=True)
    np.testing.assert_allclose(both["value"], alone["value"])


@pytest.mark.parametrize("measure", ["formula", "formula-exact"])
def test_a_planted_formula_is_found_and_holds_on_the_other_half(measure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searched, "TAIL", 0.04)  # so often stand cats and dogs together
    table = inspect(Counting(), ASKED, CORPUS, measures=measure, units="planted/0", length=2)
    first = table[table["measure"] == measure].iloc[0]
    assert {"words:cats", "words:dogs"} <= set(first["hypothesis"].strip("()").replace(" OR ", " ").split())
    source = Live(Counting(), CORPUS)
    batches = batches_of(source)
    for name, half in ((measure, batches[1::2]), (f"{measure}-chosen", batches[::2])):
        chunks = [chunk["planted"] for chunk in source.chunks(["planted"], (), [n for batch in half for n in batch])]
        x = torch.cat([chunk.activations[:, 0] for chunk in chunks]).numpy()
        holds = np.isin(torch.cat([chunk.tokens for chunk in chunks]), [WORDS.ids["cats"], WORDS.ids["dogs"]])
        active = x > np.sort(x)[int((1 - 0.04) * len(x))]
        expected = (holds & active).sum() / (holds | active).sum()
        assert 0.5 < expected < 1
        assert value(table, 0, name, first["hypothesis"]) == pytest.approx(expected)


def test_the_lowest_tail_and_conditions_on_formulas() -> None:
    table = inspect(Counting(), ASKED, CORPUS, measures=["formula-below", "correlation"], having="formula-below > 0")
    assert set(table["measure"]) == {"formula-below", "formula-below-chosen", "correlation"}
    assert table.loc[table["unit"] == 1, "hypothesis"].iloc[0] == "words:home"
    assert "words:7" not in set(table.loc[table["measure"] == "correlation", "hypothesis"])
    chosen = inspect(Counting(), ASKED, CORPUS, measures="formula", having="formula-chosen > 2")
    assert chosen.empty


def test_the_tail_is_what_lies_beyond_the_quantile_however_it_is_cut() -> None:
    x = torch.randn(700, 5, generator=torch.Generator().manual_seed(0))
    x[:, 3] = (x[:, 3] > 2.8).float()
    x[:, 4] = 1.0
    tail = Tail(searched.TOKENS - int((1 - searched.TAIL) * searched.TOKENS))
    first = 0
    for part in x.split([1, 300, 2, 397]):
        tail.add(part, first)
        first += len(part)
    for unit in range(5):
        ordered = np.sort(x[:, unit].numpy())
        expected = x[:, unit].numpy() > ordered[int((1 - searched.TAIL) * 700)]
        np.testing.assert_array_equal(tail.active(unit, 700), expected)
    assert not tail.active(4, 700).any()


def test_an_exact_search_that_is_too_long_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise InputError("too long")

    monkeypatch.setattr(searched, "search_exactly", never)
    table = inspect(Counting(), ASKED, CORPUS, measures="formula-exact", units="planted/0-1")
    assert set(table.loc[table["measure"] == "formula-exact", "note"]) == {
        "too many forms for an exact search: by beam"
    }
    assert table["value"].notna().all()


def test_no_more_is_kept_or_read_than_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searched, "TOKENS", 200)
    model = Counting()
    table = inspect(model, ASKED, CORPUS, measures="formula", units="planted/0-1")
    assert model.runs < 60
    assert 0 < table["read"].iloc[0] < 0.3


def test_simulation_is_the_score_of_a_simulator_learnt_on_the_other_half() -> None:
    asked = [*ASKED, "position-in-line"]
    table = inspect(Counting(), asked, CORPUS, measures="simulation", units="planted/0-1")
    source = Live(Counting(), CORPUS)
    questions = Questions(asked, source, CORPUS)
    flags = questions.hypotheses
    parts = []
    for half in (0, 1):
        numbers = [number for batch in batches_of(source)[half::2] for number in batch]
        chunks = [chunk["planted"] for chunk in source.chunks(["planted"], (), numbers)]
        order = torch.cat([torch.unique_consecutive(chunk.sequence) for chunk in chunks]).tolist()
        parts.append((torch.cat([chunk.activations[:, :2] for chunk in chunks]), questions.labels(order)))
    learnt = Pairs(2, flags, Scale.of(*parts[0], flags, ()))
    learnt.update(*parts[0])
    simulator = Simulator.learnt(learnt)
    for k, name in enumerate(ASKED):
        score = Simulation(2)
        score.update(parts[1][0], simulator.simulate(parts[1][1][:, [k, k]], torch.tensor([k, k])))
        for unit in (0, 1):
            assert value(table, unit, "simulation", name) == pytest.approx(score.correlation()[unit], abs=1e-6)
    assert table["value"].notna().all()


def test_soft_wpmi_is_that_of_the_means_of_texts() -> None:
    table = inspect(Counting(), [*ASKED, "position-in-line"], CORPUS, measures="soft-wpmi", units="planted/0-1")
    source = Live(Counting(), CORPUS)
    order = [number for batch in batches_of(source) for number in batch]
    means = np.zeros((len(order), 2), np.float32)
    for chunks in source.chunks(["planted"], (), order):
        for start, stop in chunks["planted"].spans():
            row = order.index(int(chunks["planted"].sequence[start]))
            means[row] = chunks["planted"].activations[start:stop, :2].mean(0)
    holds = np.array([[word in TEXTS[number].split() for word in ("cats", "dogs", "7", "home")] for number in order])
    telling = holds.mean(0) < 1
    expected = soft_wpmi(means, weighted(holds[:, telling], holds.mean(0)[telling]), top=16)
    found = np.array([[value(table, unit, "soft-wpmi", name) for name in np.array(ASKED)[telling]] for unit in (0, 1)])
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert table.loc[table["hypothesis"] == "position-in-line", "note"].unique() == ["a number, which is in no text"]


def test_neighbours_are_hypotheses_of_their_own() -> None:
    bank = make_bank([sentence_of("cat dog car bus", "0"), sentence_of("bus cat", "1")], [words])
    vectors = np.array([[1.0, 0.1], [1.0, 0.2], [0.1, 1.0], [0.2, 1.0]])
    near = neighbours(bank, vectors, 1)
    assert near.texts == [f"NEIGHBORS({text})" for text in bank.texts]
    cat, bus = bank.find("cat"), bank.find("bus")
    either = np.isin(bank.places[:, 0], [cat, bank.find("dog")])
    np.testing.assert_array_equal(near.places[near.places[:, 0] == cat][:, 1:], bank.places[either][:, 1:])
    assert near.table["sentences"].tolist()[bus] == 2
    assert near.table["count"].tolist()[bus] == 3
    own = make_bank(CORPUS.sentences, [words])
    table = inspect(Counting(), [own, neighbours(own, count=1)], CORPUS, measures=["correlation"], units="planted/0")
    assert len(table) == 2 * len(own)
    with pytest.raises(InputError, match="ask for a bank"):
        inspect(Counting(), [neighbours(own)], CORPUS, measures="degree")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"measures": "formula", "hypotheses": ["position-in-line"]}, "joins flags, and none is asked"),
        ({"measures": "formula", "length": 0}, "one concept at least"),
        ({"measures": "soft-wpmi", "hypotheses": ["words:cats"]}, "two flags or more"),
        ({"measures": "soft-wpmi", "over": Passages(TEXTS[:5], "few", ByWords())}, "needs 20 texts, and there are 5"),
        ({"measures": "simulation", "over": Passages(TEXTS[:1], "one", ByWords())}, "from one half of the documents"),
        ({"measures": "formulas"}, "there are: .*formula-below"),
        ({"measures": "formula", "having": "formula-below > 1"}, "which is not measured"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is_read(change, message) -> None:
    model = Counting()
    with pytest.raises(InputError, match=message):
        inspect(model, **({"hypotheses": ASKED, "over": CORPUS} | change))
    assert model.runs == 0
    assert wpmi.NAME in CATALOGUE
