"""Planted units are found where they are, and nothing is found where nothing is."""

import math

import numpy as np
import pytest
import torch
from planted import one_site
from scipy import signal, stats
from wired import COUNTER, INSIDE, corpus, documents, wired

from unitscope.asking import Answer, ask
from unitscope.asking.columns import CONTROLS, ELSEWHERE, LEVEL, PLACE, TURNED
from unitscope.corpus.place import DocumentText, Place
from unitscope.errors import InputError
from unitscope.models.site import Site
from unitscope.source.arrays import Arrays
from unitscope.source.live import Live

ASKED = ("inside-parentheses", "position-in-line", "next-is-newline", "vowel")


@pytest.fixture(scope="module")
def answer(tmp_path_factory) -> Answer:
    text, model = documents(tmp_path_factory.mktemp("wired")), wired(24)
    # The hidden state only: the cell and some gates of a planted unit tell the same.
    return ask(Live(model, text), ASKED, units="rnn.0.hidden", baselines=19, ablation_sequences=40)


def of(answer, label):
    return next(found for found in answer.found if found.label == label)


def test_the_planted_units_are_found_and_confirmed(answer):
    inside, counter = of(answer, "inside-parentheses"), of(answer, "position-in-line")
    assert (inside.unit, counter.unit) == (INSIDE, COUNTER)
    for found in (inside, counter):
        assert not found.failed(answer.question)
        assert abs(found.r) > 0.9
        assert found.r_low < found.r < found.r_high
        assert found.q < 1e-4
        assert found.untrained < found.trained
        assert found.untrained_p == pytest.approx(0.05)
    auroc, iou = inside.scores["auroc"], inside.scores["iou"]
    assert auroc.low < auroc.value
    assert auroc.value > 0.99
    assert iou.value > 0.8
    assert "highest" in iou.note
    assert not answer.within
    assert answer.networks == 19
    assert set(answer.controls) == set(CONTROLS)
    assert "documents of different content" in answer.evidence


def test_the_planted_units_are_used_where_they_hold(answer):
    inside, counter = of(answer, "inside-parentheses"), of(answer, "position-in-line")
    assert (inside.used, counter.used) == ("used", "used")
    assert inside.damage.symbols[0].symbol == ")"
    assert counter.damage.symbols[0].symbol == "\n"
    # The double dissociation: each costs its own symbol, not the other's.
    own = {s.symbol: s.change for s in inside.damage.symbols}
    other = {s.symbol: s.change for s in counter.damage.symbols}
    assert own[")"] > 10 * own.get("\n", 0.0)
    assert other["\n"] > 10 * other.get(")", 0.0)
    contrast = inside.damage.contrast["inside-parentheses"]
    assert contrast.low > 0
    assert inside.random_contrast < contrast.mean / 3


def test_a_unit_stands_once_with_all_that_it_follows(answer):
    addresses = [found.address for found in answer.found]
    assert addresses == sorted(addresses, key=addresses.index)  # what is one unit's stands together
    newline, counter = of(answer, "next-is-newline"), of(answer, "position-in-line")
    assert newline.address == counter.address
    assert math.isnan(counter.given)
    assert newline.given < 0 < newline.r  # at the end of lines of one length the counter says it all
    assert len(answer.units()) < len(answer.confirmed_findings())
    assert "distinct units" in repr(answer)
    assert len(repr(answer)) < 300


def test_an_answer_comes_back_from_disk(answer, tmp_path):
    answer.save(tmp_path)
    again = Answer.load(tmp_path)
    assert repr(again.found) == repr(answer.found)
    assert (again.question, again.tests, again.significant) == (answer.question, answer.tests, answer.significant)
    frame = again.to_pandas()
    assert list(frame["label"]) == [found.label for found in answer.found]
    assert bool(frame.set_index("label").loc["inside-parentheses", "confirmed"])
    assert of(again, "inside-parentheses").passage.tokens
    with pytest.raises(InputError):
        Answer.load(tmp_path / "nowhere")


def test_numbers_of_a_pair_do_not_depend_on_company(answer, tmp_path):
    text, model = documents(tmp_path), wired(24)
    alone = ask(Live(model, text), ASKED[0], units=f"rnn.0.hidden/{INSIDE}", baselines=0, ablate=False, controls=False)
    (one,), among = alone.found, of(answer, ASKED[0])
    for name in ("r", "r_low", "r_high", "p", "scores", "prevalence", "r_where_chosen"):
        assert getattr(one, name) == getattr(among, name), name


def processes(count, columns, seed, length=80, memory=0.95):
    noise = np.random.default_rng(seed).normal(size=(count, length, columns))
    noise[:, 1:] *= (1 - memory**2) ** 0.5
    return torch.from_numpy(signal.lfilter([1.0], [1.0, -memory], noise, axis=1).reshape(-1, columns)).float()


