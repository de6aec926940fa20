"""Classifiers and translators: divided without leaks, learnt, stopped and gone on, written and read again."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from unitscope.corpus.dialect import Notes
from unitscope.errors import InputError
from unitscope.networks import checkpoint
from unitscope.networks.card import Card, load
from unitscope.networks.lessons.tasks import Classification, Translation, by_part, divide, parted, translate
from unitscope.networks.lessons.texts import Fit, batches_of, padding, train
from unitscope.networks.models import encoder_model, model_of
from unitscope.networks.training import Step

WORDS = "red green blue one two three".split()  # noqa: SIM905
ITEMS = [(f"{a} {b} {c} {n}", "colour" if n % 2 else "number") for n, (a, b, c) in enumerate(
    (a, b, c) for a in WORDS for b in WORDS for c in WORDS)]  # fmt: skip
PAIRS = [(text, text.upper()) for text, _ in ITEMS]
TASK = Classification(divide([(f"{'odd' if n % 2 else 'even'} {t}", c) for n, (t, c) in enumerate(ITEMS)]), "words")
TINY = Fit(size="tiny", epochs=2, batch=16, rate=5e-3, precision="float32")


def test_no_text_is_in_two_parts() -> None:
    items = [*ITEMS, *ITEMS[:50]]
    divided = divide(items, [("red red red 0", "x"), ("new", "x"), ("new", "y")], 0.1)
    assert list(divided.test) == [("red red red 0", "x"), ("new", "x")]
    parts = [{text for text, _ in part} for part in (divided.train, divided.validation, divided.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(ITEMS) + 1
    assert list(divide(items, (), 0.1).train) == list(divide(items, (), 0.1).train)
    with pytest.raises(InputError, match="too few"):
        divide(ITEMS[:3], (), 0.1)
    with pytest.raises(InputError, match="between 0 and a half"):
        divide(ITEMS, (), 0.7)


@pytest.mark.parametrize("kind", ["vdcnn", "gru", "transformer"])
def test_a_classifier_is_made_written_and_read(tmp_path: Path, kind: str) -> None:
    trained = train(TASK, replace(TINY, kind=kind), tmp_path)
    net, card = load(tmp_path)
    assert card.kind == kind and card.targets == ("colour", "number")
    assert set(card.metrics) >= {"test accuracy", "majority", "naive bayes", "validation nats"}
    assert card.metrics["test accuracy"] == TASK.scores(net, TASK.test)["accuracy"]
    assert trained.history[-1]["train"] < trained.history[0]["train"]
    model = model_of(net, card, "x")
    batch = TASK.test.batch(range(4))
    loss = model.run(batch, ["output.loss"])["output.loss"]
    expected = torch.nn.functional.cross_entropy(net(batch.tokens, batch.lengths), batch.targets.max(1).values)
    torch.testing.assert_close(loss.sum() / 4, expected)
    twin = model.untrained(3)
    assert [site.name for site in twin.sites()] == [site.name for site in model.sites()]
    assert twin.fingerprint != model.fingerprint


def _made(fit: Fit, folder: Path) -> tuple[torch.nn.Module, Card]:
    train(TASK, fit, folder)
    return load(folder)


def test_padding_reaches_no_site_of_any_kind(tmp_path: Path) -> None:
    for kind in ("lstm", "transformer"):
        net, card = _made(replace(TINY, kind=kind, epochs=1), tmp_path / kind)
        model = model_of(net, card, kind)
        names = [site.name for site in model.sites()]
        batch = TASK.test.like(["odd", "even red blue one"], ["colour", "colour"]).batch([0, 1])
        together = model.run(batch, names)
        alone = model.run(TASK.test.like(["odd"], ["colour"]).batch([0]), names)
        for name in names:
            torch.testing.assert_close(alone[name][0], together[name][0, :3], rtol=1e-4, atol=1e-5)


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole = train(TASK, TINY, tmp_path / "whole")

    def stop(progress: Step) -> None:
        if progress.done > 0.7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(TASK, TINY, tmp_path / "parts", checkpoint_seconds=0.0, watch=stop)
    assert (tmp_path / "parts" / checkpoint.NAME).exists()
    again = train(TASK, TINY, tmp_path / "parts", checkpoint_seconds=0.0)
    for name, weight in whole.net.state_dict().items():
        assert torch.equal(weight, again.net.state_dict()[name])
    assert again.card.metrics == whole.card.metrics
    assert train(TASK, TINY, tmp_path / "parts").card.metrics == whole.card.metrics


def test_runs_that_do_not_fit(tmp_path: Path) -> None:
    train(TASK, replace(TINY, epochs=1), tmp_path)
    with pytest.raises(InputError, match="holds a run with epochs 1, not 2"):
        train(TASK, TINY, tmp_path)
    other = Classification(divide(ITEMS), "other")
    with pytest.raises(InputError, match="data that have changed"):
        train(other, replace(TINY, epochs=1), tmp_path)
    with pytest.raises(InputError, match="holds another network"):
        train(TASK, replace(TINY, kind="lstm"), tmp_path)
    with pytest.raises(InputError, match="no size is called 'huge'"):
        train(TASK, Fit(size="huge"), tmp_path / "x")
    with pytest.raises(InputError, match="cannot be learnt by 'bytenet'"):
        train(TASK, Fit("bytenet"), tmp_path / "x")
    with pytest.raises(InputError, match="a depth of so many at most"):
        train(TASK, replace(TINY, depth=9), tmp_path / "x")


@pytest.mark.parametrize("kind", ["bytenet", "attentive"])
def test_a_translator(tmp_path: Path, kind: str) -> None:
    task = Translation(divide(PAIRS), "words")
    fit = Fit(kind, "tiny", epochs=4, batch=16, rate=5e-3, precision="float32")
    trained = train(task, fit, tmp_path)
    net, card = load(tmp_path)
    scores = task.scores(net, task.test)
    assert card.metrics["test nats"] == scores["nats"] < card.metrics["frequencies nats"]
    assert len(translate(net, task.test)) == len(task.test)
    model = model_of(net, card, "x")
    batch = task.test.batch(range(5))
    loss = model.run(batch, ["output.loss"])["output.loss"]
    assert float(loss.sum() / batch.has_target.sum()) == pytest.approx(float(task.loss(net, batch).detach()), rel=1e-5)
    assert {site.name.split(".")[0] for site in encoder_model(net, card, "x").sites()} == {"encoder"}
    assert trained.card.targets[-1] == "<end>"


def test_depth_takes_the_first_layers() -> None:
    from unitscope.networks.lessons.texts import _config

    assert _config(TASK, replace(TINY, depth=1)).channels == (8,)
    assert _config(TASK, Fit("lstm", "tiny", depth=3)).layers == 3
    translation = Translation(divide(PAIRS), "words")
    assert _config(translation, Fit("bytenet", "small", depth=7)).dilations == (1, 2, 4, 8, 16, 1, 2)


def test_parts_that_the_data_say_themselves() -> None:
    notes = Notes()
    said = ["tr", "te", "dev", "other", "TRAIN"]
    divided = by_part(ITEMS[:5], said, 0.2, notes)
    assert divided is not None and list(divided.train) == [ITEMS[0], ITEMS[4]]
    assert (list(divided.validation), list(divided.test)) == ([ITEMS[2]], [ITEMS[1]])
    assert by_part(ITEMS[:5], ["train"] * 5, 0.2, notes) is None and notes.counts.total() == 1


def test_parts_that_are_given_share_no_text() -> None:
    parts = parted([*ITEMS[:20], *ITEMS[:3]], ITEMS[15:18], ITEMS[18:25])
    assert sorted(parts.train) == sorted(ITEMS[:15])
    assert list(parts.test) == ITEMS[18:25]
    with pytest.raises(InputError, match="one of the three parts is empty"):
        parted(ITEMS, ITEMS, ITEMS)


def test_translations_are_batched_by_both_sides() -> None:
    draw = np.random.default_rng(0)
    pairs = [("a" * int(n), "b" * int(n * draw.uniform(0.8, 1.6))) for n in draw.gamma(4, 15, 4000) + 5]
    texts = Translation(divide([(f"{n} {a}", b) for n, (a, b) in enumerate(pairs)]), "lengths").train
    assert padding(texts, batches_of(texts, 16, 0, 0)) < 0.1
    alone = [np.arange(first, first + 16) for first in range(0, len(texts) - 16, 16)]
    assert padding(texts, alone) > 0.3


def test_bfloat16_learns_as_float32_does(tmp_path: Path) -> None:
    losses = [
        train(TASK, replace(TINY, precision=precision), tmp_path / precision).history[-1]["train"]
        for precision in ("float32", "bfloat16")
    ]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)
    assert losses[1] != losses[0]


def test_every_text_is_in_one_batch_of_an_epoch() -> None:
    batches = batches_of(TASK.train, 16, 0, 0)
    assert sorted(np.concatenate(batches)) == list(range(len(TASK.train)))
    assert np.concatenate(batches).tolist() != np.concatenate(batches_of(TASK.train, 16, 0, 1)).tolist()


def test_damaged_folders(tmp_path: Path) -> None:
    train(TASK, replace(TINY, epochs=1), tmp_path)
    path = tmp_path / "config.json"
    whole = json.loads(path.read_text())
    for damage in ({"kind": "vgg"}, {"schema": 99}, {"network": {"symbols": 3}}, {"symbols": 4}):
        path.write_text(json.dumps(whole | damage))
        with pytest.raises(InputError, match=r"describes vgg, not|is of another version|is damaged"):
            load(tmp_path)


def test_naive_bayes_knows_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert TASK.baselines()["naive bayes"] == 1.0
    monkeypatch.setattr("unitscope.networks.lessons.tasks.GRAMS", 90)  # of 176: those that come first
    assert 0.9 < TASK.baselines()["naive bayes"] <= 1.0
    assert 0.2 < TASK.baselines()["majority"] < 0.8
