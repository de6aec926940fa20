"""The network that comes with the package is what its card says."""

import dataclasses

import pytest

from unitscope.corpus.dialect import Dialect
from unitscope.corpus.open import open_corpus
from unitscope.networks.card import load
from unitscope.networks.evaluate import evaluate
from unitscope.networks.files import SHIPPED, WEIGHTS
from unitscope.networks.lessons.text import TrainOptions, recipe_of
from unitscope.networks.stream import Stream, stream_of

TOLERANCE = 0.06
"""Nats between all of the test part on the Python it was trained with, and a third of it on the running one."""


def test_held_out_loss_on_the_running_pythons_library():
    net, card = load(SHIPPED)
    text = open_corpus("stdlib", split=card.split.of("test"), vocabulary=card.vocabulary)
    rows = stream_of(text).rows(64)  # the first 6,000 symbols of each row lie evenly over all files
    sample = Stream(rows.ids[:, :6000].reshape(-1), rows.targets[:, :6000].reshape(-1), rows.none)
    assert evaluate(net, sample, rows=64) == pytest.approx(card.metrics["test nats"], abs=TOLERANCE)


def test_its_card_says_how_to_make_it_again():
    _, card = load(SHIPPED)
    options = TrainOptions.from_json(card.training["options"], out=SHIPPED.name)
    assert options.command() == card.command
    assert card.command.startswith("unitscope train text stdlib --out stdlib-lstm256 ")
    # A recipe whose defaults have changed would make another network.
    assert {"name": "modern", **dataclasses.asdict(recipe_of(options))} == card.training["recipe"]


def test_it_is_small_and_reads_any_text(tmp_path):
    net, card = load(SHIPPED)
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 5_000_000
    assert (SHIPPED / WEIGHTS).stat().st_size > 4 * sum(weight.numel() for weight in net.parameters())
    (tmp_path / "any").write_bytes(bytes(range(256)) + 50_000 * b"a")
    assert len(open_corpus(tmp_path / "any", vocabulary=card.vocabulary, dialect=Dialect("binary"))) == 50
