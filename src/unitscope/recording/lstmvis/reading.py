"""A folder of LSTMVis as a model and a corpus: read live, or recorded like any other.

    model, corpus = open_lstmvis("children_books")
    recording = record(model, corpus, "run")

The states are what the files hold; the tanh that LSTMVis puts over them while drawing is not applied.
"""

import math
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.annotated import CHARACTER, Annotated, Window, WithText
from unitscope.corpus.batch import Batch
from unitscope.corpus.padded import padded
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.files.digest import digest, digest_of
from unitscope.models.site import Site, as_kind
from unitscope.recording.lstmvis.dictionary import read_dictionary
from unitscope.recording.lstmvis.packages import h5py, yaml

LENGTH = 1024
CONFIG = "lstm.yml"
PART = 1 << 20
"""Tokens that are looked at together while a folder is checked."""
NOTHING_TO_RUN = "a folder of LSTMVis holds states and no network; "


def open_lstmvis(folder: Path | str, length: int = LENGTH) -> "tuple[StatesModel, StatesCorpus]":
    """The states as a model, and the tokens as a corpus.

    LSTMVis knows one long row of tokens; it is cut into sequences of ``length``, unless the folder was written by
    ``export_lstmvis`` and says how it was cut. Sequences are numbered from 0. Meta tracks with a number for each
    step become annotations. Raises ``InputError`` for a folder that is no folder of LSTMVis, or does not fit together.
    """
    folder = Path(folder)
    path = folder / CONFIG
    loader = yaml()
    try:
        config = loader.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, loader.YAMLError) as error:
        raise InputError(f"{path} cannot be read: {error}; give a folder of LSTMVis") from error
    if length < 1:
        raise InputError(f"sequences have at least 1 token, not {length}")
    try:
        files = _Files(folder, {str(key): str(name) for key, name in config["files"].items()})
        corpus = StatesCorpus(files, config, length)
        return StatesModel(files, config, corpus), corpus
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} does not describe a folder of LSTMVis: {error!r}") from error


class _Files:
    """The files that ``lstm.yml`` names, none of them outside of its folder."""

    def __init__(self, folder: Path, names: dict[str, str]) -> None:
        self.folder = folder
        self.names = names

    def path(self, key: str) -> Path:
        path = self.folder / self.names[key]
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise InputError(f"{self.folder / CONFIG} names {self.names[key]}, which lies outside of its folder")
        if not path.exists():
            raise InputError(f"{path} does not exist, and {CONFIG} names it")
        return path

    def read(self, key: str, name: str, rows: slice = slice(None)) -> np.ndarray:
        """Some rows of a data set."""
        try:
            with h5py().File(self.path(key), "r") as file:
                return np.asarray(file[name][rows])
        except (OSError, KeyError) as error:
            raise InputError(f"{self.path(key)} has no data set {name} that can be read: {error}") from error

    def shape(self, key: str, name: str) -> tuple[int, ...]:
        try:
            with h5py().File(self.path(key), "r") as file:
                return tuple(file[name].shape)
        except (OSError, KeyError) as error:
            raise InputError(f"{self.path(key)} has no data set {name} that can be read: {error}") from error

    def has(self, key: str, name: str) -> bool:
        with h5py().File(self.path(key), "r") as file:
            return name in file


