import pytest
import torch

from unitscope.errors import InputError
from unitscope.networks.vdcnn import SIZES, VDCNN, VDCNNConfig

LENGTHS = torch.tensor([3, 17, 31, 9, 1])
TOKENS = torch.randint(20, (5, 31), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("extra", [{}, {"largest": 3, "dense": (7,), "blocks": (2, 1)}])
def test_padding_never_leaks(extra: dict[str, object]) -> None:
    net = VDCNN(VDCNNConfig(20, 3, **{**SIZES["tiny"], **extra})).eval()
    with torch.no_grad():
        together = net(TOKENS, LENGTHS)
        for row, length in enumerate(LENGTHS.tolist()):
            alone = net(TOKENS[row : row + 1, :length], LENGTHS[row : row + 1])
            torch.testing.assert_close(alone[0], together[row])


def test_full_size_is_the_published_one() -> None:
    net = VDCNN(VDCNNConfig(69, 4))
    convolutions = [m for name, m in net.named_modules() if "conv" in name.split(".")[-1]]
    assert len(convolutions) == 9
    assert [layer.in_features for layer in net.dense] == [512 * 8, 2048]
    assert {path: stream for path, stream in net.streams().items() if path.count(".") == 2} == {
        "stages.0.0": (64, 1), "stages.1.0": (128, 2), "stages.2.0": (256, 4), "stages.3.0": (512, 8)
    }  # fmt: skip


def test_it_learns_a_word() -> None:
    torch.manual_seed(0)
    net = VDCNN(VDCNNConfig(8, 2, **SIZES["tiny"]))
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    tokens = torch.randint(7, (64, 12))
    tokens[:32, 4] = 7
    target = torch.arange(64).lt(32).long()
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(net(tokens, torch.full((64,), 12)), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    assert (net(tokens, torch.full((64,), 12)).argmax(1) == target).float().mean() > 0.95


def test_sizes_that_make_no_sense() -> None:
    with pytest.raises(InputError, match="each stage has channels and blocks"):
        VDCNNConfig(20, 3, channels=(8,), blocks=(1, 1))
    with pytest.raises(InputError, match="two classes at least"):
        VDCNNConfig(20, 1)
