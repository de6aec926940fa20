"""Padding changes nothing, and without padding everything is torch's own."""

import torch
from torch import nn

from unitscope.networks.convolution import (
    ChannelDropout,
    Convolution,
    MaskedBatchNorm,
    halved,
    largest_of,
    mask_of,
    mean_of,
)

X = torch.randn(3, 9, 4, generator=torch.Generator().manual_seed(0))  # [batch time channel]
LENGTHS = torch.tensor([9, 4, 1])
MASK = mask_of(LENGTHS, 9, X)


def stock(conv, x, padding):
    """The same convolution by torch, whose time is last."""
    given = nn.functional.pad(x.transpose(1, 2), padding)
    return nn.functional.conv1d(given, conv.weight.transpose(1, 2), conv.bias, dilation=conv.dilation).transpose(1, 2)


def test_convolution_is_torchs_whatever_the_padding():
    conv = Convolution(4, 5, 5, dilation=2)
    whole = conv(X, MASK)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = stock(conv, X[row : row + 1, :length], (4, 4))
        torch.testing.assert_close(whole[row : row + 1, :length], alone)
    torch.testing.assert_close(conv(X), stock(conv, X, (4, 4)))


def test_causal_convolution_does_not_look_ahead():
    conv = Convolution(4, 5, 3, dilation=2, causal=True)
    torch.testing.assert_close(conv(X), stock(conv, X, (4, 0)))
    changed = X.clone()
    changed[:, 5:] += 1
    assert torch.equal(conv(X)[:, :5], conv(changed)[:, :5])
    assert not torch.equal(conv(X)[:, 5:], conv(changed)[:, 5:])


def test_step_by_step_is_all_at_once():
    for width, dilation in ((3, 2), (1, 1), (2, 4)):
        conv = Convolution(4, 5, width, dilation, causal=True)
        kept, steps = conv.kept(3), []
        for t in range(9):
            value, kept = conv.step(X[:, t : t + 1], kept)
            steps.append(value)
        torch.testing.assert_close(torch.cat(steps, 1), conv(X))


def test_whole_channels_are_dropped_while_training():
    drop = ChannelDropout(0.5)
    dropped = drop(X.new_ones(8, 6, 16))
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert drop.eval()(X) is X


def test_batch_norm_is_torchs_over_the_texts():
    own, torchs = MaskedBatchNorm(4), nn.BatchNorm1d(4)
    inside = X[MASK[:, :, 0] > 0]  # [position channel]
    torch.testing.assert_close(own(X, MASK)[MASK[:, :, 0] > 0], torchs(inside))
    torch.testing.assert_close(own.running_var, torchs.running_var)
    own.eval()
    torchs.eval()
    torch.testing.assert_close(own(X, MASK)[MASK[:, :, 0] > 0], torchs(inside))
    torch.testing.assert_close(own(X, None).flatten(0, 1), torchs(X.flatten(0, 1)))


def test_pooling():
    for steps in (9, 8):
        mask = mask_of(LENGTHS.clamp(max=steps), steps, X)
        pooled, rest = halved(X[:, :steps], mask)
        assert rest.sum((1, 2)).tolist() == [-(-min(length, steps) // 2) for length in LENGTHS.tolist()]
        for row, length in enumerate(LENGTHS.clamp(max=steps).tolist()):
            alone = nn.functional.max_pool1d(X[row : row + 1, :length].transpose(1, 2), 3, 2, 1).transpose(1, 2)
            assert torch.equal(pooled[row : row + 1, : alone.shape[1]], alone)
    torch.testing.assert_close(mean_of(X, MASK)[1], X[1, :4].mean(0))


def test_nothing_is_masked_where_nothing_is_padded():
    assert mask_of(torch.tensor([9, 9]), 9, X) is None
    assert halved(X, None)[1] is None
    torch.testing.assert_close(mean_of(X, None), X.mean(1))


def test_largest_values_in_their_order():
    largest = largest_of(X, MASK, 3)
    assert largest.shape == (3, 3, 4)
    for channel in range(4):
        values = X[0, :, channel].tolist()
        wanted = [v for v in values if v in sorted(values)[-3:]]
        assert largest[0, :, channel].tolist() == wanted
    assert largest[2].ne(0).sum(0).tolist() == [1, 1, 1, 1]  # one position: the rest are zeros
    assert largest_of(X, MASK, 12).shape == (3, 12, 4)
