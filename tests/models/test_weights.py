import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from unitscope.errors import InputError
from unitscope.models.weights import load_weights


def net():
    return nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 5))


class Training(nn.Module):
    """What a training wraps a network in, with a loss that has weights of its own."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.loss = nn.Linear(2, 2)


def plain(trained):
    return trained.state_dict()


def lightning(trained):
    return {"state_dict": Training(trained).state_dict(), "epoch": 3, "optimizer_states": [{"state": {}}]}


def parallel(trained):
    return {"model": nn.DataParallel(trained).state_dict(), "step": 7}


def compiled(trained):
    return {f"_orig_mod.{name}": value for name, value in trained.state_dict().items()}


def part_compiled(trained):
    return {f"model.{name.replace('1.', '1._orig_mod.')}": value for name, value in trained.state_dict().items()}


@pytest.mark.parametrize("saved", [plain, lightning, parallel, compiled, part_compiled])
def test_whatever_it_was_wrapped_in(saved, tmp_path):
    trained, fresh = net(), net()
    wanted = {name: value.clone() for name, value in trained.state_dict().items()}
    torch.save(saved(trained), tmp_path / "net.pt")
    load_weights(fresh, tmp_path / "net.pt")
    assert all(torch.equal(value, wanted[name]) for name, value in fresh.state_dict().items())


def test_safetensors(tmp_path):
    trained, fresh = net(), net()
    save_file({f"module.{name}": value for name, value in trained.state_dict().items()}, tmp_path / "net.safetensors")
    load_weights(fresh, tmp_path / "net.safetensors")
    assert torch.equal(fresh[1].weight, trained[1].weight)


class Harmful:
    def __reduce__(self):
        return print, ("this ran",)


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        ({"0.weight": torch.zeros(5, 3)}, "2 are missing, such as 1.weight"),
        (net().state_dict() | {"2.weight": torch.zeros(1)}, "1 have no place, such as 2.weight"),
        (net().state_dict() | {"1.bias": torch.zeros(7)}, r"1.bias is \[7\] in .* and \[5\] in the network"),
        ({"epoch": 3}, "holds no weights"),
        ([1, 2], "holds no weights"),
        ({"0.weight": Harmful()}, "cannot be read as weights"),
    ],
)
def test_what_does_not_fit_is_said(saved, message, tmp_path, capsys):
    torch.save(saved, tmp_path / "net.pt")
    with pytest.raises(InputError, match=message):
        load_weights(net(), tmp_path / "net.pt")
    assert not capsys.readouterr().out


def test_no_weights_at_all(tmp_path):
    (tmp_path / "net.pt").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="cannot be read as weights"):
        load_weights(net(), tmp_path / "net.pt")
    with pytest.raises(InputError, match="there is no file"):
        load_weights(net(), tmp_path / "other.pt")
