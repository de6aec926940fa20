"""What nobody can look into is left out and said; what is kept in another way is read all the same."""

import zipfile

import pytest
import torch
from odd_nets import Net, batch, lstm, made
from torch import nn

from unitscope.errors import InputError
from unitscope.models.module import ModuleModel
from unitscope.models.pickles import refuse_pickle


class Prepared(Net):
    def __init__(self):
        super().__init__(lstm())
        self.before = nn.Sequential(nn.Linear(6, 6), nn.Tanh())

    def forward(self, tokens):
        return self.out(self.rnn(self.before(self.embed(tokens)))[0])


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_compiled_part_ends_nothing_else():
    net, given = made(Prepared), batch((4, 9))
    expected = ModuleModel(net).run(given, ["rnn.0.cell"])["rnn.0.cell"]
    net.before = torch.jit.script(net.before)
    model = ModuleModel(net)
    torch.testing.assert_close(model.run(given, ["rnn.0.cell"])["rnn.0.cell"], expected)
    assert list(model.checked.left_out) == ["before.output"]
    assert "TorchScript" in model.checked.left_out["before.output"]


@pytest.mark.filterwarnings("ignore")  # that it is deprecated
def test_a_quantised_layer_gives_its_states_and_no_gates():
    net = torch.ao.quantization.quantize_dynamic(made(Net, lstm()), {nn.LSTM}, dtype=torch.qint8)
    model, given = ModuleModel(net), batch((4, 9))
    values = model.run(given, ["rnn.output"])["rnn.output"]
    with torch.no_grad():
        alone, _ = net.rnn(net.embed(given.tokens[:1, :4]))
    torch.testing.assert_close(values[:1, :4], alone)
    assert "int8" in model.checked.left_out["rnn.*_gate"]


@pytest.mark.parametrize("norm", [nn.utils.weight_norm, nn.utils.parametrizations.weight_norm])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_weights_that_a_norm_makes(norm):
    net, given = made(Net, lstm()), batch((4, 9))
    expected = ModuleModel(net).run(given, ["rnn.0.forget_gate"])["rnn.0.forget_gate"]
    norm(net.rnn, "weight_hh_l0")
    model = ModuleModel(net)
    torch.testing.assert_close(model.run(given, ["rnn.0.forget_gate"])["rnn.0.forget_gate"], expected)
    assert not model.checked.writes


def test_a_module_without_weights():
    class Counts(nn.Module):
        def forward(self, tokens):
            return nn.functional.one_hot(tokens, 11).float().cumsum(1)

    values = ModuleModel(Counts()).run(batch((4, 9)), ["counts.output"])["counts.output"]
    assert (values.sum(2)[1] == torch.arange(1, 10)).all()


def test_offloaded_weights_are_read_where_they_run():
    accelerate = pytest.importorskip("accelerate", reason="accelerate is not installed")
    net, given = made(Net, lstm()), batch((4, 9))
    model = ModuleModel(net)
    names = [site.name for site in model.sites()]
    expected, fingerprint = model.run(given, names), model.fingerprint
    offloaded = ModuleModel(accelerate.cpu_offload(net))
    assert all(weight.is_meta for weight in net.rnn.parameters())
    assert offloaded.fingerprint == fingerprint
    for name, values in offloaded.run(given, names).items():
        torch.testing.assert_close(values, expected[name], rtol=0, atol=0)


def test_a_file_of_torchscript_is_refused_in_words(tmp_path):
    with zipfile.ZipFile(tmp_path / "net.pt", "w") as archive:
        archive.writestr("net/data.pkl", b"")
        archive.writestr("net/code/__torch__.py", "class Net(Module): ...")
    with pytest.raises(InputError, match=r"is TorchScript, .* model\.py:function"):
        refuse_pickle(tmp_path / "net.pt")
    with zipfile.ZipFile(tmp_path / "state.pt", "w") as archive:
        archive.writestr("state/data.pkl", b"")
    with pytest.raises(InputError, match="is a pickle"):
        refuse_pickle(tmp_path / "state.pt")


class Deep(Net):
    """As deep as its input asks."""

    def forward(self, tokens):
        found = self.embed(tokens)
        for _ in range(1 + int(tokens.sum()) % 2):
            found = self.rnn(found)[0]
        return self.out(found)


def test_a_layer_that_runs_as_often_as_the_input_asks_is_refused():
    with pytest.raises(InputError, match=r"has not a step for each token in every call: Deep runs that layer"):
        ModuleModel(made(Deep, nn.GRU(6, 6, batch_first=True), 6)).sites()