class StatesCorpus(WithText):
    """The tokens, and the meta tracks as annotations. Its text is the tokens end to end.

    A blank stands between tokens of several characters, unless the folder was written by ``export_lstmvis``.
    """

    def __init__(self, files: _Files, config: dict[str, Any], length: int) -> None:
        said = config["word_sequence"]
        self.name = str(config.get("name", files.folder.name))
        self._files = files
        self._ids = str(said["file"]), str(said["path"])
        own = config.get("unitscope") or {}
        self.steps = files.shape(*self._ids)[0]
        if not self.steps:
            raise InputError(f"{files.path(self._ids[0])} holds no tokens")
        symbols = read_dictionary(files.path(str(said["dict_file"])), bool(own.get("escaped")))
        largest = self._largest(symbols)
        self.vocabulary = Vocabulary(tuple(symbols.get(number, f"<{number}>") for number in range(largest + 1)))
        if own and files.has(self._ids[0], "tokens"):
            names = ("tokens", "document", "start")
            tokens, document, start = (files.read(self._ids[0], name).astype(np.int64) for name in names)
            if tokens.sum() != self.steps or tokens.min() < 1 or not len(tokens) == len(document) == len(start):
                raise InputError(f"{files.path(self._ids[0])} has sequences that do not add up to its tokens")
            # Windows that follow each other in a document stay one document.
            follows = (document[1:] == document[:-1]) & (document[1:] >= 0) & (start[1:] == start[:-1] + tokens[:-1])
        else:
            tokens = np.diff([*range(0, self.steps, length), self.steps])
            follows = np.ones(len(tokens) - 1, bool)
        self._firsts = np.concatenate([[0], np.cumsum(tokens)])
        self._document = np.concatenate([[0], np.cumsum(~follows)])
        self._between = "" if own or all(len(symbol) == 1 for symbol in self.vocabulary.symbols) else " "
        self._tracks = {
            str(name): (str(track["file"]), str(track["path"]))
            for name, track in (config.get("meta") or {}).items()
            if track.get("index", "self") == "self" and len(files.shape(str(track["file"]), str(track["path"]))) == 1
        }
        for name, place in self._tracks.items():
            if files.shape(*place)[0] != self.steps:
                raise InputError(f"the meta track {name} has {files.shape(*place)[0]:,} steps, not {self.steps:,}")
        self._annotated = Annotated(self.document_text)

    @property
    def annotations(self) -> Collection[str]:
        many = any(len(symbol) != 1 for symbol in self.vocabulary.symbols) or bool(self._between)
        return (*self._tracks, *((CHARACTER,) if many else ()))

    @cached_property
    def fingerprint(self) -> str:
        digests = [digest_of(self._files.path(key)) for key in sorted(self._files.names) if key != "states"]
        return digest("\n".join([*digests, *map(str, self._firsts.tolist())]).encode())

    def __len__(self) -> int:
        return len(self._firsts) - 1

    def rows(self, sequence: int) -> slice:
        """The steps of a sequence. Raises ``IndexError`` for a number that there is not."""
        if not 0 <= sequence < len(self):
            raise IndexError(f"sequence {sequence} of {len(self)}")
        return slice(int(self._firsts[sequence]), int(self._firsts[sequence + 1]))

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return [self.rows(number).stop - self.rows(number).start for number in sequences]

    def window(self, sequence: int) -> Window:
        """Where a sequence lies, in tokens of its document."""
        rows = self.rows(sequence)
        document = int(self._document[sequence])
        first = self._rows_of(document).start
        return Window(document, rows.start - first, rows.start - first, rows.stop - first)

    def batch(self, sequences: Sequence[int]) -> Batch:
        windows = [self.window(number) for number in sequences]
        return padded(sequences, windows, self._tokens)

    def document_text(self, document: int) -> str:
        """All of a document."""
        return self._between.join(self._symbols(self._rows_of(document)))

    def text(self, sequence: int) -> str:
        """The text of a sequence."""
        return self._between.join(self._symbols(self.rows(sequence)))

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        """A meta track, or what a hypothesis says of the last character of each token."""
        if name in self._tracks:
            return torch.from_numpy(self._files.read(*self._tracks[name], self.rows(sequence)).astype(np.float32))
        window = self.window(sequence)
        if CHARACTER not in self.annotations:
            return self._annotated.labels(name, window.document, window.start, window.stop)
        first = self._rows_of(window.document).start
        lengths = [len(symbol) for symbol in self._symbols(slice(first, first + window.stop))]
        ends = np.cumsum(lengths) + len(self._between) * np.arange(len(lengths)) - 1.0
        ends[np.array(lengths) == 0] = np.nan
        last = torch.from_numpy(ends[window.start :].astype(np.float32))
        return last if name == CHARACTER else self._annotated.at(name, window.document, last)

    def describe(self) -> dict[str, str]:
        return {
            "corpus": self.name,
            "corpus size": f"{self.steps:,} tokens of a folder of LSTMVis",
            "sequences": f"{len(self):,}",
            "vocabulary": f"{len(self.vocabulary)} symbols",
        }

    def _rows_of(self, document: int) -> slice:
        inside = np.flatnonzero(self._document == document)
        return slice(int(self._firsts[inside[0]]), int(self._firsts[inside[-1] + 1]))

    def _tokens(self, window: Window) -> Int[np.ndarray, " token"]:
        rows = self._rows_of(window.document)
        stop = min(rows.start + window.stop + 1, rows.stop)
        return self._files.read(*self._ids, slice(rows.start + window.begin, stop)).astype(np.int64)

    def _symbols(self, rows: slice) -> list[str]:
        return self.vocabulary.decode(self._files.read(*self._ids, rows).tolist())

    def _largest(self, symbols: dict[int, str]) -> int:
        """The largest number of a token. Raises ``InputError`` for a negative one."""
        largest = max(symbols, default=0)
        for first in range(0, self.steps, PART):
            part = self._files.read(*self._ids, slice(first, first + PART))
            if part.ndim != 1 or not np.issubdtype(part.dtype, np.integer) or part.min() < 0:
                raise InputError(f"{self._files.path(self._ids[0])}: tokens are a row of numbers from 0 on")
            largest = max(largest, int(part.max()))
        return largest


