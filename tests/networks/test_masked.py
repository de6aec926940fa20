"""Padding changes nothing, and without padding everything is torch's own."""

import torch
from torch import nn

from unitscope.networks.masked import (
    MaskedBatchNorm,
    MaskedConv1d,
    halved,
    largest_of,
    mask_of,
    mean_of,
)

X = torch.randn(3, 4, 9, generator=torch.Generator().manual_seed(0))
LENGTHS = torch.tensor([9, 4, 1])
MASK = mask_of(LENGTHS, 9, X)


def test_convolution_is_the_same_without_padding() -> None:
    conv = MaskedConv1d(4, 5, 5, dilation=2)
    whole = conv(X, MASK)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = nn.functional.conv1d(X[row : row + 1, :, :length], conv.weight, conv.bias, padding=4, dilation=2)
        torch.testing.assert_close(whole[row : row + 1, :, :length], alone)


def test_causal_convolution_does_not_look_ahead() -> None:
    conv = MaskedConv1d(4, 5, 3, dilation=2, causal=True)
    full = mask_of(torch.tensor([9, 9, 9]), 9, X)
    changed = X.clone()
    changed[:, :, 5:] += 1
    before, after = conv(X, full), conv(changed, full)
    assert torch.equal(before[:, :, :5], after[:, :, :5])
    assert not torch.equal(before[:, :, 5:], after[:, :, 5:])


def test_batch_norm_is_torchs_over_the_texts() -> None:
    own, stock = MaskedBatchNorm(4), nn.BatchNorm1d(4)
    inside = X.transpose(1, 2)[MASK[:, 0] > 0]  # [position channel]
    torch.testing.assert_close(own(X, MASK).transpose(1, 2)[MASK[:, 0] > 0], stock(inside))
    torch.testing.assert_close(own.running_var, stock.running_var)
    own.eval()
    stock.eval()
    torch.testing.assert_close(own(X, MASK).transpose(1, 2)[MASK[:, 0] > 0], stock(inside))


def test_pooling() -> None:
    pooled, rest = halved(X, MASK)
    assert rest.sum(2).squeeze(1).tolist() == [5, 2, 1]
    for row, length in enumerate(LENGTHS.tolist()):
        alone = nn.functional.max_pool1d(X[row : row + 1, :, :length], 3, 2, 1)
        assert torch.equal(pooled[row : row + 1, :, : alone.shape[2]], alone)
    torch.testing.assert_close(mean_of(X, MASK)[1], X[1, :, :4].mean(1))


def test_largest_values_in_their_order() -> None:
    largest = largest_of(X, MASK, 3)
    assert largest.shape == (3, 4, 3)
    for channel in range(4):
        values = X[0, channel].tolist()
        wanted = [v for v in values if v in sorted(values)[-3:]]
        assert largest[0, channel].tolist() == wanted
    assert largest[2].ne(0).sum(1).tolist() == [1, 1, 1, 1]  # one position: the rest are zeros
    assert largest_of(X, MASK, 12).shape == (3, 4, 12)
