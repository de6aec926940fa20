import numpy as np
import pandas as pd
import pytest
import torch

from unitscope.analyses.importance import Importance
from unitscope.corpus.open import open_corpus
from unitscope.corpus.series import forecasting, labelled
from unitscope.errors import InputError
from unitscope.fold.analyze import analyze
from unitscope.interventions.ablated import Ablated
from unitscope.interventions.ablation import Bench
from unitscope.models.edit import Edit, Resampled, Scaled, Steps, Where
from unitscope.models.module import ModuleModel
from unitscope.networks.char import CharConfig, CharNet
from unitscope.networks.series import SeriesConfig, SeriesNet, series_model

UNITS = 4


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_text("if (a) { b; } else { c; }\n" * 12)
    corpus = open_corpus(path, length=20, context=4)
    torch.manual_seed(0)
    return ModuleModel(CharNet(CharConfig(len(corpus.vocabulary), "lstm", 2, UNITS))), corpus


@pytest.mark.parametrize("site", ["rnn.0.hidden", "rnn.1.hidden", "rnn.0.forget_gate"])
def test_every_units_damage_is_that_of_the_bench(text, site):
    model, corpus = text
    held = [0.1, -0.2, 0.3, 0.0]
    result = analyze(Ablated(model, corpus, site, values=held, batch_size=5), [Importance()])[site, "importance"]
    bench = Bench(model, corpus, range(len(corpus)), {})
    for unit in range(UNITS):
        expected = bench.damage([Edit(site, (unit,), (held[unit],))]).overall
        assert result.mean[unit] == pytest.approx(expected.mean, abs=1e-6)
        # the bench leaves each piece out, the fold keeps the linear form of that: as close as the pieces are many
        assert result.low[unit] == pytest.approx(expected.low, rel=0.02)


def test_any_analysis_reads_damages(text):
    model, corpus = text
    source = Ablated(model, corpus, "rnn.1.hidden")
    results = analyze(source, [Importance(where=("inside-braces",))])
    table = results.to_pandas()
    assert table.index.names == ["site", "unit"]
    assert table.index[2] == ("rnn.1.hidden", 2)
    assert "loss damage, inside-braces" in table.columns
    (chunk,) = next(iter(source.chunks(["rnn.1.hidden"], ["has-loss"]))).values()
    assert torch.equal(chunk.labels["has-loss"][:20], source.labels("has-loss", 0))


@pytest.mark.parametrize(
    ("site", "values", "where"),
    [
        ("rnn.0.hidden", None, None),
        ("rnn.1.output_gate", Resampled(), None),
        ("rnn.0.cell", None, Where("inside-braces")),
    ],
)
def test_damage_does_not_depend_on_how_many_sequences_run_at_once(text, site, values, where):
    model, corpus = text
    found = []
    for size in (1, 3, 64):
        source = Ablated(model, corpus, site, values=values, where=where, batch_size=size)
        found.append(analyze(source, [Importance(where=("inside-braces",))])[site, key(where=("inside-braces",))])
    for other in found[1:]:
        np.testing.assert_allclose(other.mean, found[0].mean, atol=1e-6)
        np.testing.assert_allclose(other.part_mean, found[0].part_mean, atol=1e-6)


def key(**settings):
    return Importance(**settings).key


def test_edits_of_every_kind_are_those_of_the_bench(text):
    model, corpus = text
    bench = Bench(model, corpus, range(len(corpus)), {})
    for values, where in ((Scaled((0.5,) * UNITS), Steps(3, 9)), (Resampled(2), Where("inside-braces"))):
        source = Ablated(model, corpus, "rnn.0.hidden", values=values, where=where)
        found = analyze(source, [Importance()])["rnn.0.hidden", "importance"].mean
        for unit in range(UNITS):
            one = Scaled((0.5,)) if isinstance(values, Scaled) else values
            expected = bench.damage([Edit("rnn.0.hidden", (unit,), one, where)]).overall.mean
            assert found[unit] == pytest.approx(expected, abs=1e-6)
    with pytest.raises(InputError, match="window of steps 20 to 30"):
        Ablated(model, corpus, "rnn.0.hidden", where=Steps(20, 30))


def test_errors_of_classes_and_deviations_of_forecasts():
    frame = pd.DataFrame(np.random.default_rng(0).standard_normal((20, 6))).rename(columns=str)
    corpus = labelled(frame.assign(kind=list("ab") * 10), "kind", 3)
    model = series_model(SeriesNet(SeriesConfig(len(corpus.channels), len(corpus.classes) or 1, "gru", UNITS)), corpus)
    found = analyze(Ablated(model, corpus, "rnn.0.hidden", "error", [0.0] * UNITS), [Importance("error")])
    batch = corpus.batch(range(20))

    def wrong(edits):
        return model.run(batch, ["output.log_prob"], edits)["output.log_prob"][:, -1].argmax(1) != batch.targets[:, -1]

    for unit in range(UNITS):
        expected = wrong([Edit("rnn.0.hidden", (unit,), (0.0,))]).float().mean() - wrong(()).float().mean()
        assert found["rnn.0.hidden", _key("error")].mean[unit] == pytest.approx(expected.item(), abs=1e-6)

    train, _ = forecasting(pd.DataFrame({"x": np.sin(np.arange(80.0))}), ["x"], window=5)
    model = series_model(SeriesNet(SeriesConfig(len(train.channels), 1, "rnn", UNITS)), train)
    found = analyze(Ablated(model, train, "rnn.0.hidden", "deviation", [0.0] * UNITS), [Importance("deviation")])
    batch = train.batch(range(len(train)))

    def deviation(edits):
        return model.run(batch, ["output.loss"], edits)["output.loss"][:, -1, 0].sqrt().mean()

    expected = deviation([Edit("rnn.0.hidden", (1,), (0.0,))]) - deviation(())
    assert found["rnn.0.hidden", _key("deviation")].mean[1] == pytest.approx(expected.item(), abs=1e-6)


def _key(measure):
    return Importance(measure).key


def test_bad_input_is_refused_at_once(text):
    model, corpus = text
    for bad in (
        {"site": "rnn.7.hidden"},
        {"site": "rnn.0.hidden", "measure": "taste"},
        {"site": "rnn.0.hidden", "measure": "deviation"},
        {"site": "rnn.0.hidden", "values": [0.0]},
    ):
        with pytest.raises(InputError):
            Ablated(model, corpus, **bad)
