"""What the check finds, each against a computation of its own: loops by hand, and sequences alone."""

import copy

import odd_nets
import pytest
import torch
from loops import by_hand
from odd_nets import ORDERS, SYMBOLS, UNITS, WIDE, Net, batch, gru, lstm, made
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from unitscope.errors import InputError
from unitscope.models.check import memory
from unitscope.models.edit import Bound, Edit, Steps
from unitscope.models.module import ModuleModel

LENGTHS = [4, 9, 2, 9, 7, 2, 9, 1]
PREDICTIONS = ["output.loss", "output.log_prob"]


@pytest.fixture(autouse=True)
def nothing_is_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv(memory.FOLDER, str(tmp_path))
    monkeypatch.setattr(memory, "_made", {})


def with_lengths(module, batch):
    return module(batch.tokens, batch.lengths)


def inside(model):
    return [site.name for site in model.sites() if site.kind != "prediction"]


def alone(tokens, lengths, row):
    return tokens[row : row + 1, : lengths[row]]


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@torch.no_grad()
def test_rows_that_a_module_sorts_are_put_back(order):
    draw = torch.Generator().manual_seed(1)
    lengths = torch.randint(1, 5, (40,), generator=draw)  # many of one length: nobody knows how they are sorted
    net, given = made(odd_nets.Sorting, order), batch(lengths)
    model = ModuleModel(net, call=with_lengths, hooked=["embed.output"])
    read = [*inside(model), "output.loss"]
    values = model.run(given, read)
    for row, length in enumerate(lengths.tolist()):
        x = net.embed(alone(given.tokens, lengths, row))
        streams = {f"rnn.{name}": value for name, value in by_hand(net.rnn, x).items()} | {"embed.output": x}
        for name, expected in streams.items():
            close(values[name][row, :length], expected[0])
        log_prob = net.out(streams["rnn.0.hidden"]).log_softmax(-1)[0, torch.arange(length - 1)]
        close(
            values["output.loss"][row, : length - 1, 0],
            -log_prob.gather(1, given.targets[row, : length - 1, None])[:, 0],
        )
    check = model.checked
    assert {site.site for site in check.sites if site.rows == "moved"} == {
        name for name in inside(model) if name != "embed.output"
    }
    assert check.together == "any"


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@torch.no_grad()
def test_edits_act_on_the_rows_of_the_batch(order):
    net, given = made(odd_nets.Sorting, order), batch(LENGTHS)
    model = ModuleModel(net, call=with_lengths)
    told = torch.randn(len(LENGTHS), 9, 1, generator=torch.Generator().manual_seed(2))  # each row and step its own
    edit = Bound("rnn.0.cell", torch.tensor([3]), told)
    values = model.run(given, ["rnn.0.hidden", "output.log_prob"], [edit])
    for row, length in enumerate(LENGTHS):
        x = net.embed(alone(given.tokens, LENGTHS, row))

        def hold(value, step, row=row):
            return value if step is None else torch.cat([value[:, :3], told[row, step][None], value[:, 4:]], 1)

        hidden = by_hand(net.rnn, x, {"0.cell": hold})["0.hidden"]
        close(values["rnn.0.hidden"][row, :length], hidden[0])
        close(values["output.log_prob"][row, :length], net.out(hidden[0]).log_softmax(-1))


@torch.no_grad()
def test_what_reads_from_the_end_has_its_steps_in_order():
    net, given = made(odd_nets.Flipped, gru()), batch(LENGTHS)
    model = ModuleModel(net, hooked=["out.input"])
    values = model.run(given, inside(model))
    edited = model.run(given, inside(model), [Edit("rnn.0.new_gate", (2,), (0.5,), Steps(1, 3))])
    for row, length in enumerate(LENGTHS):
        x = net.embed(alone(given.tokens, LENGTHS, row)).flip(1)
        streams = by_hand(net.rnn, x)

        def hold(value, step, last=length - 1):
            value = value.clone()
            value[:, 2] = 0.5 if step is not None and 1 <= last - step < 3 else value[:, 2]
            return value

        held = by_hand(net.rnn, x, {"0.new_gate": hold})
        for name in streams:
            close(values[f"rnn.{name}"][row, :length], streams[name][0].flip(0))
            close(edited[f"rnn.{name}"][row, :length], held[name][0].flip(0))
        close(edited["out.input"][row, :length], held["0.hidden"][0].flip(0))
    assert {s.site for s in model.checked.sites if s.steps == "reversed"} == {f"rnn.{name}" for name in streams}
    assert {s.reach for s in model.checked.sites} == {"earlier steps"}


