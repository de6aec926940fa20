"""Units of any module: what is found, that it is what the module computes, and that nothing stays behind."""

import copy
from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch
from nets import SYMBOLS, Kind, batch, row, tagger
from torch import Tensor, nn

from unitscope.corpus.batch import Batch
from unitscope.errors import InputError
from unitscope.models.edit import Edit, Steps
from unitscope.models.module import ModuleModel

LENGTHS = [9, 4, 9, 1, 6]


class Pair(NamedTuple):
    weights: Tensor | None
    values: Tensor


@dataclass
class Record:
    number: int
    pair: Pair


class Wrapped(nn.Module):
    """Gives its values inside a dataclass in a dict."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 6)

    def forward(self, x):
        return {"found": Record(1, Pair(None, self.linear(x)))}


class Mixed(nn.Module):
    """Every layout: batch first, time first, channels first, containers, one module twice, in place."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, 6)
        self.norm = nn.LayerNorm(6)
        self.conv = nn.Conv1d(6, 6, 3, padding=1)
        self.attention = nn.MultiheadAttention(6, 2)
        self.wrapped = Wrapped()
        self.gate = nn.Sigmoid()
        self.act = nn.ReLU()
        self.head = nn.Linear(6, SYMBOLS)

    def forward(self, tokens):
        x = self.norm(self.embedding(tokens))
        x = x + self.conv(x.transpose(1, 2)).transpose(1, 2)
        by_time = x.transpose(0, 1)
        x = x + self.attention(by_time, by_time, by_time)[0].transpose(0, 1)
        x = self.wrapped(x)["found"].pair.values.relu_()
        x = self.act(self.gate(x) - 0.5) + self.act(x)
        return self.head(x)


class Cell(nn.Module):
    """An LSTM cell as a user writes it, one step at a time."""

    def __init__(self, lstm):
        super().__init__()
        self.lstm = [lstm]  # hidden from the module tree: only its weights are used
        self.input_gate, self.forget_gate, self.output_gate = nn.Sigmoid(), nn.Sigmoid(), nn.Sigmoid()
        self.cell_gate = nn.Tanh()

    def forward(self, x, state):
        h, c = state
        lstm = self.lstm[0]
        i, f, g, o = (x @ lstm.weight_ih_l0.T + lstm.bias_ih_l0 + h @ lstm.weight_hh_l0.T + lstm.bias_hh_l0).chunk(4, 1)
        c = self.forget_gate(f) * c + self.input_gate(i) * self.cell_gate(g)
        return self.output_gate(o) * c.tanh(), c


class Looped(nn.Module):
    def __init__(self, cell, units=7):
        super().__init__()
        self.units = units
        self.embedding, self.cell, self.head = nn.Embedding(SYMBOLS, 5), cell, nn.Linear(units, SYMBOLS)

    def forward(self, tokens):
        state = (torch.zeros(len(tokens), self.units),) * 2
        outputs = []
        for x in self.embedding(tokens).unbind(1):
            state = self.cell(x, state)
            outputs.append(state[0])
        return self.head(torch.stack(outputs, 1))


def mixed(**options):
    torch.manual_seed(0)
    return ModuleModel(Mixed(), logits=lambda output: output, **options)


def names(model):
    return [site.name for site in model.sites()]


def inside(model):
    return [site.name for site in model.sites() if site.kind != "prediction"]


def hooks(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.module.modules())


def test_every_layout_is_found():
    model = mixed()
    sites = {site.name: site for site in model.sites()}
    assert list(sites) == [
        *("embedding.output", "norm.output", "conv.output", "attention.output", "wrapped.output"),
        *("wrapped.linear.output", "gate.output", "act.output", "act#2.output", "head.output"),
        *("output.loss", "output.log_prob"),
    ]
    assert sites["gate.output"].is_gate
    assert sites["act.output"].low == 0
    assert {site.units for name, site in sites.items() if name.startswith(("conv", "attention", "wrapped"))} == {6}


def test_values_are_those_that_pass_through():
    model, tokens = mixed(), batch([9] * 5)
    read, seen = names(model), {}
    for name, child in model.module.named_children():
        child.register_forward_hook(lambda module, args, output, name=name: seen.setdefault(name, output))
    own = hooks(model)
    values = model.run(tokens, read)
    assert torch.equal(values["norm.output"], seen["norm"])
    assert torch.equal(values["conv.output"], seen["conv"].transpose(1, 2))
    assert torch.equal(values["attention.output"], seen["attention"][0].transpose(0, 1))
    assert torch.equal(values["act.output"], seen["act"])
    assert (values["wrapped.linear.output"] < 0).any(), "what comes after works in place"
    assert hooks(model) == own


def test_reading_changes_no_output_and_padding_never_leaks():
    model, tokens = mixed(), batch(LENGTHS)
    together = model.run(tokens, names(model))
    for number, length in enumerate(LENGTHS):
        alone = row(tokens, number)
        with torch.no_grad():
            expected = model.module.eval()(alone.tokens).log_softmax(-1)
        torch.testing.assert_close(together["output.log_prob"][number : number + 1, :length], expected)
        for name, value in model.run(alone, inside(model)).items():
            torch.testing.assert_close(together[name][number : number + 1, :length], value)


