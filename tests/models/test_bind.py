"""Edits of every kind, in every kind of place, against one step at a time by hand."""

import copy
from dataclasses import replace

import pytest
import torch
from loops import by_hand
from nets import Kind, Tagger, batch, tagger
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from toys import ToyCorpus

from unitscope.errors import InputError
from unitscope.models.bind import bind, check_edits
from unitscope.models.edit import Edit, Projected, Resampled, Scaled, Steps, Where, project, zero
from unitscope.models.module import ModuleModel
from unitscope.source.live import Live
from unitscope.source.source import ALL

UNITS = (4, 1)
MATRIX, MEAN = ((0.5, -0.25), (0.125, 1.0)), (0.3, -0.2)
VALUES = [(0.25, -0.5), Scaled((2.0, 0.0)), Projected(MATRIX, MEAN), Resampled(3)]
PAIRS = [
    (VALUES[0], None),
    (VALUES[0], Steps(1, 3)),
    (VALUES[1], Where("odd")),
    (VALUES[2], None),
    (VALUES[2], Steps(2)),
    (VALUES[3], None),
    (VALUES[3], Where("odd", 0.0)),
]
CORPUS = ToyCorpus(size=20)
NUMBERS = [0, 5, 9]


class Convolutional(nn.Module):
    """Channels first inside; sites by hooks."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 5, dtype=torch.float64)
        self.conv = nn.Conv1d(5, 7, 3, padding=1, dtype=torch.float64)
        self.head = nn.Linear(7, 11, dtype=torch.float64)

    def forward(self, tokens):
        return self.head(self.conv(self.embedding(tokens).transpose(1, 2)).transpose(1, 2).tanh())


class Stepped(nn.Module):
    """A cell in a loop, sites by hooks, one call for each step."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 5, dtype=torch.float64)
        self.cell = nn.GRUCell(5, 7, dtype=torch.float64)
        self.head = nn.Linear(7, 11, dtype=torch.float64)

    def forward(self, tokens):
        x, h, steps = self.embedding(tokens), None, []
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
            steps.append(h)
        return self.head(torch.stack(steps, dim=1))


class Pieces(nn.Module):
    """A stock layer that is called for two steps at a time."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 5, dtype=torch.float64)
        self.rnn = nn.LSTM(5, 7, batch_first=True, dtype=torch.float64)
        self.head = nn.Linear(7, 11, dtype=torch.float64)

    def forward(self, tokens):
        x, state, found = self.embedding(tokens), None, []
        for first in range(0, x.shape[1], 2):
            y, state = self.rnn(x[:, first : first + 2], state)
            found.append(y)
        return self.head(torch.cat(found, dim=1))


def holds(where, number, step):
    """Whether a condition holds at a step of the batch, two of which are context."""
    if where is None:
        return True
    if step < 2:
        return False
    if isinstance(where, Steps):
        return where.start <= step - 2 < (99 if where.stop is None else where.stop)
    return bool(CORPUS.digits(number)[step] % 2 == where.value)


def changed(x, values, given):
    """What becomes of the two units' values ``x``."""
    match values:
        case Resampled():
            return given
        case Scaled(factors):
            return x * torch.tensor(factors, dtype=x.dtype)
        case Projected(matrix, mean):
            shifted = x - torch.tensor(mean, dtype=x.dtype)
            return x - torch.einsum("bi,ij->bj", shifted, torch.tensor(matrix, dtype=x.dtype))
        case constants:
            return torch.tensor(constants, dtype=x.dtype).expand_as(x)


def donor(model, site, number):
    """The other sequence that is resampled from, found by what it gives."""
    (bound,) = bind([Edit(site, UNITS, Resampled(3))], model, CORPUS.batch([number]), CORPUS)
    steps = len(CORPUS.digits(number))
    every = model.run(CORPUS.batch(range(len(CORPUS))), [site])[site][:, :steps, list(UNITS)]
    same = (every - bound.add).abs().amax((1, 2)) < 1e-12
    found = [other for other in torch.nonzero(same) if other != number and len(CORPUS.digits(int(other))) >= steps]
    assert found, "no other sequence at least as long has these values"
    return bound.add[0]


