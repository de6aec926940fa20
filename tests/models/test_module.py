"""The laws of models, for every stock recurrent layer, and what a user can get wrong."""

import copy

import pytest
import torch
import torch.nn.functional as F
from nets import KINDS, SYMBOLS, Kind, batch, row, tagger, tags
from torch import nn

from unitscope.errors import InputError
from unitscope.models.edit import Edit, zero
from unitscope.models.model import Model
from unitscope.models.module import ModuleModel

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

LENGTHS = [9, 4, 9, 1, 6]
LSTM2 = Kind("lstm", 2)

every_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
every_cell = pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.layers == 2 and kind.batch_first and kind.dtype == torch.float32], ids=str
)


def names(model):
    return [site.name for site in model.sites()]


def inside(model):
    return [site.name for site in model.sites() if site.kind != "prediction"]


def close(a, b, kind):
    assert a.shape == b.shape
    torch.testing.assert_close(a, b, rtol=0, atol=kind.tolerance)


@every_kind
def test_reading_changes_no_output(kind):
    net, tokens = tagger(kind), batch([9] * 5)
    net.decoder.train(False)
    before = copy.deepcopy(net.state_dict())
    modes = [child.training for child in net.modules()]
    with torch.no_grad():
        expected = F.log_softmax(net(tokens.tokens), -1)

    model = ModuleModel(net, logits=lambda output: output)
    values = model.run(tokens, names(model))

    close(values["output.log_prob"], expected, kind)
    assert {site.name: (5, 9, site.units) for site in model.sites()} == {n: tuple(v.shape) for n, v in values.items()}
    assert [child.training for child in net.modules()] == modes
    assert all("forward" not in vars(child) for child in net.modules())
    assert all(torch.equal(weight, before[name]) for name, weight in net.state_dict().items())


@every_cell
def test_values_lie_in_the_ranges_of_their_sites(kind):
    model = tags(kind)
    values = model.run(batch(LENGTHS), names(model))
    for site in model.sites():
        assert values[site.name].isfinite().all()
        assert (values[site.name] >= site.low).all()
        assert (values[site.name] <= site.high).all()


@every_cell
def test_padding_never_leaks_and_one_row_alone_is_the_same(kind):
    model, tokens = tags(kind), batch(LENGTHS)
    together = model.run(tokens, names(model))
    for number, length in enumerate(LENGTHS):
        for name, alone in model.run(row(tokens, number), names(model)).items():
            close(together[name][number : number + 1, :length], alone, kind)


@every_kind
def test_gates_recombine(kind):
    model = tags(kind)
    values = model.run(batch([12] * 3), inside(model))
    for site in model.sites():
        place = site.name.rpartition(".")[0]
        if not site.name.endswith("hidden") or kind.cell in ("tanh", "relu"):
            continue
        v = {name.rpartition(".")[2]: value for name, value in values.items() if name.startswith(f"{place}.")}

        def before(state, place=place):
            """The state of the step before, which in reverse is the one after."""
            zeros = torch.zeros_like(state[:, :1])
            return torch.cat([state[:, 1:], zeros] if place.endswith("reverse") else [zeros, state[:, :-1]], dim=1)

        if kind.cell == "lstm":
            close(v["cell"], v["forget_gate"] * before(v["cell"]) + v["input_gate"] * v["cell_gate"], kind)
            if not kind.projection:
                close(v["hidden"], v["output_gate"] * v["cell"].tanh(), kind)
        else:
            z = v["update_gate"]
            close(v["hidden"], (1 - z) * v["new_gate"] + z * before(v["hidden"]), kind)


@every_cell
def test_an_edit_reads_back_and_acts_downstream_only(kind):
    model, tokens = tags(kind), batch([9] * 3)
    order = names(model)
    intact = model.run(tokens, order)
    for site in inside(model):
        edited = model.run(tokens, order, [Edit(site, (2, 0), (0.25, -0.5))])
        assert (edited[site][..., 2] == 0.25).all()
        assert (edited[site][..., 0] == -0.5).all()
        assert not torch.equal(edited["output.loss"], intact["output.loss"])
        layer = int(site.split(".")[1][0])
        for name in order:
            if name.startswith("rnn.") and int(name.split(".")[1][0]) < layer:
                close(edited[name], intact[name], kind)