@torch.no_grad()
def test_a_cell_that_goes_backwards_has_its_steps_in_order():
    net, given = made(odd_nets.CellBackwards), batch(LENGTHS)
    model = ModuleModel(net)
    values = model.run(given, ["rnn.hidden", "rnn.cell"])
    for row, length in enumerate(LENGTHS):
        x, state = net.embed(alone(given.tokens, LENGTHS, row)), None
        for step in reversed(range(length)):
            state = net.rnn(x[:, step], state)
            close(values["rnn.hidden"][row, step], state[0][0])
            close(values["rnn.cell"][row, step], state[1][0])


@pytest.mark.parametrize("kind", [odd_nets.Convolved, lambda: odd_nets.Averaged(gru())], ids=["convolution", "mean"])
@torch.no_grad()
def test_padding_that_would_reach_in_is_kept_out(kind):
    net, given = made(kind), batch(LENGTHS)
    model = ModuleModel(net)
    values = model.run(given, inside(model))
    for row, length in enumerate(LENGTHS):
        streams, taken = {}, []
        hook = net.rnn.register_forward_pre_hook(lambda _, args, taken=taken: taken.append(args[0]))
        net(alone(given.tokens, LENGTHS, row))
        hook.remove()
        streams = by_hand(net.rnn, taken[0])
        for name, expected in streams.items():
            close(values[f"rnn.{name}"][row, :length], expected[0])
    assert model.checked.together == "equal lengths"
    assert all(site.padding and site.reach == "all steps" for site in model.checked.sites)
    assert not model.checked.predicts and "sees later tokens" in model.checked.output


@torch.no_grad()
def test_padding_that_a_call_lets_in_is_kept_out_too():
    net, given = made(odd_nets.Averaged, gru()), batch(LENGTHS)
    model = ModuleModel(net, call=lambda module, b: module(b.tokens))
    values = model.run(given, ["rnn.0.hidden"])["rnn.0.hidden"]
    for row, length in enumerate(LENGTHS):
        x = net.embed(alone(given.tokens, LENGTHS, row))
        close(values[row, :length], net.rnn(x + x.mean(1, keepdim=True))[0][0])


@torch.no_grad()
def test_sequences_that_hang_on_each_other_run_alone():
    net, given = made(odd_nets.Whitened, lstm()), batch(LENGTHS)
    model = ModuleModel(net)
    values = model.run(given, inside(model))
    for row, length in enumerate(LENGTHS):
        for name, expected in by_hand(net.rnn, net.embed(alone(given.tokens, LENGTHS, row))).items():
            close(values[f"rnn.{name}"][row, :length], expected[0])
    assert model.checked.together == "alone"


@torch.no_grad()
def test_the_longest_first_only():
    def call(module, b):
        x = pack_padded_sequence(module.embed(b.tokens), b.lengths, batch_first=True)  # sorted, or an error
        return module.out(pad_packed_sequence(module.rnn(x)[0], batch_first=True)[0])

    net, given = made(Net, lstm()), batch(LENGTHS)
    values = ModuleModel(net, call=call).run(given, ["rnn.0.cell"])["rnn.0.cell"]
    for row, length in enumerate(LENGTHS):
        close(values[row, :length], by_hand(net.rnn, net.embed(alone(given.tokens, LENGTHS, row)))["0.cell"][0])


@pytest.mark.parametrize("kind", [lambda: odd_nets.Carrying(lstm()), odd_nets.Buffered], ids=["attribute", "buffer"])
def test_a_state_that_is_kept_is_refused_by_name(kind):
    net = made(kind)
    before = copy.deepcopy({**net.state_dict(), "state": getattr(net, "state", None)})
    name = "state" if isinstance(net, odd_nets.Carrying) else "last"
    with pytest.raises(InputError, match=rf"keeps its state from call to call \({name}\)"):
        ModuleModel(net).sites()
    after = {**net.state_dict(), "state": getattr(net, "state", None)}
    assert all(torch.equal(before[k], after[k]) if before[k] is not None else after[k] is None for k in before)


@torch.no_grad()
def test_a_state_that_the_call_resets_is_read():
    net, given = made(odd_nets.Carrying, lstm()), batch([9] * 4)

    def call(module, b):
        module.state = None
        return module(b.tokens)

    net.state = "as it was"
    model = ModuleModel(net, call=call)
    for _ in range(2):
        found = model.run(given, ["rnn.0.cell"])["rnn.0.cell"]
        close(found, by_hand(net.rnn, net.embed(given.tokens))["0.cell"])
    assert net.state == "as it was"
    assert model.checked.writes == ("state",)