@pytest.mark.parametrize(("values", "where"), PAIRS, ids=str)
@pytest.mark.parametrize("kind", [Kind("tanh"), Kind("relu"), Kind("lstm", 2), Kind("gru", 1, True)], ids=str)
@torch.no_grad()
def test_inside_stock_layers(kind, values, where):
    net = tagger(replace(kind, dtype=torch.float64))
    model = ModuleModel(net)
    places = [s.name for s in model.sites() if s.name.startswith("rnn.")]
    for site in places:
        edit = Edit(site, UNITS, values, where)
        source = Live(model, CORPUS, edits=(edit,), sequences=NUMBERS)
        (chunks,) = source.chunks(places)
        for number in NUMBERS:
            given = donor(model, site, number) if isinstance(values, Resampled) else None

            def change(x, t, number=number, given=given):
                x = x.clone()
                if t is None:  # constants everywhere are held from the beginning
                    if isinstance(values, tuple) and where is None:
                        x[:, list(UNITS)] = changed(x[:, list(UNITS)], values, None)
                elif holds(where, number, t):
                    x[:, list(UNITS)] = changed(x[:, list(UNITS)], values, None if given is None else given[t])
                return x

            x = net.embedding(CORPUS.batch([number]).tokens)
            expected = by_hand(net.rnn, x, {site.partition(".")[2]: change})
            rows = chunks[site].sequence == number
            for name in places:
                found = chunks[name].activations[rows]
                assert (found - expected[name.partition(".")[2]][0, 2:]).abs().max() < 1e-12, (site, name)


@pytest.mark.parametrize(("values", "where"), PAIRS, ids=str)
@pytest.mark.parametrize(
    ("kind", "site"), [(Convolutional, "conv.output"), (Convolutional, "head.input"), (Stepped, "cell.hidden")]
)
@torch.no_grad()
def test_what_passes_through_any_module(kind, site, values, where):
    torch.manual_seed(0)
    model = ModuleModel(kind(), hooked=["*", "head.input"], logits=lambda output: output)
    edit = Edit(site, UNITS, values, where)
    for number in NUMBERS:
        (intact,) = Live(model, CORPUS, sequences=[number]).chunks([site, "output.log_prob"])
        (edited,) = Live(model, CORPUS, edits=(edit,), sequences=[number]).chunks([site, "output.log_prob"])
        given = donor(model, site, number)[2:] if isinstance(values, Resampled) else None
        before, after = intact[site].activations, edited[site].activations.clone()
        differs = False
        for step in range(len(before)):
            if holds(where, number, step + 2):
                differs = True
                if kind is Convolutional:  # a step's values do not hang on what was edited before
                    old = before[step : step + 1, list(UNITS)]
                    expected = changed(old, values, None if given is None else given[step])
                    assert (after[step : step + 1, list(UNITS)] - expected).abs().max() < 1e-12
                after[step, list(UNITS)] = before[step, list(UNITS)]
        if kind is Convolutional:
            assert torch.equal(after, before)
        same = torch.equal(intact["output.log_prob"].activations, edited["output.log_prob"].activations)
        if given is None:  # another sequence may happen to have the same values
            assert same == (not differs)
    together = Live(model, CORPUS, edits=(edit,), sequences=NUMBERS)
    (found,) = together.chunks([site])
    alone = [next(together.chunks([site], sequences=[n]))[site].activations for n in NUMBERS]
    torch.testing.assert_close(found[site].activations, torch.cat(alone))


