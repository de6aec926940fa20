"""The chapters and checks on errors, on a made-up code text."""

import json

import numpy as np
import pytest

from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.studies.visualizing_rnns.dynamics import Resemblance
from unitscope.studies.visualizing_rnns.errors import checks_of_errors, errors_of
from unitscope.studies.visualizing_rnns.held_out import HeldOut
from unitscope.studies.visualizing_rnns.onion import word_counts
from unitscope.view import to_json

SYMBOLS = "{}\n\t ;abcde"


@pytest.fixture(scope="module")
def held_out():
    dice = np.random.default_rng(0)
    lines = ["{" + "".join(dice.choice(list("abcde ;"), 25)) + "}\n\t" for _ in range(400)]
    text = "".join(lines)
    ids = [SYMBOLS.index(letter) for letter in text]
    return HeldOut(np.array(ids[: len(ids) // 50 * 50]).reshape(50, -1), Vocabulary(tuple(SYMBOLS)))


@pytest.fixture(scope="module")
def found(held_out):
    dice = np.random.default_rng(1)
    shape = held_out.targets.shape
    ngrams = np.log(dice.uniform(0.2, 0.6, (21, *shape)))
    good = np.log(np.where(held_out.targets == 1, 0.9, dice.uniform(0.3, 0.8, shape)))
    nets = {"large": good, "small": np.log(dice.uniform(0.1, 0.6, shape))}
    nets |= {f"middle-{n}": np.log(dice.uniform(0.2, 0.5 + 0.05 * n, shape)) for n in range(3)}
    sizes = {"large": 1000, "small": 10} | {f"middle-{n}": 100 + n for n in range(3)}
    fall = np.repeat(np.array([[1.0, 2, 3], [2, 1, 3], [3, 2, 1]])[:, :, None], 4, 2)
    path = Resemblance([0.5, 1.0, 4.0], ["1-gram", "2-gram", "3-gram"], [1, 2, 3], np.ones(3), fall, fall)
    words = word_counts(list(held_out.ids), held_out.vocabulary)
    return errors_of(held_out, nets, sizes, ngrams, words, {2: ngrams[0], 3: ngrams[1] + 0.01}, path)


def test_the_models_are_chosen_by_loss_and_size(found):
    assert (found.best, found.smallest, found.baseline) == ("large", "small", "20-gram")
    assert found.trio[0] == "large" and found.trio[2] == "3-NN" and found.trio[1].endswith("gram")
    assert next(iter(found.onions)) == "large"


def test_checks(found):
    checks = {check.id: check for check in checks_of_errors(found, None)}
    assert checks["7, '}', any"].value == "1 of 5" and checks["7, '}', any"].note == "large"
    assert checks["7, '}'"].met and not any("anchor" in name for name in checks)
    assert checks["7, braces 20"].met
    assert checks["12, n-gram"].value == "1, 2" and checks["12, n-gram"].met
    assert checks["8, overlap"].met is False  # independent models err together half of the time
    assert checks["8, n-gram oracle"].met is not None and "8, n-gram and loss" in checks
    assert "8, 20-gram" not in checks


def test_every_network_is_told_on_the_symbols_of_the_paper(found):
    assert set(found.each) == {"{", "}", "\n", "\t", " "}
    assert found.each["}"]["large"].mean == pytest.approx(found.gains.of("}").mean)
    table = found.sections()[1].views[-1]
    assert [row[0] for row in table.rows] == list(found.onions)


def test_pages_and_figures_are_plain(found):
    sections = found.sections()
    assert [section.id for section in sections] == ["errors", "gains", "braces", "onion", "dynamics"]
    json.dumps([to_json(view) for section in sections for view in section.views])
    json.dumps(found.figures())


def test_a_text_without_braces_and_networks(held_out, found):
    bare = HeldOut(held_out.ids.clip(5), held_out.vocabulary)
    ngrams = np.full((4, *bare.targets.shape), -1.0)
    alone = errors_of(bare, {"net": ngrams[0]}, {"net": 1}, ngrams, {})
    assert alone.closing is None and alone.path is None
    assert [section.id for section in alone.sections()] == ["errors", "gains", "onion"]
    assert {check.id: check.met for check in checks_of_errors(alone, None)} == {"8, overlap": True, "12": None}
    with pytest.raises(InputError, match="no network"):
        errors_of(bare, {}, {}, ngrams, {})