@every_cell
def test_reading_few_sites_gives_what_reading_all_gives(kind):
    model, tokens = tags(kind), batch(LENGTHS)
    every = model.run(tokens, names(model))
    counted = tokens.counted
    for few in (["output.loss"], ["rnn.1.hidden"], ["rnn.0.hidden"], names(model)[:1], names(model)[-5:-2]):
        for name, values in model.run(tokens, few).items():
            close(values[counted], every[name][counted], kind)


def test_the_adapter_is_a_model():
    assert isinstance(ModuleModel(tagger(LSTM2)), Model)


def test_sites_are_named_by_path_layer_and_stream():
    model = tags(Kind("lstm", 2, True, 3))
    assert names(model)[:7] == [
        "rnn.0.input_gate",
        "rnn.0.forget_gate",
        "rnn.0.cell_gate",
        "rnn.0.output_gate",
        "rnn.0.cell",
        "rnn.0.hidden",
        "rnn.0_reverse.input_gate",
    ]
    sites = {site.name: site for site in model.sites()}
    assert sites["rnn.1_reverse.hidden"].units == 3
    assert sites["rnn.1_reverse.cell"].units == 7
    assert sites["rnn.0.forget_gate"].is_gate
    assert not sites["rnn.0.cell_gate"].is_gate
    assert (sites["output.loss"].units, sites["output.log_prob"].units) == (1, SYMBOLS)


def test_kinds_of_units():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.rnn, self.out = nn.Embedding(5, 3), nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 5)

        def forward(self, tokens):
            return self.out(self.rnn(self.embed(tokens))[0])

    kinds = {site.name: site.kind for site in ModuleModel(Net(), hooked=["*", "out.input"]).sites()}
    assert kinds == {
        "rnn.0.input_gate": "gate",
        "rnn.0.forget_gate": "gate",
        "rnn.0.cell_gate": "gate",
        "rnn.0.output_gate": "gate",
        "rnn.0.cell": "cell",
        "rnn.0.hidden": "state",
        "embed.output": "embedding",
        "out.output": "layer",
        "out.input": "input",
        "output.loss": "prediction",
        "output.log_prob": "prediction",
    }


def test_a_bare_layer_is_called_by_its_class():
    codes = torch.randn(SYMBOLS, 4)
    model = ModuleModel(nn.GRU(4, 6, batch_first=True), call=lambda gru, batch: gru(codes[batch.tokens]))
    assert names(model)[:4] == ["gru.0.reset_gate", "gru.0.update_gate", "gru.0.new_gate", "gru.0.hidden"]
    with torch.no_grad():
        expected = model.module(codes[batch([9] * 3).tokens])[0]
    torch.testing.assert_close(model.run(batch([9] * 3), ["gru.0.hidden"])["gru.0.hidden"], expected)


def test_several_recurrent_layers_anywhere_inside():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(SYMBOLS, 4)
            self.low = nn.ModuleList([nn.GRU(4, 5, batch_first=True)])
            self.top = nn.Sequential(nn.LSTM(5, 3, batch_first=True))

        def forward(self, tokens):
            return self.top(self.low[0](self.embedding(tokens))[0])[0]

    model = ModuleModel(Two())
    assert {name.rpartition(".")[0] for name in inside(model)} == {"low.0.0", "top.0.0"}
    assert model.run(batch([5]), ["top.0.0.cell", "low.0.0.hidden"])["top.0.0.cell"].shape == (1, 5, 3)


def test_loss_is_in_nats_and_zero_where_there_is_no_target():
    net, tokens = tagger(LSTM2), batch(LENGTHS)
    loss = ModuleModel(net).run(tokens, ["output.loss"])["output.loss"]
    with torch.no_grad():
        expected = F.cross_entropy(net(tokens.tokens).mT, tokens.targets.clamp(min=0), reduction="none")
    has_target = tokens.targets >= 0
    torch.testing.assert_close(loss.squeeze(2)[has_target], expected[has_target])
    assert (loss.squeeze(2)[~has_target] == 0).all()