@torch.no_grad()
def test_what_a_call_writes_without_reading_it_is_put_back():
    net, given = made(odd_nets.Counting), batch([9] * 4)
    net(given.tokens)
    seen = net.seen
    model = ModuleModel(net)
    model.run(given, inside(model))
    assert int(net.calls) == 1 and net.seen is seen and len(seen) == 1
    assert set(model.checked.writes) == {"calls", "seen"}


def test_random_numbers_are_refused():
    net = made(odd_nets.Drawing, gru())
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    with pytest.raises(InputError, match="draws random numbers"):
        ModuleModel(net).sites()
    assert torch.equal(torch.rand(1), expected)


def test_numbers_drawn_elsewhere_are_refused():
    import random

    class Elsewhere(Net):
        def forward(self, tokens):
            return super().forward(tokens) * random.random()

    with pytest.raises(InputError, match="reads differently"):
        ModuleModel(made(Elsewhere, gru())).sites()


class OneHot(Net):
    """Its vocabulary is nowhere to be read."""

    def forward(self, tokens):
        return self.out(self.rnn(nn.functional.one_hot(tokens, WIDE).float())[0])


class Tied(Net):
    def forward(self, tokens):
        return self.rnn(self.embed(tokens))[0] @ self.embed.weight.T


class Normed(Net):
    def __init__(self):
        super().__init__(gru())
        self.norm = nn.LayerNorm(SYMBOLS)

    def forward(self, tokens):
        return self.norm(super().forward(tokens))


class States(Net):
    def forward(self, tokens):
        return self.rnn(self.embed(tokens))


@pytest.mark.parametrize(
    ("make", "predicts", "why"),
    [
        (lambda: Net(lstm()), True, "predicts the next token"),
        (lambda: Tied(nn.LSTM(WIDE, WIDE, batch_first=True)), True, "predicts the next token"),
        (lambda: OneHot(gru(), symbols=WIDE), True, "predicts the next token"),
        (lambda: nn.Sequential(Net(gru()), nn.LogSoftmax(-1)), True, "predicts the next token"),
        (lambda: OneHot(gru(), symbols=WIDE + 1), False, "its vocabulary is not"),
        (lambda: Net(gru(), symbols=SYMBOLS + 1), False, "12 wide and reads 11 symbols"),
        (lambda: Net(gru(), symbols=1), False, "1 wide and reads 11 symbols"),
        (lambda: Net(gru(bidirectional=True), 2 * UNITS), False, "sees later tokens"),
        (lambda: odd_nets.Flipped(gru()), False, "sees later tokens"),
        (lambda: States(gru()), False, "8 wide and reads 11 symbols"),
        (lambda: States(nn.GRU(WIDE, SYMBOLS, batch_first=True)), False, "no layer of logits"),
        (Normed, False, "no layer of logits"),
    ],
)
def test_a_loss_only_where_the_next_token_is_predicted(make, predicts, why):
    model = ModuleModel(made(make))
    assert [site.name for site in model.sites() if site.kind == "prediction"] == (PREDICTIONS if predicts else [])
    assert why in model.checked.output


@pytest.mark.parametrize("kind", [lambda: Net(lstm()), odd_nets.Convolved, lambda: odd_nets.Flipped(gru())])
def test_ten_runs_at_most_and_never_twice(kind):
    net, runs = made(kind), []
    net.register_forward_hook(lambda *_: runs.append(1))
    model = ModuleModel(net, hooked=["*"])
    model.sites()
    assert len(runs) == model.checked.forwards <= 10
    runs.clear()
    assert ModuleModel(net, hooked=["*"]).sites() == model.sites()
    assert len(runs) == 2  # the modules' shapes


def test_other_code_with_the_same_weights_is_checked_again():
    first = made(Net, gru())
    second = copy.deepcopy(first)
    second.__class__ = type("Net", (Net,), {"forward": odd_nets.Flipped.forward})
    assert ModuleModel(first).fingerprint == ModuleModel(second).fingerprint
    assert ModuleModel(first).checked.predicts
    assert not ModuleModel(second).checked.predicts
    assert ModuleModel(first, call=lambda m, b: m(b.tokens.flip(1)).flip(1)).checked.whole.reach == "earlier steps"


