"""Everything that is asked beside r: each against the plain way of reading it, and none of it changes another."""

import numpy as np
import pytest
import torch
from word_counters import WORDS, ByWords, Planted, is_word

from unitscope.analyses.association import DIFFERENCES
from unitscope.asking import Answer, ask, forms
from unitscope.asking.forms import active, overlap
from unitscope.asking.measures import MEASURES
from unitscope.asking.pieces import pieces
from unitscope.banks.bank import make_bank
from unitscope.banks.candidates import BLANKS, sentence_of, words
from unitscope.banks.neighbours import neighbours
from unitscope.concepts.simulation import Simulation
from unitscope.concepts.wpmi import soft_wpmi, weighted
from unitscope.corpus.passages import Passages
from unitscope.errors import InputError
from unitscope.page.parts.answer import Asked
from unitscope.source.live import Live


def texts(count: int) -> list[str]:
    random = np.random.default_rng(0)
    share = np.array([0.1 if word in ("cats", "dogs", "7") else 1.0 for word in WORDS.symbols])
    share /= share.sum()
    return [" ".join(random.choice(WORDS.symbols, random.integers(10, 40), p=share)) for _ in range(count)]


TEXTS = texts(160)
CORPUS = Passages([sentence_of(text, str(i), BLANKS) for i, text in enumerate(TEXTS)], "pets", ByWords())
ASKED = ["words:cats", "words:dogs", "words:7", "words:home", "position-in-line"]
ALL = [name for name, measure in MEASURES.items() if measure.kind != "concepts"]


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


def put(labels=ASKED, measures=ALL, corpus=CORPUS, **more) -> Answer:
    more = {"having": "|correlation| > -1", "baselines": 0, "controls": False, "ablate": False} | more
    return ask(Live(Counting(), corpus), labels, measures=measures, **more)


@pytest.fixture(scope="module")
def answer() -> Answer:
    # At so few texts cats and dogs are one in twenty words: so often is a unit active here.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forms, "TAIL", 0.04)
        return put(length=2)


@pytest.fixture(scope="module")
def sides() -> list[dict[str, np.ndarray]]:
    """The tokens of each side, by the plain way."""
    source = Live(Counting(), CORPUS)
    found = pieces(source, 0.25)
    read = []
    for side in (found.choosing, found.confirming):
        chunks = [chunk["planted"] for chunk in source.chunks(["planted"], (), side.sequences)]
        tokens, sequence = (torch.cat([getattr(c, name) for c in chunks]).numpy() for name in ("tokens", "sequence"))
        x = torch.cat([chunk.activations for chunk in chunks]).numpy()
        read.append({"x": x, "word": np.array(WORDS.symbols)[tokens], "sequence": sequence})
    return read


def of(answer: Answer, unit: int, label: str):
    (found,) = [one for one in answer.found if (one.unit, one.label) == (unit, label)]
    return found


def test_every_measure_is_there_and_what_is_undefined_says_why(answer) -> None:
    single = [name for name in ALL if MEASURES[name].kind not in ("form", "site") and name != "correlation"]
    for one in answer.found:
        assert list(one.scores) == single
        for name, score in one.scores.items():
            assert not np.isinf([score.value, score.low, score.high]).any(), name
    rest = {(one.measure, one.address) for one in answer.beyond}
    assert {name for name, _ in rest} == {name for name in ALL if MEASURES[name].kind in ("form", "site")}
    assert {address for name, address in rest if name.startswith("logistic")} == {"planted"}
    constant = [one for one in answer.beyond if one.unit == 2]
    assert all(np.isnan(one.score.value) and one.score.note for one in constant)
    table = answer.to_pandas()
    assert len(table) == len(answer.found) + len(answer.beyond)
    assert {"unit", "label", "auroc", "auroc_low", "formula", "formula_where_chosen", "logistic"} <= set(table)
    assert answer.read == 1


