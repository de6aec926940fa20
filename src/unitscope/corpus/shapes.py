"""Arrays of every shape that activations come in, as rows of tokens end to end.

``[token unit]`` with the lengths of its sequences; ``[sequence time unit]`` with lengths or a mask; a list of
``[time unit]``, one for each sequence, as ragged as it likes.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from unitscope.errors import InputError

KINDS = "biuf"
"""NumPy's letters for numbers that activations may be."""


def as_array(values: Any, name: str) -> np.ndarray:
    """An array of numbers; what has ``to_numpy``, ``numpy`` or ``__array__`` (xarray, pandas, JAX, PyTorch) is one.

    Raises ``InputError`` for anything else; nothing is unpickled, so arrays of objects are refused.
    """
    for way in ("detach", "cpu"):
        values = getattr(values, way)() if hasattr(values, way) else values
    if hasattr(values, "to_numpy"):
        values = values.to_numpy()
    made: np.ndarray = values if isinstance(values, np.ndarray) else np.asarray(values)
    if made.dtype.kind not in KINDS:
        raise InputError(f"{name} holds {made.dtype}, not numbers; give an array of numbers")
    return made


def is_ragged(values: Any) -> bool:
    """Whether values are a list with an array for each sequence."""
    return isinstance(values, list | tuple) and len(values) > 0 and np.ndim(values[0]) >= 1


def lengths_of(values: Any, lengths: Any, mask: Any, name: str) -> Int[np.ndarray, " sequence"]:
    """The tokens of each sequence, by what is given of them. Raises ``InputError`` where it does not fit."""
    if is_ragged(values):
        own = np.array([len(each) for each in values], np.int64)
        if lengths is not None and own.tolist() != [int(length) for length in lengths]:
            raise InputError(f"{name}: the lengths that are given are not those of the list; leave them out")
        return own
    shape = np.shape(values)
    if len(shape) == 3:
        if mask is not None:
            return _of_mask(mask, shape, name)
        found = np.full(shape[0], shape[1], np.int64) if lengths is None else np.asarray(lengths, np.int64)
        if len(found) != shape[0] or (len(found) and (found.max() > shape[1] or found.min() < 0)):
            raise InputError(
                f"{name} has the shape {list(shape)}, [sequence time unit], so it needs {shape[0]} lengths of 0 to "
                f"{shape[1]}, not {len(found)} of up to {int(found.max(initial=0))}"
            )
        return found
    if len(shape) != 2:
        raise InputError(
            f"{name} has the shape {list(shape)}; activations are [token unit], [sequence time unit], or a list of "
            "[time unit] for each sequence"
        )
    found = np.array([shape[0]], np.int64) if lengths is None else np.asarray(lengths, np.int64)
    if int(found.sum()) != shape[0] or (len(found) and found.min() < 0):
        raise InputError(
            f"{name} has {shape[0]:,} tokens, and the lengths of its {len(found):,} sequences add up to "
            f"{int(found.sum()):,}; give one length for each sequence"
        )
    return found


def _of_mask(mask: Any, shape: tuple[int, ...], name: str) -> Int[np.ndarray, " sequence"]:
    seen: Bool[np.ndarray, "sequence time"] = np.asarray(mask).astype(bool)
    if seen.shape != shape[:2]:
        raise InputError(f"{name}: the mask has the shape {list(seen.shape)}, and the activations {list(shape)}")
    found: Int[np.ndarray, " sequence"] = seen.sum(1).astype(np.int64)
    if not np.array_equal(seen, np.arange(shape[1]) < found[:, None]):
        raise InputError(f"{name}: the mask has gaps; what counts of a sequence stands at its beginning")
    return found


def rows_of(values: Any, lengths: Int[np.ndarray, " sequence"], name: str) -> np.ndarray:
    """``[token unit]``: sequences end to end, without padding. A memory-mapped ``[token unit]`` stays on the disk."""
    if is_ragged(values):
        parts = [as_array(each, name) for each in values]
        if len({part.shape[1:] for part in parts}) != 1:
            raise InputError(f"{name}: sequences have different numbers of units; give one width to all")
        joined: np.ndarray = np.concatenate(parts)
        return joined if joined.dtype.kind == "f" else joined.astype(np.float32)
    made = as_array(values, name)
    if made.ndim == 3 and (lengths == made.shape[1]).all():
        made = made.reshape(-1, made.shape[2])
    elif made.ndim == 3:
        made = np.concatenate([made[number, :length] for number, length in enumerate(lengths.tolist())])
    return made if made.dtype.kind == "f" else made.astype(np.float32)


Labels = dict[str, Float[np.ndarray, " token"]]
"""By name, a value for each token of all sequences end to end; NaN where undefined."""


def labels_of(labels: Mapping[str, Any], sizes: Int[np.ndarray, " sequence"]) -> Labels:
    """Labels of any shape for sequences of these lengths: a value for each token (ragged, padded or end to end), or for
    each sequence. Of words a flag ``name=word`` each, undefined where the word is empty.

    Raises ``InputError`` for what has neither a value for each token nor one for each sequence.
    """
    found: Labels = {}
    for name, given in labels.items():
        values: Any = [np.asarray(each) for each in given] if is_ragged(given) else np.asarray(given)
        if isinstance(values, list) and [len(each) for each in values] != sizes.tolist():
            values = np.stack(values) if len({each.shape for each in values}) == 1 else values
        if isinstance(values, list):
            told = np.concatenate(values)
        elif values.shape == (len(sizes),) and len(sizes) != int(sizes.sum()):
            told = np.repeat(values, sizes)
        elif values.ndim == 2 and values.shape[0] == len(sizes) and values.shape[1] >= int(sizes.max(initial=0)):
            told = np.concatenate([row[:size] for row, size in zip(values, sizes.tolist(), strict=True)])
        else:
            told = values
        if told.shape != (int(sizes.sum()),):
            raise InputError(
                f"the label {name} has the shape {list(told.shape)}; it has a value for each of {len(sizes):,} "
                f"sequences, or for each of {int(sizes.sum()):,} tokens"
            )
        if told.dtype.kind in KINDS:
            found[name] = told.astype(np.float32)
        else:
            words = told.astype(str)
            for word in filter(None, np.unique(words).tolist()):
                found[f"{name}={word}"] = np.where(words == "", np.nan, words == word).astype(np.float32)
    return found
