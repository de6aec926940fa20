import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import torch

from unitscope.corpus.series import forecasting, labelled
from unitscope.errors import InputError
from unitscope.networks.lessons.series import Lesson, Score, evaluate, fit, network_card
from unitscope.networks.series import SeriesConfig, series_model
from unitscope.recording.record import record
from unitscope.source.live import Live


def waves():
    t = np.arange(200)
    return forecasting(pd.DataFrame({"x": np.sin(t / 3)}), ["x"], window=8)


def signs(rows=80):
    """Sequences of four numbers, called by the sign of their sum."""
    x = np.random.default_rng(0).standard_normal((rows, 4))
    return labelled(pd.DataFrame(x).rename(columns=str).assign(sign=np.where(x.sum(1) > 0, "+", "-")), "sign", 4)


def fresh(corpus):
    return network_card(corpus, units=4).fresh(0)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_it_learns_to_forecast(cell):
    train, test = waves()
    trained = fit(network_card(train, cell, units=8), Lesson(train, batch=32), epochs=12, rate=2e-2)
    score = evaluate(trained.net, train, test)
    assert trained.history[-1]["train"] < trained.history[0]["train"] / 5
    assert score.skilled
    assert math.isnan(score.accuracy)


def test_it_learns_to_classify():
    corpus = signs()
    train, test = corpus.take(range(60)), corpus.take(range(60, 80))
    trained = fit(network_card(train, "gru", units=8), Lesson(train, test=test, batch=16), epochs=15, rate=2e-2)
    score = evaluate(trained.net, train, test)
    assert trained.card.metrics["test accuracy"] == score.accuracy
    assert score.accuracy >= 0.8
    assert score.skilled


def test_the_losses_of_the_model_are_those_of_torch():
    train, _ = waves()
    net = fresh(train)
    batch = train.batch([0, 5])
    loss = series_model(net, train).run(batch, ["output.loss"])["output.loss"]
    with torch.no_grad():
        expected = (net(batch.tokens)[:, -1, 0] - batch.targets[:, -1]) ** 2
    torch.testing.assert_close(loss[:, -1, 0], expected)
    assert (loss[:, :-1] == 0).all()

    corpus = signs()
    net = fresh(corpus)
    batch = corpus.batch([0, 5])
    values = series_model(net, corpus).run(batch, ["output.loss", "output.log_prob"])
    with torch.no_grad():
        scores = net(batch.tokens)[:, -1]
    expected = torch.nn.functional.cross_entropy(scores, batch.targets[:, -1], reduction="none")
    torch.testing.assert_close(values["output.loss"][:, -1, 0], expected)
    assert values["output.log_prob"].shape == (2, 4, 2)


def test_it_can_be_recorded_and_has_a_twin(tmp_path):
    train, _ = waves()
    model = series_model(fresh(train), train)
    recording = record(Live(model, train), tmp_path / "run", ["rnn.*"])
    live = next(iter(Live(model, train).chunks(["rnn.0.hidden"], ["x"])))["rnn.0.hidden"]
    read = next(iter(recording.chunks(["rnn.0.hidden"], ["x"])))["rnn.0.hidden"]
    torch.testing.assert_close(live.activations[: len(read)], read.activations)
    assert torch.equal(live.labels["x"][: len(read)], read.labels["x"])
    assert read.vocabulary.decode(read.tokens[:2].tolist()) == ["·", "·"]
    assert model.untrained(1).fingerprint != model.fingerprint


def test_skill_is_more_than_the_baseline():
    nan = float("nan")
    assert Score(0.1, nan, 0.9, 1.0).skilled
    assert not Score(0.1, nan, 0.97, 1.0).skilled
    assert Score(0.1, 0.6, nan, 0.5).skilled
    assert not Score(0.1, 0.51, nan, 0.5).skilled


def test_a_network_without_units_is_refused():
    with pytest.raises(InputError, match="a unit and a layer at least"):
        SeriesConfig(1, 1, units=0)


def test_one_batch_that_is_far_off_stops_nothing():
    corpus = waves()[0]
    far = dataclasses.replace(corpus, targets=corpus.targets.clone())
    far.targets[20] = 9.0
    trained = fit(network_card(far, "gru", units=4), Lesson(far, batch=8), epochs=3)
    assert len(trained.history) == 3