class StatesModel:
    """The states, as if a model had just computed them: it finds them by the numbers of sequences."""

    def __init__(self, files: _Files, config: dict[str, Any], corpus: StatesCorpus) -> None:
        self.name = str(config.get("name", files.folder.name))
        self.device = torch.device("cpu")
        self._files = files
        self._corpus = corpus
        said = config["states"]
        self._places: dict[Site, tuple[str, str]] = {}
        for entry in said["types"]:
            place = str(entry["file"] if "file" in entry else said["file"]), str(entry["path"])
            shape = files.shape(*place)
            if len(shape) != 2 or shape[0] != corpus.steps:
                raise InputError(
                    f"{files.path(place[0])}: {place[1]} has the shape {shape}, not {corpus.steps:,} steps × cells, "
                    "one step for each token"
                )
            name = str(entry.get("site", place[1]))
            low, high = float(entry.get("low", -math.inf)), float(entry.get("high", math.inf))
            kind = as_kind(entry.get("kind", "layer"))
            self._places[Site(name, shape[1], low, high, str(entry.get("alias", "")), kind)] = place

    @cached_property
    def fingerprint(self) -> str:
        digests = [digest_of(self._files.path(key)) for key in sorted({key for key, _ in self._places.values()})]
        return digest("\n".join(digests).encode())

    @property
    def checked(self) -> None:
        """Nothing runs here."""

    def sites(self) -> tuple[Site, ...]:
        return tuple(self._places)

    def run(self, batch: Batch, read: Sequence[str], edits: Sequence[object] = ()) -> dict[str, Tensor]:
        """The states of the sequences of a batch. Raises ``InputError`` for an edit."""
        if edits:
            raise InputError(NOTHING_TO_RUN + "nothing can be edited")
        places = {site.name: place for site, place in self._places.items()}
        if unknown := [name for name in read if name not in places]:
            raise InputError(f"there is no {unknown[0]}; there are: {', '.join(places)}")
        made = {}
        for name in read:
            rows = [self._corpus.rows(number) for number in batch.sequence.tolist()]
            values = [torch.from_numpy(self._files.read(*places[name], row).astype(np.float32)) for row in rows]
            made[name] = torch.nn.utils.rnn.pad_sequence(values, batch_first=True)
        return made

    def untrained(self, seed: int) -> "StatesModel":
        raise InputError(NOTHING_TO_RUN + "there is no untrained baseline")

    def describe(self) -> dict[str, str]:
        return {"model": f"{self.name}, states of a folder of LSTMVis"}