def test_another_setting_with_the_same_weights_and_code_is_checked_again():
    class Either(Net):
        backwards = False

        def forward(self, tokens):
            x = self.embed(tokens)
            return self.out(self.rnn(x.flip(1))[0].flip(1) if self.backwards else self.rnn(x)[0])

    torch.manual_seed(0)
    net = Either(gru()).eval()
    assert {site.reach for site in ModuleModel(net).checked.sites} == {"later steps"}
    net.backwards = True
    assert {site.reach for site in ModuleModel(net).checked.sites} == {"earlier steps"}


def test_unchecked_if_asked():
    net, runs = made(odd_nets.Carrying, lstm()), []
    net.register_forward_hook(lambda *_: runs.append(1))
    assert len(ModuleModel(net, check=False).sites()) == 8
    assert len(runs) == 2


def test_a_long_check_is_kept_on_disk(monkeypatch):
    monkeypatch.setattr(memory, "A_MOMENT", 0.0)
    net = made(odd_nets.Flipped, gru())
    found = ModuleModel(net).checked
    memory._made.clear()
    runs = []
    net.register_forward_hook(lambda *_: runs.append(1))
    assert ModuleModel(net).checked == found
    assert not runs


def test_a_check_is_data_and_words():
    check = ModuleModel(made(odd_nets.Flipped, gru())).checked
    (table,) = check.views()
    assert [row[0] for row in table.rows] == [site.site for site in check.sites]
    assert "reads from the end at rnn.0.reset_gate" in str(check)
    assert check.to_pandas().loc[0, "steps"] == "reversed"


def test_edits_are_tried_at_every_site():
    class Unread(Net):
        """A module whose output goes nowhere."""

        def __init__(self):
            super().__init__(lstm())
            self.aside = nn.Linear(UNITS, 3)

        def forward(self, tokens):
            steps = self.rnn(self.embed(tokens))[0]
            self.aside(steps)
            return self.out(steps)

    check = ModuleModel(made(Unread), hooked=["*"]).checked
    assert {site.site: site.edits for site in check.sites if site.edits != "change what follows"} == {
        "aside.output": "change nothing that is read"
    }


def test_a_site_without_a_step_for_each_token_is_left_out_and_said():
    class Halved(Net):
        def __init__(self):
            super().__init__(gru())
            self.every_other = gru()

        def forward(self, tokens):
            self.every_other(self.embed(tokens)[:, ::2])
            return super().forward(tokens)

    model = ModuleModel(made(Halved))
    assert not any("every_other" in site.name for site in model.sites())
    assert "5 steps" in model.checked.left_out["every_other.0.hidden"]
    with pytest.raises(InputError, match="5 steps of 7 sequences"):
        model.run(batch(LENGTHS), ["every_other.0.hidden"])


class TimeFirst(Net):
    """Logits [time batch symbol]; ``swapped`` gives [batch symbol time]."""

    swapped = False

    def forward(self, tokens):
        logits = super().forward(tokens)
        return logits.permute(0, 2, 1) if self.swapped else logits.transpose(0, 1)


@pytest.mark.parametrize("swapped", [False, True])
def test_the_axes_of_the_output_are_found(swapped):
    layer, given = gru(), batch((4, 7, 5))
    expected = ModuleModel(made(Net, layer)).run(given, ["output.loss"])["output.loss"]
    net = made(TimeFirst, layer)
    net.swapped = swapped
    found = ModuleModel(net).run(given, ["output.loss"])["output.loss"]
    assert torch.allclose(found[given.has_target], expected[given.has_target], atol=1e-6)


class Shifted(Net):
    """Its output at a step says the token of that step, from those before."""

    def forward(self, tokens):
        return nn.functional.pad(super().forward(tokens), (0, 0, 1, 0))[:, :-1]


def test_an_output_that_does_not_see_its_own_token_predicts_that_and_not_the_next():
    layer, given = gru(), batch((4, 7, 5))
    model = ModuleModel(made(Shifted, layer))
    assert not model.checked.predicts
    assert "logits=lambda output: output.roll(-1, 1)" in str(model.checked)
    told = ModuleModel(made(Shifted, layer), logits=lambda output: output.roll(-1, 1)).run(given, ["output.loss"])
    expected = ModuleModel(made(Net, layer)).run(given, ["output.loss"])["output.loss"]
    assert torch.allclose(told["output.loss"][given.has_target], expected[given.has_target], atol=1e-6)