def test_a_cell_by_hooks_is_a_layer_by_its_own_loop():
    torch.manual_seed(0)
    stepped, stock = Stepped(), Tagger(Kind("gru", dtype=torch.float64))
    stock.embedding, stock.decoder = stepped.embedding, stepped.head
    stock.rnn.load_state_dict({f"{name}_l0": weight for name, weight in stepped.cell.state_dict().items()})
    for values, where in PAIRS:
        if where is not None:
            found = []
            for net, site in ((stepped, "cell.hidden"), (stock, "rnn.0.hidden")):
                source = Live(ModuleModel(net), CORPUS, edits=(Edit(site, UNITS, values, where),))
                found.append(torch.cat([c["output.log_prob"].activations for c in source.chunks(["output.log_prob"])]))
            assert (found[0] - found[1]).abs().max() < 1e-12


def test_a_layer_called_for_a_few_steps_at_a_time_is_one_called_once():
    torch.manual_seed(0)
    pieces, whole = Pieces(), Tagger(Kind("lstm", dtype=torch.float64))
    whole.embedding, whole.rnn, whole.decoder = pieces.embedding, pieces.rnn, pieces.head
    for values in VALUES:
        for site in ("rnn.0.forget_gate", "rnn.0.hidden"):
            edit = Edit(site, UNITS, values, Steps(1, 3))
            found = [
                next(Live(ModuleModel(net), CORPUS, edits=(edit,)).chunks(["output.log_prob"]))["output.log_prob"]
                for net in (pieces, whole)
            ]
            assert (found[0].activations - found[1].activations).abs().max() < 1e-12


def test_packed_sequences_in_any_order():
    net = tagger(Kind("lstm", dtype=torch.float64))

    def call(net, batch):
        packed = pack_padded_sequence(net.embed(batch.tokens), batch.lengths, batch_first=True, enforce_sorted=False)
        return net.decoder(pad_packed_sequence(net.rnn(packed)[0], batch_first=True)[0])

    edits = (Edit("rnn.0.cell", UNITS, Resampled(), Where("odd")), Edit("rnn.0.hidden", (2,), Scaled((3.0,)), Steps(1)))
    found = [
        next(Live(model, CORPUS, edits=edits, sequences=NUMBERS).chunks(["output.log_prob"]))["output.log_prob"]
        for model in (ModuleModel(net), ModuleModel(net, call=call))
    ]
    assert (found[0].activations - found[1].activations).abs().max() < 1e-12


def test_edits_of_one_site_act_one_after_the_other():
    model = ModuleModel(tagger(Kind("lstm", dtype=torch.float64)))
    site, tokens = "rnn.0.forget_gate", batch([9] * 3)
    edits = [Edit(site, (1, 2), (0.5, 0.25)), Edit(site, (2,), Scaled((2.0,))), Edit(site, (2,), (0.125,), Steps(3, 4))]
    values = model.run(tokens, [site], edits)[site]
    assert (values[..., 1] == 0.5).all()
    assert values[0, :, 2].tolist() == [0.5] * 3 + [0.125] + [0.5] * 5


def test_projecting_takes_a_direction_out_of_the_whole_vector():
    model, tokens = ModuleModel(tagger(Kind("lstm", 2))), batch([9] * 3)
    site = "rnn.0.hidden"
    hidden = model.run(tokens, [site])[site].flatten(0, 1)
    direction = nn.functional.normalize(torch.randn(7), dim=0)
    mean = hidden.mean(0)
    edited = model.run(tokens, [site], [project(site, torch.outer(direction, direction), mean)])[site]
    assert (hidden @ direction).std() > 0.05
    assert ((edited.flatten(0, 1) - mean) @ direction).abs().max() < 1e-6


def test_another_sequence_is_drawn_by_its_number_and_the_seed_alone():
    model = ModuleModel(tagger(Kind("gru", dtype=torch.float64)))

    def losses(seed, batch_size, sequences=ALL):
        edit = Edit("rnn.0.hidden", UNITS, Resampled(seed))
        source = Live(model, CORPUS, batch_size, (edit,), sequences)
        return torch.cat([chunk["rnn.0.hidden"].activations for chunk in source.chunks(["rnn.0.hidden"])])

    whole = losses(0, 64)
    assert (whole - losses(0, 5)).abs().max() < 1e-12
    assert (whole[-CORPUS.lengths([19])[0] :] - losses(0, 5, [19])).abs().max() < 1e-12
    assert (whole - losses(1, 64)).abs().max() > 0.1


