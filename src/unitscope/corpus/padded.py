"""Windows over documents, read side by side."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Int

from unitscope.corpus.annotated import Window
from unitscope.corpus.batch import Batch

Ids = Callable[[Window], Int[np.ndarray, " token"]]
"""The tokens of a window from where it is read to where it ends, and the one that follows if there is one."""


def padded(sequences: Sequence[int], windows: Sequence[Window], ids: Ids) -> Batch:
    """The windows of these sequences as one batch; each counted token's target is the token that follows it."""
    steps = max((window.stop - window.begin for window in windows), default=0)
    tokens = np.zeros((len(windows), steps), np.int64)
    targets = np.full((len(windows), steps), -1, np.int64)
    for row, window in enumerate(windows):
        read, length, first = ids(window), window.stop - window.begin, window.start - window.begin
        tokens[row, :length] = read[:length]
        following = read[first + 1 :]  # one fewer at the end of a document
        targets[row, first : first + len(following)] = following
    return Batch(
        tokens=torch.from_numpy(tokens),
        targets=torch.from_numpy(targets),
        context=torch.tensor([window.start - window.begin for window in windows], dtype=torch.int64),
        lengths=torch.tensor([window.stop - window.begin for window in windows], dtype=torch.int64),
        sequence=torch.tensor([int(number) for number in sequences], dtype=torch.int64),
    )
