"""``unitscope.from_arrays``: activations that somebody has, and what is known beside them, as a source.

source = unitscope.from_arrays(
    {"rnn.hidden": hidden},           # [sequence time unit], or [token unit] with lengths, or a list
    lengths=lengths,
    labels={"choice": choice},        # one for each token, each step, or each sequence
    documents=sessions,               # sequences of one document are one piece of evidence
)
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from unitscope.corpus.annotated import CHARACTER
from unitscope.corpus.place import DocumentText, Place, text_digest
from unitscope.corpus.shapes import labels_of, lengths_of, rows_of
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.models.site import Site
from unitscope.source.arrays import NO_SYMBOLS, Arrays

SITE = "activations"
"""The site of an array that has no name."""
TIME = "time"
"""The label of time stamps, in seconds."""


def from_arrays(
    activations: Any,
    *,
    lengths: Any = None,
    mask: Any = None,
    tokens: Any = None,
    documents: Any = None,
    labels: Mapping[str, Any] | None = None,
    groups: Sequence[str] | None = None,
    rate: float | int | None = None,
    name: str = "arrays",
) -> Arrays:
    """Activations recorded elsewhere, as a source like any other; what needs the model says so.

    ``activations`` is an array, or one for each site by name: ``[token unit]`` with ``lengths`` of its sequences,
    ``[sequence time unit]`` with ``lengths`` or a ``mask`` (else all steps count), or a list of ``[time unit]``.
    ``tokens``: the strings that were read, a list for each sequence (or an array, padded as the activations are), or
    one list end to end; without them pages show
    traces. ``documents``: for each sequence what it belongs to, such as a text, a session or an animal; sequences of
    one are one piece of evidence and follow each other. Without it each sequence is its own. ``labels``: by name one
    value for each token (in the shape of the activations) or for each sequence; numbers as they are, of words a flag
    ``name=word`` each. ``groups``: for each unit what it is part of (electrode, layer, head); each becomes a site.
    ``rate``: steps per second, for the label ``time``. Of an ``xarray.Dataset`` the coordinates along tokens or
    sequences are labels, and ``sequence``, ``document`` and ``tokens`` among them what these say.

    Raises ``InputError`` where shapes do not fit together.
    """
    given = dict(activations) if isinstance(activations, Mapping) else {SITE: activations}
    if not given:
        raise InputError(f"{name} has no activations; give an array for at least one site")
    first_name, first = next(iter(given.items()))
    beside = _coordinates(activations, first)
    runs = beside.pop("sequence", None)
    if runs is not None and lengths is None and mask is None:
        lengths = np.diff(np.flatnonzero(np.concatenate([[True], runs[1:] != runs[:-1], [True]])))
    tokens = beside.pop("tokens", None) if tokens is None else tokens
    documents = beside.pop("document", None) if documents is None else documents
    sizes = lengths_of(first, lengths, mask, first_name)
    values: dict[Site, np.ndarray] = {}
    for site, array in given.items():
        if not np.array_equal(lengths_of(array, lengths, mask, site), sizes):
            raise InputError(f"{site} has other sequences than {first_name}; all sites have the same tokens")
        rows = rows_of(array, sizes, site)
        if groups is None:
            values[Site(site, rows.shape[1])] = rows
            continue
        if len(groups) != rows.shape[1]:
            raise InputError(f"{site} has {rows.shape[1]} units, and groups are {len(groups)}; give one for each unit")
        for group in dict.fromkeys(groups):
            chosen = np.array([each == group for each in groups])
            values[Site(f"{site}.{group}", int(chosen.sum()))] = rows[:, chosen]
    said = labels_of({**beside, **(labels or {})}, sizes)
    if rate is not None:
        said[TIME] = np.concatenate([np.arange(size) for size in sizes.tolist()] or [np.zeros(0)]) / rate
    whole, places = _documents(documents, sizes, name)
    if tokens is None:
        if documents is None:
            return Arrays(values, sizes.tolist(), None, NO_SYMBOLS, said, title=name)
        told = _digests(values, sizes, places, len(whole))
        made = [DocumentText(key, digest) for key, digest in zip(whole, told, strict=True)]
        return Arrays(values, sizes.tolist(), None, NO_SYMBOLS, said, made, places, title=name)
    ids, symbols, texts, ends = _tokens(tokens, sizes, whole, places, name)
    # Where a token is several characters, hypotheses about a text ask what holds at its last.
    if ends is not None:
        said[CHARACTER] = ends
    documents_told = [DocumentText(key, text_digest(text), text) for key, text in zip(whole, texts, strict=True)]
    return Arrays(values, sizes.tolist(), ids, symbols, said, documents_told, places, title=name)


def _coordinates(whole: Any, first: Any) -> dict[str, np.ndarray]:
    """What a data set of xarray says along the tokens, or the sequences, of its first array; the axes' own left out."""
    dims = getattr(first, "dims", ())
    found = getattr(whole, "coords", {}).items()
    kept = {str(name): np.asarray(value) for name, value in found if name not in dims and value.dims == dims[:1]}
    if len(dims) != 2:
        kept.pop("sequence", None)  # the number of a row is no length
    return kept


