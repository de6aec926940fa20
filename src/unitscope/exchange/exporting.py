"""A source for others: NumPy, Zarr, Parquet, xarray, pandas. What is written here, ``from_file`` reads back."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unitscope.errors import InputError
from unitscope.files.frames import write_frame
from unitscope.files.writing import writing, writing_folder
from unitscope.models.site import choose
from unitscope.source.source import Source

if TYPE_CHECKING:
    import pandas as pd

KINDS = (".npz", ".zarr", ".parquet")
ATTRIBUTES = ".zattrs"
MADE: dict[str, Any] = {"made by": "unitscope export"}
"""What a folder of Zarr says that was written here, so that another one takes its place and nobody else's is lost."""


def export_arrays(source: Source, path: Path | str, sites: Sequence[str] = ("*",), labels: Sequence[str] = ()) -> None:
    """Write activations ``[token unit]`` of each site, lengths, tokens, documents and labels, as the ending says.

    What was written by the same call before is replaced, in one step. Raises ``InputError`` for another ending, for a
    site or label that does not exist, and for a folder with anything else in it.
    """
    path = Path(path)
    if path.suffix not in KINDS:
        raise InputError(f"{path} has none of the endings {', '.join(KINDS)}; choose one")
    if path.suffix == ".zarr":
        _check_ours(path)
    if path.suffix == ".parquet":
        write_frame(path, to_pandas(source, sites, labels), index=False)
        return
    found = dict(_arrays(source, sites, labels))
    if path.suffix == ".npz":
        with writing(path) as partial, partial.open("wb") as kept:
            np.savez(kept, **found)  # type: ignore[arg-type]
        return
    try:
        import zarr
    except ImportError as error:
        raise InputError("folders of Zarr need another package: pip install 'unitscope[arrays]'") from error
    with writing_folder(path) as partial:
        group = zarr.open_group(str(partial), mode="w", zarr_format=2, attributes=MADE)  # 2 knows strings
        for name, value in found.items():
            made = group.create_array(name, shape=value.shape, dtype=value.dtype)
            made[...] = value


def _check_ours(path: Path) -> None:
    """Raises ``InputError`` where anything but an earlier export would be lost."""
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    head = path / ATTRIBUTES
    ours = head.is_file() and head.read_bytes() == json.dumps(MADE, indent=2).encode()
    if not (ours and all(map(_is_part, path.iterdir()))):
        raise InputError(f"{path} holds what was not exported here; give a new folder")


def _is_part(path: Path) -> bool:
    return path.name in (ATTRIBUTES, ".zgroup") or (path / ".zarray").exists()


def to_pandas(source: Source, sites: Sequence[str] = ("*",), labels: Sequence[str] = ()) -> "pd.DataFrame":
    """A row a token: sequence, token, labels, and the units of one site as columns ``unit 0`` …

    Raises ``InputError`` for more than one site.
    """
    import pandas as pd

    found = dict(_arrays(source, sites, labels))
    chosen = [site.name for site in choose(source.sites, sites)]
    if len(chosen) != 1:
        there = ", ".join(chosen)
        raise InputError(f"a table has the units of one site; choose one (--sites, in Python sites=[…]) of: {there}")
    values = found.pop(chosen[0])
    lengths = found.pop("lengths")
    documents = found.pop("documents")
    columns: dict[str, Any] = {
        "sequence": np.repeat(source.sequences, lengths), "document": np.repeat(documents, lengths), **found,
        **{f"unit {unit}": values[:, unit] for unit in range(values.shape[1])},
    }  # fmt: skip
    return pd.DataFrame(columns)


def to_xarray(source: Source, sites: Sequence[str] = ("*",), labels: Sequence[str] = ()) -> Any:
    """An ``xarray.Dataset``: each site ``[token unit]``, with sequence, token and labels as coordinates."""
    try:
        import xarray
    except ImportError as error:
        raise InputError("this needs another package: pip install 'unitscope[arrays]'") from error
    found = dict(_arrays(source, sites, labels))
    names = [site.name for site in choose(source.sites, sites)]
    lengths = found.pop("lengths")
    along = {"sequence": np.repeat(source.sequences, lengths), "document": np.repeat(found.pop("documents"), lengths)}
    along |= {name: value for name, value in found.items() if name not in names}
    return xarray.Dataset(
        {name: (("token", f"{name} unit"), found[name]) for name in names},
        coords={name: ("token", value) for name, value in along.items()},
        attrs=source.describe(),
    )


def _arrays(source: Source, sites: Sequence[str], labels: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    names = [site.name for site in choose(source.sites, sites)]
    parts: dict[str, list[np.ndarray]] = {name: [] for name in (*names, *labels, "tokens")}
    symbols = np.array(source.vocabulary.symbols)
    for chunks in source.chunks(names, labels):
        for name, chunk in chunks.items():
            parts[name].append(chunk.activations.detach().cpu().numpy())
        first = next(iter(chunks.values()))
        for label in labels:
            parts[label].append(first.labels[label].cpu().numpy())
        parts["tokens"].append(symbols[first.tokens.cpu().numpy()])
    for name, rows in parts.items():
        if rows:
            yield name, np.concatenate(rows)
    yield "lengths", np.array(source.lengths(source.sequences), np.int64)
    yield "documents", np.array([source.document(source.place(number).document).name for number in source.sequences])