def test_what_is_asked_beside_it_changes_no_number(answer) -> None:
    for one in put(measures=("soft-wpmi", "standardised", "precision")).found:
        among = of(answer, one.unit, one.label).scores
        assert {name: repr(among[name]) for name in one.scores} == {n: repr(score) for n, score in one.scores.items()}


def test_sums_and_counts_are_those_of_the_tokens_that_confirm(answer, sides) -> None:
    there = sides[1]
    for unit, label in ((0, "cats"), (1, "home")):
        x, holds = there["x"][:, unit].astype(float), there["word"] == label
        scores = of(answer, unit, f"words:{label}").scores
        difference = x[holds].mean() - x[~holds].mean()
        expected = [difference, difference / x.std(), abs(difference) / np.ptp(x)]
        assert [scores[name].value for name in DIFFERENCES] == pytest.approx(expected, rel=1e-4)
        assert scores["difference"].low < difference < scores["difference"].high
        above = (x[holds][:, None] > x[~holds]).mean() + (x[holds][:, None] == x[~holds]).mean() / 2
        assert scores["auroc"].value == pytest.approx(above, abs=0.02)
        beyond = x > np.quantile(x, 0.995)
        both, either = (beyond & holds).sum(), (beyond | holds).sum()
        assert scores["iou-highest"].value == pytest.approx(both / either, abs=0.02)
    assert of(answer, 1, "words:home").scores["iou"].note.startswith("lowest")
    assert of(answer, 1, "words:home").scores["iou"].value > 0.9


def test_simulation_is_the_score_of_a_line_learnt_on_the_other_side(answer, sides) -> None:
    here, there = sides
    for unit, label in ((0, "cats"), (1, "home"), (1, "7")):
        holds = here["word"] == label
        line = here["x"][holds, unit].mean(), here["x"][~holds, unit].mean()
        score = Simulation(1)
        simulated = np.where(there["word"] == label, *line)
        score.update(torch.from_numpy(there["x"][:, [unit]]), torch.from_numpy(simulated[:, None]))
        found = of(answer, unit, f"words:{label}").scores["simulation"]
        assert found.value == pytest.approx(score.correlation()[0], abs=1e-5)
        assert found.low < found.value < found.high


