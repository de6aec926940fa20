"""Every way to run a batch under many edits gives the same numbers."""

import pytest
import torch
from loops import by_hand
from nets import Kind, Tagger, batch, tagger, tags
from torch import nn
from toys import ToyCorpus

from unitscope.interventions import engines
from unitscope.models.bind import bind
from unitscope.models.edit import Edit, Resampled, Scaled, Steps, Where
from unitscope.models.module import ModuleModel

CORPUS = ToyCorpus(size=20)
READ = ["output.log_prob"]
UNITS = 7


def bound(model, site, values, where=None, given=None):
    """For each unit alone."""
    given = CORPUS.batch(range(5)) if given is None else given
    edits = bind([Edit(site, tuple(range(UNITS)), values, where)], model, given, CORPUS)
    return given, [edits[0].only([unit]) for unit in range(UNITS)]


def apart(found, expected, given):
    return max(float((a - b[READ[0]])[given.counted].abs().max()) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
@pytest.mark.parametrize("value", [0.0, 0.4])
@torch.no_grad()
def test_weight_edits_copies_and_a_loop_by_hand_agree_on_hidden_units(cell, value):
    net = tagger(Kind(cell, 2))
    model, given = ModuleModel(net), batch([9] * 4)
    for layer in (0, 1):
        site = f"rnn.{layer}.hidden"
        _, edits = bound(model, site, (value,) * UNITS, given=given)
        by_loop = []
        for unit in range(UNITS):
            streams = by_hand(net.rnn, net.embedding(given.tokens), {f"{layer}.hidden": {unit: value}})
            by_loop.append(net.decoder(streams["1.hidden"]).log_softmax(-1))
        ways = [engines.fused(model, given, edits, READ), engines.runs(model, given, edits, READ)]
        ways.append(model.run(given, READ, [edit]) for edit in edits)
        if value == 0:  # copies leave the state before the first step alone, and that is zero
            ways += [engines.side_by_side(model, given, edits, READ, at_once) for at_once in (1, 3, UNITS)]
        for way in ways:
            assert apart(by_loop, way, given) < 1e-6


@pytest.mark.parametrize(
    ("site", "values", "where"),
    [
        ("rnn.0.forget_gate", (1.0,) * UNITS, None),
        ("rnn.0.forget_gate", Resampled(), Where("odd")),
        ("rnn.0.cell", Scaled((0.5,) * UNITS), Steps(1, 3)),
        ("rnn.0.cell", (0.5,) * UNITS, None),
        ("rnn.0.hidden", Resampled(), None),
        ("rnn.0.hidden", (0.5,) * UNITS, Steps(1)),
        ("decoder.input", Resampled(), Where("odd", 0.0)),
        ("decoder.input", (0.5,) * UNITS, None),
        ("decoder.output", (0.5,) * UNITS, Steps(2)),
    ],
    ids=str,
)
def test_whatever_is_chosen_is_one_edit_after_the_other(site, values, where):
    model = ModuleModel(tagger(Kind("lstm", 2)), hooked=["decoder.input", "decoder.output"])
    given, edits = bound(model, site, values, where)
    alone = [model.run(given, READ, [edit])[READ[0]] for edit in edits]
    assert apart(alone, engines.runs(model, given, edits, READ), given) < 1e-6
    if site != "rnn.0.cell" or where is not None:
        for at_once in (2, UNITS):
            assert apart(alone, engines.side_by_side(model, given, edits, READ, at_once), given) < 1e-6


def test_copies_keep_their_sequences_apart_where_lengths_differ_and_layers_read_backwards():
    model = tags(Kind("gru", 1, True))
    given, edits = bound(model, "rnn.0_reverse.update_gate", Resampled())
    alone = [model.run(given, READ, [edit])[READ[0]] for edit in edits]
    assert apart(alone, engines.side_by_side(model, given, edits, READ, UNITS), given) < 1e-6


@torch.no_grad()
def test_what_the_readout_reads_is_a_closed_form():
    torch.manual_seed(0)
    net = Tagger(Kind("lstm", dtype=torch.float64))
    model, given = ModuleModel(net, hooked=["decoder.input"]), batch([9] * 4)
    _, edits = bound(model, "decoder.input", (0.25,) * UNITS, given=given)
    read = ["output.loss", "output.log_prob"]
    model.sites()
    calls = []
    net.decoder.register_forward_hook(lambda *_: calls.append(1))
    found = list(engines.runs(model, given, edits, read))
    assert len(calls) == 3  # to see that the input is the readout's, and to have it; none for each unit
    hidden = model.run(given, ["decoder.input"])["decoder.input"]
    for unit, values in enumerate(found):
        expected = model.run(given, read, [edits[unit]])
        for name in read:
            assert (values[name] - expected[name])[given.counted].abs().max() < 1e-12
        logits = net.decoder(hidden) + (0.25 - hidden[..., unit, None]) * net.decoder.weight[:, unit]
        assert (values["output.log_prob"] - logits.log_softmax(-1))[given.counted].abs().max() < 1e-12


def test_a_linear_module_that_is_no_readout_runs():
    module = nn.Sequential(nn.Embedding(11, UNITS), nn.Linear(UNITS, UNITS), nn.Tanh(), nn.Linear(UNITS, 11))
    model = ModuleModel(module, hooked=["*.input"])
    given, edits = bound(model, "1.input", (0.5,) * UNITS)
    alone = [model.run(given, READ, [edit])[READ[0]] for edit in edits]
    assert apart(alone, engines.runs(model, given, edits, READ), given) < 1e-6


def test_nothing_to_do():
    model = ModuleModel(tagger(Kind("lstm")))
    assert list(engines.runs(model, batch([9]), [], READ)) == []