def test_under_labels_that_mean_nothing_no_more_is_found_than_the_rate_allows():
    """Units do follow the labels; under each control, in 20 sets of data, the procedure finds what 5 % allows.

    Documents are long against the memory of the values, or labels turned within them would still be their own.
    """
    count, length, memory = 40, 240, 0.5
    names = [f"label {k}" for k in range(6)]
    any_found = dict.fromkeys(CONTROLS, 0)
    for seed in range(20):
        labels = processes(count, 6, 100 * seed + 1, length, memory)
        x = processes(count, 20, 100 * seed + 2, length, memory)
        x[:, :6] += 2 * labels
        said = {name: labels[:, k] for k, name in enumerate(names)}
        answer = ask(placed(x, said, [length] * count), names, seed=seed)
        for name in CONTROLS:
            any_found[name] += answer.controls[name] > 0
        assert answer.significant >= 6
    # With nothing to find, the chance that a seed has any discovery is at most the rate.
    for name, seeds in any_found.items():
        assert stats.binom.sf(seeds - 1, 20, 0.05) > 1e-3, name


def placed(x, labels, lengths):
    """Each sequence is a document of its own."""
    documents = [DocumentText(f"d{k}", f"{k}") for k in range(len(lengths))]
    places = [Place(k, 0) for k in range(len(lengths))]
    site = Site("planted", x.shape[1])
    return Arrays({site: x}, lengths, token_labels=labels, documents=documents, place_of=places)


def test_each_control_sees_the_fault_that_it_is_there_for():
    draw = np.random.default_rng(1)
    count, length = 60, 40
    level = np.repeat(draw.normal(size=count), length)
    place = np.tile(np.arange(length), count) / length
    x = torch.from_numpy(np.stack([place, level], 1) + 0.1 * draw.normal(size=(count * length, 2))).float()
    labels = {"late": torch.from_numpy((place > 0.7).astype(np.float32)), "level": torch.from_numpy(level).float()}
    by_place = ask(placed(x[:, :1], {"late": labels["late"]}, [length] * count), "late")
    by_level = ask(placed(x[:, 1:], {"level": labels["level"]}, [length] * count), "level")
    # The place in a document is the same in another document; a document's level is the same all through it.
    assert (by_place.controls[ELSEWHERE], by_place.controls[PLACE]) == (0, 1)
    assert [by_level.controls[name] for name in (ELSEWHERE, PLACE, TURNED, LEVEL)] == [0, 0, 0, 1]


def test_what_only_the_level_of_documents_follows_is_said():
    """Tables of numbers and prose: a unit that tells which is which follows digits, and not within either."""
    draw = np.random.default_rng(3)
    count, length = 40, 100
    table = np.repeat(draw.random(count) < 0.5, length)
    digit = (draw.random(count * length) < np.where(table, 0.6, 0.05)).astype(np.float32)
    x = np.stack([table + 0.3 * draw.normal(size=len(table)), digit + 0.3 * draw.normal(size=len(table))], 1)
    answer = ask(
        placed(torch.from_numpy(x).float(), {"digit": torch.from_numpy(digit)}, [length] * count), "digit",
        having="|correlation| > 0.3",
    )  # fmt: skip
    kind, token = sorted(answer.found, key=lambda found: found.unit)
    assert kind.q < 0.05 and kind.by_level
    assert token.q < 0.05 and not token.by_level and token.within.low > 0.5
    assert answer.controls[LEVEL] == 2 and answer.controls[TURNED] == 0
    assert answer.to_pandas()["within"].tolist() == [f.within.value for f in answer.found]


def test_controls_turn_each_document_by_itself_however_many_there_are():
    """More documents than buckets: sums are kept by bucket, and a document still keeps its own labels' place."""
    draw = np.random.default_rng(4)
    count, length = 200, 30
    place = np.tile(np.arange(length), count) / length
    x = torch.from_numpy((place + 0.1 * draw.normal(size=count * length))[:, None]).float()
    answer = ask(placed(x, {"late": torch.from_numpy((place > 0.7).astype(np.float32))}, [length] * count), "late")
    assert [answer.controls[name] for name in (ELSEWHERE, PLACE, TURNED)] == [0, 1, 0]


def test_without_a_model_nothing_is_confirmed_but_scores_stand():
    labels = processes(40, 1, 1)
    x = processes(40, 4, 2)
    x[:, 0] += 2 * labels[:, 0]
    source = one_site(x, [80] * 40, low=-np.inf, high=np.inf, token_labels={"y": labels[:, 0]})
    answer = ask(source, "y")
    (found,) = answer.found
    assert answer.loss is None
    assert found.used == "not measured"
    assert found.failed(answer.question) == ["not tested against untrained networks"]
    assert not answer.confirmed_findings()
    assert abs(found.r) > 0.5