def test_soft_wpmi_and_inclusion_are_of_the_means_of_texts(answer, sides) -> None:
    there = sides[1]
    numbers = np.unique(there["sequence"])
    means = np.stack([there["x"][there["sequence"] == n].mean(0) for n in numbers])
    names = ("cats", "dogs", "7", "home")
    holds = np.array([[name in TEXTS[n].split() for name in names] for n in numbers])
    telling = np.flatnonzero(holds.mean(0) < 1)
    expected = soft_wpmi(means, weighted(holds[:, telling], holds.mean(0)[telling]), top=len(numbers) // 10)
    for at, k in enumerate(telling):
        for unit in (0, 1):
            scores = of(answer, unit, f"words:{names[k]}").scores
            assert scores["soft-wpmi"].value == pytest.approx(expected[unit, at], rel=1e-4)
            with_it, without = (means[part, unit].mean() for part in (holds[:, k], ~holds[:, k]))
            span = np.ptp(means[:, unit])
            assert scores["inclusion"].value == pytest.approx((with_it - without) / span, rel=1e-4)
    assert of(answer, 0, "position-in-line").scores["soft-wpmi"].note == "a number"


@pytest.mark.parametrize("measure", ["formula", "formula-exact"])
def test_a_planted_formula_is_found_and_holds_on_the_other_side(answer, sides, measure) -> None:
    (found,) = [one for one in answer.beyond if (one.measure, one.unit) == (measure, 0)]
    assert {"words:cats", "words:dogs"} == set(found.label.strip("()").split(" OR "))
    for side, value in zip(sides, (found.where_chosen, found.score.value), strict=True):
        holds, x = np.isin(side["word"], ["cats", "dogs"]), side["x"][:, 0]
        on = x > np.sort(x)[int((1 - 0.04) * len(x))]
        assert value == pytest.approx((holds & on).sum() / (holds | on).sum())
        assert 0.5 < value < 1
    assert found.score.low < found.score.value < found.score.high


def test_a_unit_is_active_beyond_its_quantile_and_a_rare_flag_where_it_is_one() -> None:
    x = np.random.default_rng(0).normal(size=1000)
    assert active(x).sum() == 4
    rare, common = x > 3, x > 1
    np.testing.assert_array_equal(active(rare.astype(float)), rare)
    np.testing.assert_array_equal(active(common.astype(float)), common)
    assert not active(np.ones(10)).any()
    bucket = np.arange(1000) % 5
    assert overlap(common, active(common.astype(float)), bucket).value == 1


def test_an_exact_search_that_is_too_long_says_so(monkeypatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise InputError("too long")

    monkeypatch.setattr(forms, "search_exactly", never)
    found = put(measures="formula-exact", units="planted/0-1").beyond
    assert {one.score.note for one in found} == {"too many forms for an exact search: by beam"}


def test_samples_are_bounded(monkeypatch) -> None:
    monkeypatch.setattr(forms, "TOKENS", 100)
    (found,) = put(measures="formula", units="planted/0").beyond
    assert 0 < found.read < 0.2


def test_all_units_of_a_site_tell_more_than_one(answer) -> None:
    scores = {(one.measure, one.label): one.score for one in answer.beyond if one.unit is None}
    assert scores["logistic", "words:home"].value > 0.95
    assert scores["logistic-l1", "words:home"].note.startswith("AUC ")


def test_conditions_are_on_any_measure() -> None:
    found = put(measures="auroc", having=["auroc > 0.9", "correlation > 0.3"])
    assert {(one.unit, one.label) for one in found.found} >= {(0, "words:cats"), (0, "words:dogs")}
    assert all(one.unit == 0 for one in found.found)
    kept = put(having=["formula-below > 0.01", "inclusion > 0.05"], measures=())
    assert [one.label for one in kept.beyond] == ["words:home"]
    assert {one.label for one in kept.found} >= {"words:cats"}


def test_reading_ends_when_correlations_are_sure_enough(answer) -> None:
    early = put(measures=(), tolerance=0.2)
    assert 0.2 < early.read < 1
    held = [(of(answer, one.unit, one.label).r, one) for one in early.found if one.r == one.r]
    assert np.mean([abs(r - one.r) <= 0.2 for r, one in held]) > 0.9


def test_concepts_are_fed_to_the_model() -> None:
    own = make_bank(CORPUS.sentences, [words])
    answer = put([own, neighbours(own, count=1), "digit"], ["degree", "degree-once"], units="planted/0")
    names = {"concept:cats": 3.0, "concept:home": 0.0}
    for label, value in names.items():
        scores = of(answer, 0, label).scores
        assert scores["degree"].value == pytest.approx(value, abs=0.11)
        assert scores["degree-once"].value == pytest.approx(value, abs=0.11)
    assert of(answer, 0, "digit").scores["degree"].note == "no concept"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"measures": "soft-wpmi", "labels": ["words:cats"]}, "two flags or more"),
        ({"measures": "soft-wpmi", "corpus": Passages(TEXTS[:8], "few", ByWords())}, "needs 20 texts on each side"),
        ({"measures": "degree", "labels": ["digit"]}, "ask for concept:TEXT or a bank"),
        ({"measures": "formulas"}, "did you mean formula"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is_read(change, message) -> None:
    with pytest.raises(InputError, match=message):
        put(**({"labels": ASKED} | change))


def test_forms_and_sites_come_back_from_disk_and_stand_on_the_page(answer, tmp_path) -> None:
    answer.save(tmp_path)
    again = Answer.load(tmp_path)
    assert repr(again.beyond) == repr(answer.beyond)
    sections = {section.id: section for section in Asked(again).sections(Live(Counting(), CORPUS))}
    (table,) = sections["beyond"].views
    assert next(row[1] for row in table.rows if row[0] == "formula") == "planted/0"
    (_, others) = sections["findings"].views
    assert {"auroc", "soft-wpmi", "simulation"} <= {head.name for head in others.fields}