def _digests(
    values: Mapping[Site, np.ndarray], sizes: Int[np.ndarray, " sequence"], places: Sequence[Place], documents: int
) -> list[str]:
    """Digests of the values of each document, which identify documents without text."""
    made = [hashlib.sha256() for _ in range(documents)]
    ends = np.cumsum(sizes).tolist()
    for place, end, size in zip(places, ends, sizes.tolist(), strict=True):
        for rows in values.values():
            made[place.document].update(np.ascontiguousarray(rows[end - size : end]).tobytes())
    return [each.hexdigest() for each in made]


def _documents(documents: Any, sizes: Int[np.ndarray, " sequence"], name: str) -> tuple[list[str], list[Place]]:
    """The names of the documents, and where each sequence stands in its own."""
    if documents is None:
        names = [f"sequence {number + 1}" for number in range(len(sizes))]
    else:
        names = [str(each) for each in documents]
        if len(names) == int(sizes.sum()) != len(sizes):  # one for each token
            names = [names[first] for first in (np.cumsum(sizes) - sizes).tolist()]
        if len(names) != len(sizes):
            raise InputError(f"{name} has {len(sizes)} sequences, and documents are {len(names)}; give one for each")
    numbers = {key: number for number, key in enumerate(dict.fromkeys(names))}
    read = dict.fromkeys(numbers, 0)
    places = []
    for key, size in zip(names, sizes.tolist(), strict=True):
        places.append(Place(numbers[key], read[key]))
        read[key] += size
    return list(numbers), places


def _tokens(
    tokens: Any, sizes: Int[np.ndarray, " sequence"], whole: Sequence[str], places: Any, name: str
) -> tuple[Int[np.ndarray, " token"], Vocabulary, list[str], Float[np.ndarray, " token"] | None]:
    """Their numbers, the symbols, the text of each document, and the last character of each token in it."""
    nested = len(tokens) > 0 and not isinstance(tokens[0], str | bytes) and np.ndim(tokens[0]) == 1
    if nested and len(tokens) == len(sizes) and isinstance(tokens, np.ndarray) and tokens.shape[1] >= sizes.max():
        tokens = [row[:size] for row, size in zip(tokens, sizes.tolist(), strict=True)]  # padded, as activations are
    flat = [str(token) for row in tokens for token in row] if nested else [str(token) for token in tokens]
    if len(flat) != int(sizes.sum()) or (nested and [len(row) for row in tokens] != sizes.tolist()):
        raise InputError(
            f"{name} has {int(sizes.sum()):,} tokens in {len(sizes):,} sequences, and {len(flat):,} were given as "
            "words; give one for each row of the activations"
        )
    symbols = Vocabulary(tuple(dict.fromkeys(flat)))
    ids = np.array([symbols.ids[token] for token in flat], np.int64)
    alone = all(len(token) == 1 for token in symbols.symbols)
    parts: list[list[str]] = [[] for _ in whole]
    begins = np.zeros(len(whole), np.int64)
    ends = np.empty(len(flat), np.float32)
    at = 0
    for place, size in zip(places, sizes.tolist(), strict=True):
        for token in flat[at : at + size]:
            written = token if alone else f"{token} "
            ends[at] = begins[place.document] + len(token) - 1 if token else np.nan
            parts[place.document].append(written)
            begins[place.document] += len(written)
            at += 1
    return ids, symbols, ["".join(part) for part in parts], None if alone else ends
