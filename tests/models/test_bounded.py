import resource

import pytest
import torch
from torch import nn

from unitscope.files.tensors import write_tensors
from unitscope.models.bounded import shapes_in, sketch


def test_what_fits_is_sketched_without_memory(tmp_path):
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.LSTM(4, 5))
    write_tensors(tmp_path / "net.safetensors", net.state_dict())
    given = shapes_in([tmp_path / "net.safetensors"], "copy it again")
    drawn = sketch(lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.LSTM(4, 5)), given)
    assert {name: tuple(value.shape) for name, value in drawn.state_dict().items()} == given
    assert all(weight.is_meta for weight in drawn.parameters())
    assert not torch.empty(1).is_meta


def buffered():
    module = nn.Linear(1, 1)
    module.register_buffer("table", torch.zeros(10**6, 10**6))
    return module


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(10**7, 10**7),
        lambda: nn.LSTM(1, 1, 10**9),
        lambda: nn.Sequential(*(nn.Linear(1, 1) for _ in range(10**9))),
        lambda: nn.ModuleList(nn.ReLU() for _ in range(10**9)),
        buffered,
    ],
)
def test_what_no_file_could_fill_is_not_built(make):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match="files"):
        sketch(make, {"weight": (2, 2)})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000
    nn.ModuleList(nn.ReLU() for _ in range(5_000))  # nothing is counted any longer