def test_no_prediction_no_output_sites():
    net = tagger(LSTM2)
    assert not any(name.startswith("output") for name in names(ModuleModel(net, logits=lambda _: None)))


def test_logits_are_found_by_the_users_function():
    class Tuple(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = tagger(LSTM2)

        def forward(self, tokens):
            return {"scores": self.net(tokens), "extra": 1}

    tokens = batch(LENGTHS)
    found = ModuleModel(Tuple(), logits=lambda output: output["scores"]).run(tokens, ["output.loss"])
    torch.testing.assert_close(found, ModuleModel(tagger(LSTM2)).run(tokens, ["output.loss"]))


def test_hooks_of_the_user_run_as_ever_and_none_is_left():
    net, seen = tagger(LSTM2), []
    net.rnn.register_forward_hook(lambda module, inputs, output: seen.append(output[0].shape))
    model = ModuleModel(net)
    model.sites()
    seen.clear()
    model.run(batch(LENGTHS), ["rnn.0.cell"])
    assert seen == [(5, 9, 7)]
    assert len(net.rnn._forward_hooks) == 1


def test_an_exception_leaves_nothing_behind():
    class Failing(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = tagger(LSTM2)
            self.fail = False

        def forward(self, tokens):
            logits = self.net(tokens)
            if self.fail:
                raise ArithmeticError("after the layer")
            return logits

    net = Failing()
    model = ModuleModel(net)
    model.sites()
    net.fail = True
    with pytest.raises(ArithmeticError):
        model.run(batch(LENGTHS), ["net.rnn.0.cell"], [zero("net.rnn.1.hidden", [0])])
    assert all("forward" not in vars(child) for child in net.modules())
    assert all(child.training for child in net.modules())


def test_what_comes_after_the_layer_may_work_in_place():
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.rnn = nn.Embedding(SYMBOLS, 4), nn.LSTM(4, 6, batch_first=True)

        def forward(self, tokens):
            return F.relu(self.rnn(self.embedding(tokens))[0], inplace=True)

    model = ModuleModel(InPlace())
    for read in (["rnn.0.hidden"], ["rnn.0.hidden", "rnn.0.cell"]):
        assert (model.run(batch(LENGTHS), read)["rnn.0.hidden"] < 0).any()


def test_values_outlive_the_next_run():
    model = ModuleModel(tagger(LSTM2))
    first = model.run(batch(LENGTHS, seed=1), inside(model))
    copies = {name: value.clone() for name, value in first.items()}
    model.run(batch(LENGTHS, seed=2), inside(model))
    assert all(torch.equal(first[name], copies[name]) for name in copies)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
def test_half_precision(cell, dtype):
    net = tagger(Kind(cell, 2, True, dtype=dtype))
    model, exact = (ModuleModel(n, logits=lambda output: output) for n in (net, copy.deepcopy(net).float()))
    values, expected = model.run(batch([9] * 4), inside(model)), exact.run(batch([9] * 4), inside(exact))
    for name, value in values.items():
        assert value.dtype == dtype
        assert (value - expected[name]).abs().mean() < 0.05
    assert model.run(batch([9]), ["output.loss"])["output.loss"].dtype == torch.float32


def test_an_untrained_twin_is_new_repeatable_and_leaves_the_generator():
    model = ModuleModel(tagger(LSTM2), name="net")
    state = torch.get_rng_state()
    twins = [model.untrained(seed) for seed in (1, 1, 2)]
    assert torch.equal(state, torch.get_rng_state())
    assert twins[0].fingerprint == twins[1].fingerprint
    assert len({model.fingerprint, twins[0].fingerprint, twins[2].fingerprint}) == 3
    old, new = dict(model.module.named_parameters()), dict(twins[0].module.named_parameters())
    assert not any(torch.equal(old[name], new[name]) for name in old)
    assert names(twins[0]) == names(model)


def test_a_modules_own_initialisation_has_the_last_word():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.rnn = nn.Embedding(SYMBOLS, 4), nn.LSTM(4, 6)

        def reset_parameters(self):
            nn.init.constant_(self.rnn.bias_ih_l0, 3.0)

    assert (ModuleModel(Own()).untrained(0).module.rnn.bias_ih_l0 == 3).all()


def test_a_weight_that_nothing_resets_is_refused():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.scale = tagger(LSTM2), nn.Parameter(torch.ones(1))

        def forward(self, tokens):
            return self.net(tokens) * self.scale

    with pytest.raises(InputError, match="keep the trained scale"):
        ModuleModel(Scaled()).untrained(0)


def test_fingerprint_sees_weights_classes_and_settings():
    prints = [ModuleModel(tagger(kind)).fingerprint for kind in (Kind("tanh"), Kind("relu"), LSTM2, LSTM2)]
    assert prints[0] != prints[1]
    assert prints[2] == prints[3]
    changed = tagger(LSTM2)
    with torch.no_grad():
        changed.decoder.bias[0] += 1e-6
    assert ModuleModel(changed).fingerprint != prints[2]


def test_description():
    description = ModuleModel(tagger(LSTM2), name="two layers").describe()
    assert description["model"] == "two layers"
    assert description["parameters"] == f"{sum(p.numel() for p in tagger(LSTM2).parameters()):,}"
    assert "rnn: LSTM(5, 7, num_layers=2, batch_first=True)" in description["layers"]


@pytest.mark.parametrize(
    ("read", "edits", "message"),
    [
        (["rnn.2.cell"], [], "no site 'rnn.2.cell'; there are: rnn.0.input_gate, "),
        (["rnn.0.cell"], [zero("rnn.0.cells", [0])], "no site 'rnn.0.cells'"),
        (["rnn.0.cell"], [zero("rnn.0.cell", [7])], "no unit 7; its units are 0 to 6"),
        (["rnn.0.cell"], [zero("rnn.0.cell", [-1])], "no unit -1"),
        (["rnn.0.cell"], [zero("output.loss", [0])], "cannot be edited"),
        (["rnn.0.cell"], [zero("output.log_prob", [0])], "cannot be edited"),
    ],
)
def test_wrong_names_and_numbers(read, edits, message):
    with pytest.raises(InputError, match=message):
        ModuleModel(tagger(LSTM2)).run(batch(LENGTHS), read, edits)


def test_nothing_recurrent_inside():
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, tokens):
            return self.scale * tokens.sum()

    assert ModuleModel(Counts()).sites() == ()
    with pytest.raises(InputError, match=r"nothing in the model that has \[batch time unit\] values"):
        ModuleModel(Counts(), hooked=["*"]).sites()


def test_a_module_that_does_not_read_tokens():
    with pytest.raises(InputError, match="call="):
        ModuleModel(nn.LSTM(3, 3)).sites()


def test_a_layer_that_never_runs():
    net = tagger(LSTM2)
    net.spare = nn.GRU(3, 3)
    with pytest.raises(InputError, match="never ran"):
        ModuleModel(net).run(batch(LENGTHS), ["spare.0.hidden"])


def test_a_layer_that_does_not_step_with_the_tokens():
    model = ModuleModel(tagger(LSTM2), call=lambda net, batch: net(batch.tokens[:, ::2]), logits=lambda _: None)
    with pytest.raises(InputError, match=r"hidden has 5 steps .* the batch has 9"):
        model.run(batch(LENGTHS), ["rnn.0.hidden"])


def test_targets_outside_the_vocabulary_of_the_model():
    tokens = batch(LENGTHS)
    tokens.targets[0, 0] = SYMBOLS
    with pytest.raises(InputError, match=f"predicts {SYMBOLS} symbols"):
        ModuleModel(tagger(LSTM2)).run(tokens, ["output.loss"])


def test_a_deep_model_is_described_in_few_words():
    module = nn.Sequential(*(nn.LSTM(4, 4, batch_first=True) for _ in range(1)), *(nn.Identity() for _ in range(40)))
    described = ModuleModel(module, call=lambda m, batch: None, logits=lambda output: None).describe()["layers"]
    assert "… 32 more …" in described
    assert len(described) < 600


def test_a_model_is_looked_at_where_it_is():
    """On the device without data, a tensor made anywhere else would not meet the model's."""
    net = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 9))
    assert ModuleModel(net.to("meta")).sites() == ModuleModel(net.to_empty(device="cpu")).sites()
