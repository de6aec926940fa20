"""Any stimulus ``[time channel]`` as what a network reads: frames of a sound, trials of a task, with labels per step.

    corpus = stimuli(
        inputs,                                     # [trial time channel], or a list of [time channel]
        labels={"side": side, "coherence": coherence, "go": go},   # one for each trial, or for each step
        targets=choice,                             # a class, or a number, for each trial or each step
    )
    source = Live(ModuleModel(network, channels=inputs.shape[-1]), corpus)

What is the same throughout a trial is a condition, and pages average over the trials of each.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from unitscope.corpus.series import SeriesCorpus
from unitscope.corpus.shapes import Labels, labels_of, lengths_of, rows_of
from unitscope.corpus.targets import targets_of
from unitscope.errors import InputError

TIME = "time"
"""The label of time stamps, in seconds."""


def stimuli(
    values: Any,
    *,
    lengths: Any = None,
    mask: Any = None,
    labels: Mapping[str, Any] | None = None,
    targets: Any = None,
    rate: float | int | None = None,
    channels: Sequence[str] = (),
    kept: Sequence[str] = (),
    names: Sequence[str] = (),
    name: str = "stimuli",
) -> SeriesCorpus:
    """Stimuli with what is known of them, as a corpus like any other.

    ``values`` is ``[sequence time channel]`` with ``lengths`` or a ``mask`` (else all steps count), ``[time channel]``
    with ``lengths``, or a list of ``[time channel]``. ``labels`` have a value for each step (in the shape of the
    values) or for each sequence; numbers as they are, of words a flag ``name=word`` each. ``targets`` are what the
    network should say: whole numbers or words are classes, other numbers are to be forecast; for each sequence, at its
    last step, or for each step. ``rate``: steps per second, for the label ``time``. ``kept``: channels whose values
    are labels too, such as few of a spectrogram's. ``names``: of the sequences.
    Raises ``InputError`` where shapes do not fit together.
    """
    sizes = lengths_of(values, lengths, mask, name)
    rows = torch.from_numpy(np.array(rows_of(values, sizes, name), np.float32))
    if not rows.isfinite().all():
        step = int(torch.nonzero(~rows.isfinite())[0, 0])
        raise InputError(
            f"{name} is not finite at step {step + 1} of all; fill such steps, or leave them out by a mask"
        )
    said: Labels = labels_of(labels or {}, sizes)
    if rate is not None:
        said[TIME] = np.concatenate([np.arange(size) for size in sizes.tolist()] or [np.zeros(0)]) / rate
    told = tuple(channels) or tuple(f"channel {number}" for number in range(rows.shape[1]))
    if len(told) != rows.shape[1]:
        raise InputError(f"{name} has {rows.shape[1]} channels, and {len(told)} names of channels; give one for each")
    if names and len(names) != len(sizes):
        raise InputError(f"{name} has {len(sizes)} sequences, and {len(names)} names; give one for each")
    wanted, classes, last = targets_of(targets, sizes)
    ends = np.cumsum(sizes).tolist()
    return SeriesCorpus(
        name,
        rows,
        wanted,
        list(zip([0, *ends[:-1]], ends, strict=True)),
        told,
        classes,
        last,
        frames={key: torch.from_numpy(np.array(column, np.float32)) for key, column in said.items()},
        kept=tuple(kept),
        names=tuple(names),
    )
