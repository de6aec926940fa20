"""One vector per text and site: the mean, the largest or the last of a unit's values over the text's own steps.

Chunks hold no padding, so a mean is over real positions only; a mean over a padded buffer lets the length of a text
into every unit.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.errors import InputError
from unitscope.models.site import choose
from unitscope.progress import Progress, silent
from unitscope.source.chunk import Chunk
from unitscope.source.source import Source

Pool = Literal["mean", "max", "last"]


def pooled(
    source: Source,
    sites: Iterable[str] = ("*",),
    pool: Pool = "mean",
    folder: Path | None = None,
    progress: Progress = silent,
) -> dict[str, Float[np.ndarray, "text unit"]]:
    """The activations of every text at each site, in one pass; row i is ``source.sequences[i]``.

    A site may have fewer steps than the text has tokens, as a convolution with strides does. With ``folder`` the
    arrays are files mapped into memory (``.npy``), for corpora that do not fit. Sites of the prediction (``output.``)
    are left out. Raises ``InputError`` for unknown sites and for values that are not finite.
    """
    chosen = [site for site in choose(source.sites, sites) if site.kind != "prediction"]
    if not chosen:
        raise InputError(f"no site of {source.name} is left; sites of the prediction are not pooled")
    row = {number: at for at, number in enumerate(source.sequences)}
    found = {site.name: _empty((len(row), site.units), site.name, folder) for site in chosen}
    for values in found.values():
        values[:] = np.nan
    done = 0
    for chunks in source.chunks([site.name for site in chosen]):
        for name, chunk in chunks.items():
            if not len(chunk):
                continue
            chunk.check_finite(name)
            numbers, vectors = pool_chunk(chunk, pool)
            found[name][[row[number] for number in numbers]] = vectors.cpu().numpy()
        done += len(numbers)
        progress("means of texts", done, len(row))
    return found


def pool_chunk(chunk: Chunk, pool: Pool = "mean") -> tuple[list[int], Float[Tensor, "text unit"]]:
    """The numbers of a chunk's sequences and one vector for each."""
    numbers, lengths = torch.unique_consecutive(chunk.sequence, return_counts=True)
    x = chunk.activations.float()
    if pool == "last":
        return numbers.tolist(), x[lengths.cumsum(0) - 1]
    return numbers.tolist(), torch.segment_reduce(x, pool, lengths=lengths, axis=0)


def _empty(shape: tuple[int, int], name: str, folder: Path | None) -> np.ndarray:
    if folder is None:
        return np.empty(shape, np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    return np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float32, shape)