@pytest.mark.parametrize("site", ["rnn.0.forget_gate", "rnn.0.hidden", "decoder.output"])
def test_the_model_is_afterwards_as_it_was(site):
    net = tagger(Kind("lstm"))
    before, edits = copy.deepcopy(net.state_dict()), [Edit(site, (0,), (1.0,), Steps(1)), Edit(site, (1,), Resampled())]
    model = ModuleModel(net, hooked=["decoder.*"])
    list(Live(model, CORPUS, edits=tuple(edits)).chunks(["output.loss"]))
    net.decoder.forward = lambda x: 1 / 0
    with pytest.raises(ZeroDivisionError):
        model.run(batch([9]), ["output.loss"], [Edit(site, (0,), (1.0,), Steps(1))])
    del net.decoder.forward
    assert all(torch.equal(weight, before[name]) for name, weight in net.state_dict().items())
    assert "forward" not in net.rnn.__dict__
    assert not any(child._forward_hooks or child._forward_pre_hooks for child in net.modules())


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Edit("rnn.0.hidden", (0,), (0.0,), Steps(3, 99)), "window of steps 3 to 99 is not in .* at most 9 steps"),
        (Edit("rnn.0.hidden", (0,), (0.0,), Steps(9)), "window of steps 9"),
        (Edit("rnn.0.hidden", (0,), (0.0,), Steps(-1)), "window of steps -1"),
        (Edit("rnn.0.hidden", (0,), (0.0,), Steps(2, 2)), "window of steps 2 to 2"),
        (zero("rnn.0.hidden", [7]), "no unit 7"),
        (zero("rnn.1.hidden", [0]), "no site 'rnn.1.hidden'"),
    ],
)
def test_what_cannot_be_edited_is_refused_before_work(edit, message):
    with pytest.raises(InputError, match=message):
        Live(ModuleModel(tagger(Kind("lstm"))), CORPUS, edits=(edit,))


def test_an_unknown_label_and_a_corpus_of_one():
    model = ModuleModel(tagger(Kind("lstm")))

    class Single(ToyCorpus):
        def labels(self, name, sequence):
            raise InputError(f"no label {name}")

    with pytest.raises(InputError, match="no label even"):
        check_edits([zero("rnn.0.hidden", [0], Where("even"))], model, Single(1), [0])
    with pytest.raises(InputError, match="no other to resample from"):
        check_edits([Edit("rnn.0.hidden", (0,), Resampled())], model, Single(1), [0])


@pytest.mark.parametrize("edit", [Edit("rnn.0.hidden", (0,), Resampled()), zero("rnn.0.hidden", [0], Where("odd"))])
def test_a_batch_alone_has_no_labels_and_no_other_sequences(edit):
    with pytest.raises(InputError, match="use Live"):
        ModuleModel(tagger(Kind("lstm"))).run(batch([9]), ["output.loss"], [edit])


def test_steps_that_are_no_tokens_cannot_be_chosen():
    model = ModuleModel(tagger(Kind("lstm")), call=lambda net, batch: net(batch.tokens[:, ::2]), logits=lambda _: None)
    with pytest.raises(InputError, match="one step per token"):
        model.run(batch([9] * 3), [], [zero("rnn.0.hidden", [0], Steps(1))])


@pytest.mark.parametrize("values", [(1.0,), Scaled((1.0, 2.0, 3.0)), Projected(((1.0,),), (0.0,))])
def test_numbers_of_units_and_values_agree(values):
    with pytest.raises(ValueError, match="2 units but"):
        Edit("rnn.0.hidden", (0, 1), values)
