"""Translators of convolutions: both kinds, by the laws that hold for both."""

import pytest
import torch

from unitscope.errors import InputError
from unitscope.networks.attentive import SIZES as ATTENTIVE
from unitscope.networks.attentive import AttentiveConfig, AttentiveNet
from unitscope.networks.bytenet import SIZES, ByteNet, ByteNetConfig
from unitscope.networks.translating import Encoder, before, translate

LENGTHS = torch.tensor([3, 17, 31, 9, 1])
DRAW = torch.Generator().manual_seed(0)
TOKENS = torch.randint(19, (5, 31), generator=DRAW)
TARGETS = torch.randint(17, (5, 40), generator=DRAW)
END, TARGET_END = 19, 17
KINDS = pytest.mark.parametrize("kind", ["bytenet", "attentive"])


def net(kind: str = "bytenet") -> ByteNet | AttentiveNet:
    torch.manual_seed(1)
    if kind == "bytenet":
        return ByteNet(ByteNetConfig(20, 18, END, TARGET_END, **SIZES["tiny"])).eval()
    return AttentiveNet(AttentiveConfig(20, 18, END, TARGET_END, **ATTENTIVE["tiny"])).eval()


@KINDS
def test_padding_never_leaks(kind: str) -> None:
    model = net(kind)
    with torch.no_grad():
        together = model(TOKENS, LENGTHS, TARGETS)
        for row, length in enumerate(LENGTHS.tolist()):
            alone = model(TOKENS[row : row + 1, :length], LENGTHS[row : row + 1], TARGETS[row : row + 1])
            torch.testing.assert_close(alone[0], together[row], rtol=1e-4, atol=1e-5)


@KINDS
def test_end_symbols_are_padding_too(kind: str) -> None:
    model = net(kind)
    ended = torch.where(torch.arange(31) < LENGTHS[:, None], TOKENS, END)
    with torch.no_grad():
        a, b = model.encode(TOKENS, LENGTHS), model.encode(ended, torch.full((5,), 31))
        torch.testing.assert_close(a, b)
        torch.testing.assert_close(Encoder(model)(TOKENS, LENGTHS), a)
    stretch = 1.2 if kind == "bytenet" else 1
    assert a.abs().sum(2).gt(0).sum(1).tolist() == [-(-length * stretch // 1) for length in LENGTHS.tolist()]


@KINDS
def test_the_decoder_does_not_look_ahead(kind: str) -> None:
    model = net(kind)
    changed = TARGETS.clone()
    changed[:, 20:] = (changed[:, 20:] + 1) % 17
    with torch.no_grad():
        earlier, after = model(TOKENS, LENGTHS, TARGETS), model(TOKENS, LENGTHS, changed)
    torch.testing.assert_close(earlier[:, :21], after[:, :21])
    assert not torch.equal(earlier[:, 21:], after[:, 21:])


@KINDS
def test_every_source_symbol_within_reach_counts(kind: str) -> None:
    model = net(kind)
    other = TOKENS.clone()
    other[2, 12] = (other[2, 12] + 1) % 19
    with torch.no_grad():
        change = (model.encode(TOKENS, LENGTHS) - model.encode(other, LENGTHS))[2].abs().amax(1)
        moved = torch.nonzero(change).squeeze(1)
        assert (moved.min(), moved.max()) == (12 - 6, 12 + 6)  # widths of 5, dilations 1 and 2
        assert not torch.equal(model(TOKENS, LENGTHS, TARGETS)[2], model(other, LENGTHS, TARGETS)[2])


@KINDS
def test_what_is_kept_gives_the_same_scores(kind: str) -> None:
    model = net(kind)
    with torch.no_grad():
        writer, written = model.begin(TOKENS, LENGTHS), before(TARGETS, TARGET_END)
        steps = torch.stack([writer.step(written[:, t]) for t in range(TARGETS.shape[1])], 1)
        torch.testing.assert_close(steps, model(TOKENS, LENGTHS, TARGETS), rtol=1e-4, atol=1e-5)


@KINDS
def test_translation_is_greedy(kind: str) -> None:
    model = net(kind)
    written = torch.full((5, 20), -1)
    with torch.no_grad():
        for t in range(20):
            written[:, t] = model(TOKENS, LENGTHS, written[:, : t + 1])[:, -1].argmax(1)
    for row, found in enumerate(translate(model, TOKENS, LENGTHS)):
        symbols = written[row].tolist()
        if TARGET_END in symbols:
            assert found == symbols[: symbols.index(TARGET_END)]
        else:
            assert found[:20] == symbols


def test_full_size_is_the_published_one() -> None:
    with torch.device("meta"):
        model = ByteNet(ByteNetConfig(20, 18, END, TARGET_END))
    assert len(model.encoder) == len(model.decoder) == 15
    assert model.encoder[0].widen.outputs == 1024
    assert [block.conv.dilation for block in model.encoder[:5]] == [1, 2, 4, 8, 16]


def test_a_head_begins_by_looking_at_its_place() -> None:
    look = net("attentive").looks["1"]
    prior = look._prior(40, 31, 5, torch.zeros(1))
    assert prior.argmax(3)[0, 0].tolist() == [min(30, round(step / 1.17)) for step in range(5, 45)]
    assert prior[0, -1].abs().max() < 1e-3


def test_what_cannot_be() -> None:
    with pytest.raises(InputError, match="stretch of 1 at least"):
        ByteNetConfig(20, 18, END, TARGET_END, stretch=0.5)
    with pytest.raises(InputError, match="attention stands after blocks"):
        AttentiveConfig(20, 18, END, TARGET_END, looks=(9,))
    with pytest.raises(InputError, match="cannot be shared among"):
        AttentiveConfig(20, 18, END, TARGET_END, channels=3)