def test_having_keeps_all_pairs_with_such_scores():
    labels = processes(40, 2, 1)
    x = processes(40, 6, 2)
    x[:, :3] += 2 * labels[:, :1]
    said = {"a": labels[:, 0], "b": labels[:, 1]}
    source = one_site(x, [80] * 40, low=-np.inf, high=np.inf, token_labels=said)
    answer = ask(source, ["a", "b"], having="|correlation| > 0.4", controls=False)
    assert {(found.unit, found.label) for found in answer.found} >= {(0, "a"), (1, "a"), (2, "a")}
    assert all(abs(found.r_where_chosen) > 0.4 for found in answer.found)
    assert not answer.controls


@pytest.mark.parametrize("documents", [1, 2, 5, 7])
def test_few_documents_have_numbers_or_reasons(documents):
    draw = torch.Generator().manual_seed(0)
    length = 30
    x = torch.randn(documents * 4 * length, 3, generator=draw)
    x[:, 2] = 1.0
    flag = (x[:, 0] > 1).float()
    never = torch.zeros(len(x))
    texts = [DocumentText(f"d{k}", f"{k}") for k in range(documents)]
    places = [Place(k, part * length) for k in range(documents) for part in range(4)]
    labels = {"flag": flag, "never": never}
    source = Arrays(
        {Site("planted", 3): x}, [length] * (4 * documents), token_labels=labels, documents=texts, place_of=places
    )
    answer = ask(source, ["flag", "never"])
    found, constant = of(answer, "flag"), of(answer, "never")
    assert math.isfinite(found.r)
    assert found.failed(answer.question)
    assert constant.why and math.isnan(constant.p)
    assert answer.within == (documents < 6)
    answer.to_pandas()


@pytest.mark.parametrize(
    ("label", "unit", "why"),
    [
        ("constant", "varies", "the label is constant"),
        ("undefined", "varies", "no token where the label is defined"),
        ("in two documents", "varies", "the label is defined in fewer than 3 pieces of evidence"),
        ("twelve tokens", "varies", ""),
        ("flag", "constant", "the unit is constant"),
        ("flag", "binary", ""),
    ],
)
def test_what_cannot_be_told_has_a_reason_in_place_of_a_number(label, unit, why):
    draw = np.random.default_rng(0)
    count, length = 20, 50
    flag = (draw.random(count * length) < 0.3).astype(np.float32)
    two, twelve = np.full_like(flag, np.nan), np.zeros_like(flag)
    two[: 2 * length] = flag[: 2 * length]
    twelve[draw.choice(len(flag), 12, replace=False)] = 1
    labels = {"flag": flag, "constant": np.ones_like(flag), "undefined": np.full_like(flag, np.nan)}
    labels |= {"in two documents": two, "twelve tokens": twelve}
    varies = draw.normal(size=(len(flag), 1))
    units = {"varies": varies, "constant": np.ones_like(varies), "binary": (varies > 0).astype(float)}
    source = placed(torch.from_numpy(units[unit]).float(), {label: torch.from_numpy(labels[label])}, [length] * count)
    (found,) = ask(source, label).found
    assert found.why == why
    assert math.isnan(found.p) == bool(why)


def test_documents_that_are_all_equal_are_one_piece():
    draw = np.random.default_rng(0)
    x, flag = draw.normal(size=(50, 1)), (draw.random(50) < 0.3).astype(np.float32)
    documents = [DocumentText(f"d{k}", "the same") for k in range(8)]
    source = Arrays(
        {Site("planted", 1): torch.from_numpy(np.tile(x, (8, 1))).float()}, [50] * 8,
        token_labels={"flag": torch.from_numpy(np.tile(flag, 8))}, documents=documents,
        place_of=[Place(k, 0) for k in range(8)],
    )  # fmt: skip
    (found,) = ask(source, "flag").found
    assert found.why == "too few pieces of evidence to confirm it on others"
    assert math.isnan(found.p)


def test_what_cannot_be_asked_is_an_error(tmp_path):
    text, model = corpus(tmp_path, lines=120), wired()
    source = Live(model, text)
    for asked, more, message in (
        ("inside-parenthesis", {}, r"no label is called 'inside-parenthesis'.*inside-parentheses"),
        (ASKED, {"units": "rnn.1.hidden"}, r"no site matches 'rnn\.1\.hidden'"),
        (ASKED, {"units": "rnn.0.hidden/99"}, "names no units"),
        (ASKED, {"fdr": 0.0}, "lie between 0 and 1"),
        (ASKED, {"having": "correlation over 0.3"}, "is no condition"),
        (ASKED, {"having": "auc > 0.9"}, "no measure is called 'auc'; did you mean auroc"),
        (ASKED, {"having": "simulation > 0.9"}, "needs both sides of the text"),
        (ASKED, {"measures": "degree"}, "is of concepts; ask for concept:TEXT"),
        ("position-in-line", {"measures": "formula"}, "joins flags, and none is asked"),
        (ASKED, {"measures": "formula", "length": 0}, "one concept at least"),
    ):
        with pytest.raises(InputError, match=message):
            ask(source, asked, **more)
    with pytest.raises(InputError, match="say over= which corpus"):
        ask(model, ASKED)