def test_an_edit_reads_back_and_acts_downstream_only():
    model, tokens = mixed(), batch([9] * 3)
    order = inside(model)
    intact = model.run(tokens, [*order, "output.loss"])
    for place, site in enumerate(order):
        edited = model.run(
            tokens, [*order, "output.loss"], [Edit(site, (2, 0), (0.25, -0.5)), Edit(site, (2,), (3.0,))]
        )
        assert (edited[site][..., 2] == 3).all()
        assert (edited[site][..., 0] == -0.5).all()
        assert not torch.equal(edited["output.loss"], intact["output.loss"])
        assert all(torch.equal(edited[name], intact[name]) for name in order[: max(0, place - 1)])
    assert hooks(model) == 0


def test_inputs_are_sites_by_name():
    model, tokens = mixed(hooked=["head.input", "act*.input"]), batch([9] * 3)
    assert inside(model) == ["act.input", "act#2.input", "head.input"]
    values = model.run(tokens, inside(model), [Edit("act#2.input", (1,), (-1.0,))])
    expected = values["act.input"].relu() + values["act#2.input"].relu()
    assert torch.equal(values["head.input"], expected)


def test_a_users_cell_in_a_loop_is_an_lstm():
    torch.manual_seed(0)
    lstm = nn.LSTM(5, 7, batch_first=True)
    looped, tokens = Looped(Cell(lstm)), batch(LENGTHS)

    class Stock(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.rnn = looped.embedding, lstm

        def forward(self, tokens):
            return self.rnn(self.embedding(tokens))[0]

    model, stock = ModuleModel(looped), ModuleModel(Stock())
    assert model.sites()[1].name == "cell.output"
    own = model.run(tokens, inside(model))
    twins = {"output": "hidden", "output_2": "cell"} | {g: g for g in ("input_gate.output", "forget_gate.output")}
    for name, stream in twins.items():
        expected = stock.run(tokens, [f"rnn.0.{stream.removesuffix('.output')}"])
        (found,) = expected.values()
        torch.testing.assert_close(own[f"cell.{name}"][tokens.counted], found[tokens.counted])


def test_stock_cells_have_the_names_of_their_layers():
    model, tokens = ModuleModel(Looped(nn.LSTMCell(5, 7))), batch([9] * 3)
    assert {"cell.hidden", "cell.cell"} <= set(names(model))
    values = model.run(tokens, ["cell.hidden", "cell.cell"], [Edit("cell.cell", (0,), (0.0,))])
    assert values["cell.cell"].shape == (3, 9, 7)
    assert (values["cell.cell"][..., 0] == 0).all()


def test_outputs_beside_recurrent_layers_are_asked_for():
    net = Looped(nn.LSTMCell(5, 7))
    net.extra = nn.GRU(2, 2)
    assert "cell.hidden" in names(ModuleModel(net))  # a layer that never runs is no recurrent layer of the model
    assert "never ran" in ModuleModel(net).checked.left_out["extra.0.hidden"]
    net = tagger(Kind("gru"))
    assert inside(ModuleModel(net))[-1] == "rnn.0.hidden"
    assert inside(ModuleModel(net, hooked=["decoder.*"]))[-2:] == ["rnn.0.hidden", "decoder.output"]


def test_half_precision_is_read_as_float32():
    model = ModuleModel(nn.Sequential(nn.Embedding(SYMBOLS, 4), nn.Linear(4, SYMBOLS)).to(torch.bfloat16))
    values = model.run(batch([9]), ["0.output"])["0.output"]
    assert values.dtype == torch.float32
    assert torch.equal(values, model.module[0](batch([9]).tokens).float())


def test_an_exception_leaves_no_hook():
    model = mixed()
    model.sites()
    model.module.head.forward = lambda x: 1 / 0
    with pytest.raises(ZeroDivisionError):
        model.run(batch(LENGTHS), ["conv.output"], [Edit("act.output", (0,), (0.0,))])
    assert hooks(model) == 0


def test_a_pattern_without_a_match_shows_the_nearest():
    with pytest.raises(InputError, match=r"matches 'convolution\.output'; there are .*conv\.output"):
        mixed(hooked=["convolution.output"]).sites()


def test_an_alias_is_another_name_for_patterns():
    from unitscope.models.site import choose

    model = mixed(aliases={"norm.output": "blocks.0.hook_resid_pre"})
    assert [site.name for site in choose(model.sites(), ["*hook_resid_pre"])] == ["norm.output"]
    assert model.untrained(0).sites() == model.sites()


class EndToEnd(nn.Module):
    """All steps of all sequences pass the inner layer as rows, as in OPT and mixtures of experts."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5, 4)
        self.inner = nn.Linear(4, 3)
        self.out = nn.Linear(3, 5)

    def forward(self, tokens):
        rows = self.inner(self.embed(tokens).flatten(0, 1))
        return self.out(torch.tanh(rows).view(*tokens.shape, 3))


def test_rows_end_to_end_are_steps():
    torch.manual_seed(0)
    module = EndToEnd()
    model, tokens = ModuleModel(module), torch.randint(5, (3, 6))
    none = torch.zeros(3, dtype=torch.long)
    given = Batch(tokens, tokens, none, none + 6, torch.arange(3))
    with torch.no_grad():
        expected = module.inner(module.embed(tokens))
    torch.testing.assert_close(model.run(given, ["inner.output"])["inner.output"], expected)
    edit = Edit("inner.output", (1,), (2.0,), Steps(2, 4))
    values = model.run(given, ["inner.output"], [edit])["inner.output"]
    assert (values[:, 2:4, 1] == 2).all()
    kept = [0, 1, 4, 5]
    torch.testing.assert_close(values[:, kept], expected[:, kept])


class Told(nn.Module):
    """Values by head, and rows that stand step by step: nothing but words can tell."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5, 6)
        self.by_head, self.rows, self.out = nn.Tanh(), nn.Linear(6, 3), nn.Linear(3, 5)

    def forward(self, tokens):
        x = self.by_head(self.embed(tokens).unflatten(2, (2, 3)).transpose(1, 2))  # [batch head time unit]
        rows = self.rows(x.transpose(1, 2).flatten(2).transpose(0, 1).flatten(0, 1))  # [time*batch unit]
        return self.out(rows.unflatten(0, tokens.T.shape).transpose(0, 1))


LAYOUTS = {"by_head.output": "batch head time unit", "rows.output": "time*batch unit", "rows.input": "time*batch unit"}


def test_layouts_that_are_told():
    torch.manual_seed(0)
    module = Told()
    model, tokens = ModuleModel(module, layouts=LAYOUTS), torch.randint(5, (3, 6))
    none = torch.zeros(3, dtype=torch.long)
    given = Batch(tokens, tokens, none, none + 6, torch.arange(3))
    with torch.no_grad():
        heads = module.embed(tokens).tanh()
        rows = module.rows(heads)
    values = model.run(given, ["by_head.output", "rows.output", "rows.input", "output.loss"])
    torch.testing.assert_close(values["by_head.output"], heads)
    torch.testing.assert_close(values["rows.input"], heads)
    torch.testing.assert_close(values["rows.output"], rows)
    for site in ("by_head.output", "rows.output"):
        edited = model.run(given, [site, "rows.output", "output.loss"], [Edit(site, (2,), (2.0,), Steps(2, 4))])
        assert (edited[site][:, 2:4, 2] == 2).all()
        torch.testing.assert_close(edited[site][:, [0, 1, 4, 5]], values[site][:, [0, 1, 4, 5]])
        assert (edited["output.loss"][:, 2:4] != values["output.loss"][:, 2:4]).any()
    assert model.untrained(1).sites() == model.sites()


def test_layouts_that_are_missing_or_wrong():
    module = Told()
    assert "by_head.output" not in names(ModuleModel(module))
    how = r"by_head\.output is 2×2×11×3 for 2 sequences of 11 tokens .*--layout 'by_head\.output=batch unit time unit'"
    with pytest.raises(InputError, match=how):
        ModuleModel(module, hooked=["by_head.*"]).sites()
    model = ModuleModel(module, hooked=["embed.*"]).with_layouts(LAYOUTS)
    assert inside(model) == ["embed.output", "by_head.output", "rows.input", "rows.output"]
    again = model.with_layouts({"rows.output": "batch*time unit"})
    assert len({m.fingerprint for m in (ModuleModel(module), model, again)}) == 3
    with pytest.raises(InputError, match=r"nothing that matches 'out\.output' has the layout 'time batch unit'"):
        ModuleModel(module, layouts={"out.output": "time batch unit"}).sites()
    with pytest.raises(InputError, match=r"'time unit' is no layout: name every axis"):
        ModuleModel(module, layouts={"out.output": "time unit"}).sites()


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # from inside the compiler
@pytest.mark.parametrize("compiled", ["outside", "inside", "in place"])
def test_compiled_modules_are_read_as_they_were_written(compiled):
    torch.manual_seed(0)
    plain, tokens = EndToEnd(), torch.randint(5, (3, 6))
    module = copy.deepcopy(plain)
    if compiled == "outside":
        module = torch.compile(module, backend="eager")
    elif compiled == "inside":
        module.inner = torch.compile(module.inner, backend="eager")
    else:
        module.inner.compile(backend="eager")
    module(tokens)  # compiled before the hooks come
    none = torch.zeros(3, dtype=torch.long)
    given = Batch(tokens, tokens, none, none + 6, torch.arange(3))
    model, other = ModuleModel(module), ModuleModel(plain)
    name = next(site.name for site in model.sites() if site.name.startswith("inner") and site.units == 3)
    edits = [Edit(name, (1,), (2.0,))]
    expected = other.run(given, ["inner.output", "output.loss"], [Edit("inner.output", (1,), (2.0,))])
    for _ in range(2):
        values = model.run(given, [name, "output.loss"], edits)
        torch.testing.assert_close(values[name], expected["inner.output"])
        torch.testing.assert_close(values["output.loss"], expected["output.loss"])
