"""What a module predicts, and what it loses: from its output and the targets of a batch."""

import torch
import torch.nn.functional as F
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.errors import InputError
from unitscope.models.site import Site

LOSS, LOG_PROB = "output.loss", "output.log_prob"
OUTPUT = "output"
"""In place of a site's name: what a module gives for each token, before it is a loss."""


def sites(symbols: int) -> tuple[Site, ...]:
    """The two of a module that predicts symbols."""
    return (forecast_site(), Site(LOG_PROB, symbols, high=0.0, kind="prediction"))


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


def log_probs(logits: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Loss and logarithms of the probabilities, at least in float32."""
    if int(batch.targets.max()) >= logits.shape[-1]:
        raise InputError(
            f"the batch has a target {int(batch.targets.max())} but the model predicts {logits.shape[-1]} symbols; "
            "model and corpus need the same vocabulary"
        )
    wide = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    log_prob = F.log_softmax(wide, dim=-1)
    loss = F.nll_loss(log_prob.flatten(0, 1), batch.targets.flatten(), ignore_index=-1, reduction="none")
    return {LOG_PROB: log_prob, LOSS: loss.view(*batch.targets.shape, 1)}
