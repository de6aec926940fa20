"""Files of activations that others wrote: NumPy, safetensors, HDF5, Zarr, NeuroX, Parquet and CSV of pandas.

Nothing is unpickled, and no link that a file holds is followed. What a format stores in one piece stays on the disk.
"""

import contextlib
import json
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from unitscope.corpus.opening import Lines, shown
from unitscope.corpus.shapes import KINDS
from unitscope.errors import InputError
from unitscope.exchange.making import from_arrays
from unitscope.files.parquet import GROWTH
from unitscope.files.tensors import open_tensors
from unitscope.source.arrays import Arrays

LENGTHS = ("lengths", "sequence_lengths", "seq_lens")
MASKS = ("mask", "attention_mask")
TOKENS = ("tokens", "words", "symbols")
DOCUMENTS = ("documents", "document", "sessions", "session")
"""How arrays beside the activations may be called; all others that fit are labels."""
Found = Mapping[str, Any]
SMALL = 100_000_000
"""Bytes of arrays that any file may hold; a larger one may hold ``GROWTH`` times its size."""
BROKEN = (
    OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, EOFError, MemoryError,
    SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip
"""What the libraries raise for files that are broken."""


def from_file(path: Path | str, sites: Sequence[str] = (), name: str = "", **said: Any) -> Arrays:
    """The activations of a file, by its ending, as ``from_arrays``; ``said`` is what it does not hold itself.

    Arrays of three axes, or of two where none has three, are sites (or those that ``sites`` names), of the shape of the
    largest; arrays called lengths, mask, tokens or
    documents are what they say, and all others with a value for each token, step or sequence are labels.
    Raises ``InputError`` for a file of another kind, and where its arrays do not fit together.
    """
    path = Path(path)
    ending = path.suffix.lower()
    read = _READERS.get(ending)
    if path.is_dir() and (read is None or ending == ".zarr"):
        read = _zarr if any((path / name).exists() for name in (".zgroup", ".zarray", "zarr.json")) else None
    if read is None:
        raise InputError(
            f"{shown(path)} is no known file of activations; there are: {', '.join(_READERS)}, and folders of Zarr"
        )
    if not path.exists():
        raise InputError(f"{shown(path)} does not exist; give a file of activations")
    try:
        neurox = _neurox(path) if ending in (".hdf5", ".h5", ".json", ".jsonl") else None
        found = dict(read(path)) if neurox is None else {}
    except InputError:
        raise
    except BROKEN as error:
        reason = " ".join(f"{error or type(error).__name__}".split())[:200]
        raise InputError(f"{shown(path)} cannot be read as arrays ({reason}); give a file that is whole") from error
    if neurox is not None:
        return from_arrays(neurox[0], tokens=neurox[1], name=name or path.name, **said)
    return _source(found, sites, name or path.name, said)


def _check_size(path: Path, told: int) -> None:
    """Raises ``ValueError`` for a small file that says it holds far more than any file of its size could."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    if told > max(SMALL, GROWTH * sum(file.stat().st_size for file in files)):
        raise ValueError(f"it says that it holds {told:,} bytes, more than it can")


def _source(found: dict[str, Any], sites: Sequence[str], name: str, said: dict[str, Any]) -> Arrays:
    told: dict[str, Any] = {}
    for option, names in (("lengths", LENGTHS), ("mask", MASKS), ("tokens", TOKENS), ("documents", DOCUMENTS)):
        known = next((each for each in names if each in found), None)
        if known is not None:
            value = found.pop(known)
            told[option] = _strings(value) if option in ("tokens", "documents") else value
    shapes = {key: np.shape(value) for key, value in found.items()}
    if missing := [site for site in sites if site not in found]:
        raise InputError(f"{name} has no array {missing[0]!r}; there are: {', '.join(found)}")
    chosen = list(sites) or [
        key
        for key, value in found.items()
        if len(shapes[key]) in (2, 3) and value.dtype.kind == "f" and shapes[key][-1] > 1
    ]
    if not chosen:
        there = ", ".join(f"{key} {list(shape)}" for key, shape in shapes.items())
        raise InputError(f"{name} has no array of two or three axes; there are: {there}. Name them: --site NAME")
    if not sites and any(len(shapes[key]) == 3 for key in chosen):
        # Beside [trial time unit], what is [trial time] says something of each step.
        chosen = [key for key in chosen if len(shapes[key]) == 3]
    first = shapes[chosen[0]] if sites else max((shapes[key] for key in chosen), key=math.prod)
    alike = [key for key in chosen if shapes[key][:-1] == first[:-1]]
    fits = {first[:-1], first[:1]} | ({(len(told["lengths"]),)} if "lengths" in told else set())
    labels = {key: _strings(value) for key, value in found.items() if key not in alike and shapes[key] in fits}
    dropped = [f"{key} {list(shapes[key])}" for key in found if key not in alike and key not in labels]
    labels |= said.pop("labels", None) or {}
    made = from_arrays({key: found[key] for key in alike}, name=name, **{**told, "labels": labels, **said})
    if not dropped:
        return made
    return replace(made, about={"as read": f"arrays that are neither sites nor labels, left out: {', '.join(dropped)}"})


def _strings(value: Any) -> Any:
    """An array of bytes as one of words."""
    kind = getattr(value, "dtype", np.dtype("O")).kind
    if kind in KINDS + "U":
        return value
    plain = value.ravel().tolist() if isinstance(value, np.ndarray) else value
    said = np.array([each.decode() if isinstance(each, bytes) else str(each) for each in plain])
    return said.reshape(np.shape(value))


def _npy(path: Path) -> Iterator[tuple[str, Any]]:
    yield path.stem, np.load(path, mmap_mode="r", allow_pickle=False)


def _json(path: Path) -> Iterator[tuple[str, Any]]:
    raise InputError(f"{path} holds no activations of NeuroX, lines of features of tokens with layers")


def _npz(path: Path) -> Iterator[tuple[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        _check_size(path, sum(member.file_size for member in archive.infolist()))
    with np.load(path, allow_pickle=False) as file:
        for key in file.files:
            yield key, file[key]


def _safetensors(path: Path) -> Iterator[tuple[str, Any]]:
    from safetensors import SafetensorError

    try:
        with open_tensors(path) as file:  # of torch: bfloat16 is no number of NumPy
            for key in file.keys():  # noqa: SIM118  it is no mapping
                value = file.get_tensor(key)
                yield key, (value if value.dtype.itemsize != 2 else value.float()).numpy()
    except SafetensorError as error:
        raise InputError(f"{path} cannot be read as safetensors: {error}") from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        import h5py
    except ImportError as error:
        raise InputError("files of HDF5 need another package: pip install 'unitscope[arrays]'") from error
    try:
        with h5py.File(path, "r") as file:
            yield file
    except OSError as error:
        raise InputError(f"{path} cannot be read as HDF5: {error}") from error


def _hdf5(path: Path) -> Iterator[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    with _opened(path) as file:
        if "layer_names" in file.attrs or "model_weights" in file or {"layers", "vars"} <= set(file):
            raise InputError(
                f"{shown(path)} holds weights of a Keras network, not activations; write down what its layers give: "
                "keras.Model(net.input, layer.output).predict(…)"
            )
        _walk(file, "", found, path)
    yield from found


def _walk(group: Any, prefix: str, found: list[tuple[str, Any]], path: Path) -> None:
    import h5py

    for key in group:
        # Only what lies in this file: a link may lead anywhere.
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            continue
        value = group[key]
        if isinstance(value, h5py.Group):
            _walk(value, f"{prefix}{key}.", found, path)
        elif value.dtype.kind in KINDS or h5py.check_string_dtype(value.dtype):
            array: np.ndarray
            offset: int | None = value.id.get_offset() if value.chunks is None and value.dtype.kind in KINDS else None
            if offset is None or not value.size or value.external is not None or value.is_virtual:
                _check_size(path, value.size * value.dtype.itemsize)
                array = value[()]
            else:
                array = np.memmap(path, value.dtype, "r", offset, value.shape)
            found.append((prefix + key, array))


def _zarr(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        import zarr
    except ImportError as error:
        raise InputError("folders of Zarr need another package: pip install 'unitscope[arrays]'") from error
    opened = zarr.open(str(path), mode="r")
    _check_size(path, sum(array.nbytes for array in _arrays(opened)))
    if isinstance(opened, zarr.Array):
        yield path.stem, opened[...]
        return
    for key, value in sorted(opened.arrays()):
        yield key, value[...]
    for key, group in sorted(opened.groups()):
        yield from ((f"{key}.{inner}", value[...]) for inner, value in sorted(group.arrays()))


def _arrays(opened: Any) -> list[Any]:
    """The arrays of a file of Zarr: itself, those in it, and those in its groups."""
    if not hasattr(opened, "groups"):
        return [opened]
    inner = [array for _, group in opened.groups() for _, array in group.arrays()]
    return [array for _, array in opened.arrays()] + inner


def _frame(path: Path) -> Iterator[tuple[str, Any]]:
    """A table with a row a token: numbered columns are units, ``sequence`` tells sequences, all else are labels."""
    import pandas as pd

    with path.open("rb") as file:  # not by its name, which may be no UTF-8
        frame = pd.read_parquet(file)
    units = [column for column in frame.columns if str(column).removeprefix("unit").strip("_ ").isdigit()]
    if not units:
        raise InputError(f"{path} has no numbered columns; units are columns called 0, 1, … or unit 0, unit 1, …")
    yield path.stem, frame[units].to_numpy(np.float32)
    for column in frame.columns:
        if column == "sequence":
            ids = frame[column].to_numpy()
            yield "lengths", np.diff([0, *(np.flatnonzero(ids[1:] != ids[:-1]) + 1).tolist(), len(ids)])
        elif column not in units:
            yield str(column), frame[column].to_numpy()


def _neurox(path: Path) -> tuple[list[np.ndarray] | dict[str, list[np.ndarray]], list[list[str]]] | None:
    """NeuroX's own files (Dalvi et al. 2019): lines of JSON with features of tokens, or HDF5 with a set a sentence."""
    if path.suffix.lower() in (".json", ".jsonl"):
        with Lines(path) as lines:
            head = lines.head(1)
            if not head or '"features"' not in head[0]:
                return None
            sentences = [_sentence(line, lines.where) for line in lines if line.strip()]
    else:
        with _opened(path) as file:
            if "sentence_to_index" not in file:
                return None
            index = json.loads(np.asarray(file["sentence_to_index"]).reshape(-1)[0])
            order = sorted(index.items(), key=lambda item: int(item[1]))
            sentences = []
            for text, number in order:
                values = np.asarray(file[str(number)])  # [layer token unit], or [token unit]
                words = text.split(" ")
                layers = values if values.ndim == 3 else values[None]
                if layers.shape[1] != len(words):
                    raise InputError(f"{path}: sentence {number} has {layers.shape[1]} tokens and {len(words)} words")
                sentences.append((words, {str(layer): layers[layer] for layer in range(len(layers))}))
    names = list(sentences[0][1])
    by_layer = {f"layer.{name}": [layers[name] for _, layers in sentences] for name in names}
    return by_layer, [words for words, _ in sentences]


def _sentence(line: str, where: str) -> tuple[list[str], dict[str, np.ndarray]]:
    """``{"features": [{"token": …, "layers": [{"index": 0, "values": […]}]}]}``."""
    try:
        features = json.loads(line)["features"]
        words = [str(feature["token"]) for feature in features]
        layers: dict[str, list[Any]] = {}
        for feature in features:
            for layer in feature["layers"]:
                layers.setdefault(str(layer["index"]), []).append(layer["values"])
        return words, {name: np.array(values, np.float32) for name, values in layers.items()}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{where}: this line is none of NeuroX's, features of tokens with layers ({error!r})"
        ) from error


_READERS: dict[str, Callable[[Path], Iterator[tuple[str, Any]]]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".safetensors": _safetensors,
    ".h5": _hdf5,
    ".hdf5": _hdf5,
    ".zarr": _zarr,
    ".parquet": _frame,
    ".nc": _hdf5,
    ".json": _json,
    ".jsonl": _json,
}
