"""Sites of convolutional networks: what the modules give, at every token, edited where asked, in any batch."""

import pytest
import torch
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.models.edit import Edit, Steps, zero
from unitscope.models.module import ModuleModel
from unitscope.networks.bytenet import SIZES as BYTENET
from unitscope.networks.bytenet import ByteNet, ByteNetConfig
from unitscope.networks.translating import Encoder
from unitscope.networks.vdcnn import SIZES, VDCNN, VDCNNConfig

LENGTHS = torch.tensor([9, 4, 13, 1])


def batch(lengths: Tensor = LENGTHS, steps: int = 13) -> Batch:
    tokens = torch.randint(20, (len(lengths), steps), generator=torch.Generator().manual_seed(1))
    targets = torch.full_like(tokens, -1)
    targets[torch.arange(len(lengths)), lengths - 1] = 2
    none = torch.zeros_like(lengths)
    return Batch(tokens, targets, none, lengths, torch.arange(len(lengths)))


def model() -> ModuleModel:
    torch.manual_seed(0)
    config = VDCNNConfig(20, 3, **{**SIZES["tiny"], "channels": (8, 12, 10), "blocks": (1, 1, 1)})
    classify = lambda module, b: module(b.tokens, b.lengths).unsqueeze(1).expand(-1, b.tokens.shape[1], -1)  # noqa: E731
    return ModuleModel(VDCNN(config), call=classify, logits=lambda scores: scores)


def test_sites_are_convolutions_and_blocks() -> None:
    sites = {site.name: site.units for site in model().sites()}
    assert list(sites)[:4] == ["conv.output", "stages.0.0.conv1.output", "stages.0.0.conv2.output",
                               "stages.0.0.output"]  # fmt: skip
    assert sites["stages.1.0.output"] == 12
    assert sites["output.log_prob"] == 3


def test_values_are_the_modules_own_at_every_token() -> None:
    m = model()
    seen: dict[str, Tensor] = {}
    for path in ("stages.0.0", "stages.1.0.conv2", "stages.2.0"):
        m.module.get_submodule(path).register_forward_hook(lambda _m, _a, y, path=path: seen.update({path: y}))
    values = m.run(batch(), [f"{path}.output" for path in ("stages.0.0", "stages.1.0.conv2", "stages.2.0")])
    for path, stride in (("stages.0.0", 1), ("stages.1.0.conv2", 2), ("stages.2.0", 4)):
        for row, length in enumerate(LENGTHS.tolist()):
            for step in range(length):
                expected = seen[path][row, step // stride]
                assert torch.equal(values[f"{path}.output"][row, step], expected)


def test_a_batch_of_one_equals_a_batch_of_many() -> None:
    m = model()
    names = [site.name for site in m.sites()]
    together = m.run(batch(), names)
    for row, length in enumerate(LENGTHS.tolist()):
        whole = batch()
        tokens, targets = (side[row : row + 1, :length] for side in (whole.tokens, whole.targets))
        one = slice(row, row + 1)
        alone = Batch(tokens, targets, whole.context[one], whole.lengths[one], whole.sequence[one])
        for name, values in m.run(alone, names).items():
            torch.testing.assert_close(values[0], together[name][row, :length])


def test_reading_changes_nothing_and_leaves_nothing() -> None:
    m = model()
    before = m.run(batch(), ["output.log_prob"])["output.log_prob"]
    after = m.run(batch(), [site.name for site in m.sites()])["output.log_prob"]
    assert torch.equal(before, after)
    assert not any(child._forward_hooks or child._forward_pre_hooks for child in m.module.modules())


@pytest.mark.parametrize("site", ["conv.output", "stages.1.0.conv1.output", "stages.2.0.output"])
def test_edited_units_read_back_and_change_what_follows(site: str) -> None:
    m = model()
    intact = m.run(batch(), ["output.loss", site])
    edited = m.run(batch(), ["output.loss", site], [Edit(site, (1, 3), (2.0, -1.0))])
    assert (edited[site][..., 1] == 2).all() and (edited[site][..., 3] == -1).all()
    assert torch.equal(edited[site][..., 2], intact[site][..., 2])
    assert not torch.equal(edited["output.loss"], intact["output.loss"])


def test_an_edit_at_some_steps_holds_at_their_positions() -> None:
    m = model()
    site = "stages.1.0.output"  # two tokens each
    intact = m.run(batch(), [site])[site]
    edited = m.run(batch(), [site], [zero(site, [0], Steps(4, 8))])[site]
    assert (edited[2, 4:8, 0] == 0).all()
    assert torch.equal(edited[2, :4], intact[2, :4]) and torch.equal(edited[2, 8:], intact[2, 8:])


def test_an_ablated_unit_is_a_unit_whose_weights_are_zero() -> None:
    m = model()
    loss = m.run(batch(), ["output.loss"], [zero("stages.0.0.conv1.output", [5])])["output.loss"]
    block = m.module.get_submodule("stages.0.0")
    with torch.no_grad():
        block.conv1.weight[5] = 0
    torch.testing.assert_close(m.run(batch(), ["output.loss"])["output.loss"], loss)


def test_the_encoder_is_read_over_the_sentence() -> None:
    torch.manual_seed(0)
    net = ByteNet(ByteNetConfig(20, 18, 19, 17, **BYTENET["tiny"]))
    m = ModuleModel(Encoder(net), call=lambda module, b: module(b.tokens, b.lengths), logits=lambda _: None)
    names = [site.name for site in m.sites()]
    assert names == ["encoder.0.conv.output", "encoder.0.output", "encoder.1.conv.output", "encoder.1.output"]
    values = m.run(batch(), names, [zero("encoder.0.output", [2], Steps(0, 3))])
    assert values["encoder.1.output"].shape == (4, 13, 16)
    assert (values["encoder.0.output"][:, :3, 2][LENGTHS > 3] == 0).all()
