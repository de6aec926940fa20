"""Predictions and losses of a module, from its output and the targets of a batch."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.errors import InputError
from unitscope.models.site import Site

LOSS, LOG_PROB = "output.loss", "output.log_prob"
OUTPUT = "output"
"""In place of a site's name: what a module gives for each token, before it is a loss."""
AT_ONCE = 1 << 23
"""Logits, of some sequences or of one, whose losses are found at once."""


def sites(width: int, classes: Sequence[str] = ()) -> tuple[Site, ...]:
    """The two of a module that predicts symbols or classes. Raises ``InputError`` where they are not as many as named.

    An output that is one wide is the logit of the second of two classes.
    """
    units = max(width, 2)
    if classes and len(classes) != units:
        raise InputError(
            f"{len(classes)} classes are named, and the output is {width} wide"
            + (", so it says which of two it is" if width == 1 else "")
            + "; name as many, or find the logits with logits="
        )
    return (forecast_site(), Site(LOG_PROB, units, high=0.0, kind="prediction", names=tuple(classes)))


def forecast_site() -> Site:
    """The one of a module that forecasts values."""
    return Site(LOSS, 1, low=0.0, kind="prediction")


def forecasts(values: Tensor, batch: Batch) -> dict[str, Tensor]:
    """The squared error of values ``[batch time 1]``, 0 at steps without a target."""
    values = values[..., 0] if values.shape[2:] == (1,) else values
    if values.shape != batch.targets.shape or not batch.targets.is_floating_point():
        raise InputError(
            f"the model forecasts values of shape {tuple(values.shape)} where the corpus has targets of shape "
            f"{tuple(batch.targets.shape)} ({batch.targets.dtype}); a forecast is one value for each step"
        )
    error = torch.where(batch.has_target, values - batch.targets, 0.0)
    return {LOSS: error.square().unsqueeze(2)}


def log_probs(logits: Tensor, batch: Batch, whole: bool = True) -> dict[str, Tensor]:
    """Loss and, with ``whole``, logarithms of the probability of each symbol, at least in float32.

    Without them the losses are found some sequences at a time, so that there is never a second ``logits``.
    """
    if logits.shape[-1] == 1:  # σ(x) and 1 − σ(x) are the softmax of x and 0
        logits = F.pad(logits, (1, 0))
    if batch.targets.is_floating_point():
        raise InputError(
            "the model predicts symbols or classes, and the corpus has numbers to forecast; give targets that are "
            "whole numbers, or say with values= what the model forecasts"
        )
    if int(batch.targets.max()) >= logits.shape[-1]:
        raise InputError(
            f"the batch has a target {int(batch.targets.max())} but the model predicts {logits.shape[-1]} symbols or "
            "classes; model and corpus need the same vocabulary, or the corpus what the model was trained to say "
            "(with_targets)"
        )
    if whole:
        log_prob = _log_softmax(logits)
        return {LOG_PROB: log_prob, LOSS: _losses(log_prob, batch.targets)}
    few = max(1, AT_ONCE // max(1, logits[:1].numel()))
    pairs = zip(torch.split(logits, few), torch.split(batch.targets, few), strict=True)
    return {LOSS: torch.cat([_losses(_log_softmax(part), targets) for part, targets in pairs])}


def _log_softmax(logits: Tensor) -> Tensor:
    wide = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    return F.log_softmax(wide, dim=-1)


def _losses(log_prob: Tensor, targets: Tensor) -> Tensor:
    loss = F.nll_loss(log_prob.flatten(0, 1), targets.flatten(), ignore_index=-1, reduction="none")
    return loss.view(*targets.shape, 1)
