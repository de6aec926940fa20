import torch

from unitscope.networks.bytenet import SIZES, ByteNet, ByteNetConfig

LENGTHS = torch.tensor([3, 17, 31, 9, 1])
DRAW = torch.Generator().manual_seed(0)
TOKENS = torch.randint(19, (5, 31), generator=DRAW)
TARGETS = torch.randint(17, (5, 40), generator=DRAW)
END, TARGET_END = 19, 17


def net() -> ByteNet:
    torch.manual_seed(1)
    return ByteNet(ByteNetConfig(20, 18, END, TARGET_END, **SIZES["tiny"])).eval()


def test_padding_never_leaks() -> None:
    model = net()
    with torch.no_grad():
        together = model(TOKENS, LENGTHS, TARGETS)
        for row, length in enumerate(LENGTHS.tolist()):
            alone = model(TOKENS[row : row + 1, :length], LENGTHS[row : row + 1], TARGETS[row : row + 1])
            torch.testing.assert_close(alone[0], together[row])


def test_end_symbols_are_padding_too() -> None:
    model = net()
    ended = torch.where(torch.arange(31) < LENGTHS[:, None], TOKENS, END)
    with torch.no_grad():
        a, b = model.encode(TOKENS, LENGTHS), model.encode(ended, torch.full((5,), 31))
    torch.testing.assert_close(a, b)
    assert a.abs().sum(1).gt(0).sum(1).tolist() == [4, 21, 38, 11, 2]  # 1.2 of each length


def test_the_decoder_does_not_look_ahead() -> None:
    model = net()
    changed = TARGETS.clone()
    changed[:, 20:] = (changed[:, 20:] + 1) % 17
    with torch.no_grad():
        before, after = model(TOKENS, LENGTHS, TARGETS), model(TOKENS, LENGTHS, changed)
    torch.testing.assert_close(before[:, :21], after[:, :21])
    assert not torch.equal(before[:, 21:], after[:, 21:])


def test_every_source_symbol_within_reach_counts() -> None:
    model = net()
    other = TOKENS.clone()
    other[2, 12] = (other[2, 12] + 1) % 19
    with torch.no_grad():
        change = (model.encode(TOKENS, LENGTHS) - model.encode(other, LENGTHS))[2].abs().amax(0)
    moved = torch.nonzero(change).squeeze(1)
    assert (moved.min(), moved.max()) == (12 - 6, 12 + 6)  # widths of 5, dilations 1 and 2


def test_translation_is_greedy() -> None:
    model = net()
    with torch.no_grad():
        encoded = model.encode(TOKENS, LENGTHS)
        written = torch.full((5, 1), TARGET_END)
        for _ in range(20):
            following = model.decode(encoded, written)[:, -1].argmax(1)
            written = torch.cat([written, following[:, None]], dim=1)
    found = model.translate(TOKENS, LENGTHS)
    for row in range(5):
        symbols = written[row, 1:].tolist()
        if TARGET_END not in symbols:
            assert found[row][:20] == symbols
        else:
            assert found[row] == symbols[: symbols.index(TARGET_END)]


def test_full_size_is_the_published_one() -> None:
    with torch.device("meta"):
        model = ByteNet(ByteNetConfig(20, 18, END, TARGET_END))
    assert len(model.encoder) == len(model.decoder) == 15
    assert model.encoder[0].widen.out_channels == 1024
    assert [block.conv.dilation[0] for block in model.encoder[:5]] == [1, 2, 4, 8, 16]
