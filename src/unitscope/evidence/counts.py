"""AUC, IoU and information from counts of tokens above each threshold of a unit, with a flag and without.

The functions take ``above`` and ``above_on`` with thresholds first, in rising order, and whatever axes follow; ``n``
and ``on`` have those that follow. Each is a function of sums over pieces of evidence, so ``jackknife`` gives its
interval.
"""

import numpy as np
from jaxtyping import Float

Counts = Float[np.ndarray, "_ ..."]
"""Thresholds, or bins, first."""
Whole = Float[np.ndarray, "..."] | float


def in_bins(n: Whole, on: Whole, above: Counts, above_on: Counts) -> tuple[Counts, Counts]:
    """Tokens without and with the flag between neighbouring thresholds, the lowest bin first: ``[level + 1, …]``."""
    nothing = np.zeros_like(above[:1])
    edges = np.concatenate([np.broadcast_to(n, nothing.shape), above, nothing])
    edges_on = np.concatenate([np.broadcast_to(on, nothing.shape), above_on, nothing])
    with_flag = edges_on[:-1] - edges_on[1:]
    return (edges[:-1] - edges[1:]) - with_flag, with_flag


def area(n: Whole, on: Whole, above: Counts, above_on: Counts) -> Whole:
    """AUC, ties within a bin counted half (Mann & Whitney 1947); NaN without both classes."""
    off_in, on_in = in_bins(n, on, above, above_on)
    with np.errstate(all="ignore"):
        p1, p0 = on_in / on, off_in / (n - on)
    below = p0.cumsum(0) - p0
    auc: Whole = (p1 * (below + p0 / 2)).sum(0)
    return auc


def precision(n: Whole, on: Whole, above: Counts, above_on: Counts) -> Whole:
    """Average precision: Σ over bins, from the highest down, of the recall gained times the precision down to there.

    NaN without a flagged token.
    """
    off_in, on_in = in_bins(n, on, above, above_on)
    inside, outside = on_in[::-1].cumsum(0), off_in[::-1].cumsum(0)
    total = inside + outside
    with np.errstate(all="ignore"):
        found: np.ndarray = (on_in[::-1] * np.where(total > 0, inside / total, 0.0)).sum(0) / on
    return found


def area_error(n: Whole, on: Whole, above: Counts, above_on: Counts) -> Whole:
    """The most that counting ties within a bin half can have cost AUC."""
    off_in, on_in = in_bins(n, on, above, above_on)
    with np.errstate(all="ignore"):
        error: Whole = (on_in / on * off_in / (n - on)).sum(0) / 2
    return error


def overlap(n: Whole, on: Whole, above: Counts, above_on: Counts, side: int = 1) -> Counts:
    """IoU of the flagged tokens with those above each threshold, or with ``side`` −1 those not above it.

    NetDissect (Bau et al. 2017) fixes one threshold; who takes the best must choose it where units are chosen. NaN
    without a flagged token.
    """
    both, size = (above_on, above) if side > 0 else (on - above_on, n - above)
    with np.errstate(all="ignore"):
        iou: Counts = np.where(on > 0, both / (size + on - both), np.nan)
    return iou


def information(n: Whole, on: Whole, above: Counts, above_on: Counts) -> Whole:
    """Mutual information of a unit's bin and the flag, in bits, less its bias; NaN without both classes.

    The plug-in value of independent variables is above zero on average by (occupied bins − 1)(classes − 1)/(2 n ln 2)
    bits, which is taken off (Miller 1955, Madow): so it may come out slightly below zero. That is for independent
    tokens; the interval, not the value, knows that they are not.
    """
    joint = np.stack(in_bins(n, on, above, above_on))  # [flag bin …]
    with np.errstate(all="ignore"):
        share = joint / n
        independent = share.sum(0, keepdims=True) * share.sum(1, keepdims=True)
        bits = np.where(share > 0, share * np.log2(share / independent), 0.0).sum((0, 1))
        bias = ((joint.sum(0) > 0).sum(0) - 1) / (2 * n * np.log(2))
    both = (np.asarray(on) > 0) & (np.asarray(on) < n)
    return np.where(both, bits - bias, np.nan)


def told_apart(thresholds: Float[np.ndarray, "level unit"]) -> Float[np.ndarray, "level unit"]:
    """Rising thresholds for "above", such that a value that many tokens share can fall on either side.

    Where neighbouring quantiles are equal, all tokens of that value would be below each of them: a unit that is exactly
    the flag would never be "above". The first of a run of equal thresholds becomes the next smaller float, so that
    "above" it means "at least".
    """
    lowered = thresholds.copy()
    first = np.ones(thresholds.shape, dtype=bool)
    first[1:] = thresholds[1:] != thresholds[:-1]
    shared = np.zeros(thresholds.shape, dtype=bool)
    shared[:-1] = thresholds[1:] == thresholds[:-1]
    below = np.nextafter(thresholds, np.array(-np.inf, thresholds.dtype))
    lowered[first & shared] = below[first & shared]
    return lowered
