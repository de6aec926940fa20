"""A recording written as a folder that LSTMVis opens."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from unitscope.corpus.annotated import CHARACTER
from unitscope.errors import InputError
from unitscope.files.room import check_room
from unitscope.files.writing import fill, make_folder, writing_folder
from unitscope.models.site import Site, choose
from unitscope.progress import Progress, silent
from unitscope.recording.lstmvis.dictionary import dictionary_bytes
from unitscope.recording.lstmvis.packages import h5py, yaml
from unitscope.recording.recording import Recording

STATES, WORDS, DICTIONARY, META = "states.hdf5", "train.hdf5", "train.dict", "meta.hdf5"
TYPES = {"cell": "state", "hidden": "output"}
"""What LSTMVis calls streams."""


def export_lstmvis(
    recording: Recording,
    folder: Path | str,
    sites: Sequence[str] = ("*",),
    labels: Sequence[str] = (),
    progress: Progress = silent,
) -> None:
    """Write the sites that match the glob patterns, and labels (hypotheses, annotations) as meta tracks.

    The annotations that the recording keeps are written too. Values are float32; sequences lie end to end, and what
    LSTMVis does not know of (their lengths, the names of sites) stands beside, so that ``open_lstmvis`` gives the
    same values, tokens and sequences back. Memory holds one batch.
    Raises ``InputError`` for a folder that is not empty, a disk without room, and unknown sites or labels.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not empty; give a new folder")
    h5, yml = h5py(), yaml()
    chosen = choose(recording.sites, sites)
    tracks = tuple(dict.fromkeys([*(n for n in recording.manifest.annotations if n != CHARACTER), *labels]))
    for name in tracks:
        recording.labels(name, recording.sequences[0])  # an unknown name is refused before any work
    steps = int(recording.plan.tokens.sum())
    needed = 4 * steps * (sum(site.units for site in chosen) + len(tracks) + 1)
    make_folder(folder.parent)
    check_room(folder, needed)
    ranges: dict[str, list[float]] = {}
    with writing_folder(folder) as partial:
        with h5.File(partial / STATES, "w") as states, h5.File(partial / WORDS, "w") as words:
            for site in chosen:
                states.create_dataset(_path(site.name), (steps, site.units), np.float32)
            words.create_dataset("word_ids", (steps,), np.int32)
            for name in ("sequence", "tokens", "document", "start"):
                words[name] = getattr(recording.plan, name)
            _fill(recording, chosen, states, words["word_ids"], progress)
        if tracks:
            with h5.File(partial / META, "w") as meta:
                for name in tracks:
                    values = [recording.labels(name, number).numpy() for number in recording.sequences]
                    meta[_path(name)] = track = np.concatenate(values).astype(np.float32)
                    known = track[np.isfinite(track)]
                    ranges[name] = [float(known.min()), float(known.max())] if len(known) else [0.0, 1.0]
        fill(partial / DICTIONARY, dictionary_bytes(recording.vocabulary))
        config = _config(recording, chosen, ranges)
        fill(partial / "lstm.yml", yml.safe_dump(config, sort_keys=False, allow_unicode=False).encode("ascii"))


def _fill(recording: Recording, sites: Sequence[Site], states: Any, words: Any, progress: Progress) -> None:
    done = 0
    for chunks in recording.chunks([site.name for site in sites]):
        first = next(iter(chunks.values()))
        rows = slice(done, done + len(first))
        done = rows.stop
        words[rows] = first.tokens.numpy().astype(np.int32)
        for site in sites:
            states[_path(site.name)][rows] = chunks[site.name].activations.numpy()
        progress("writing", done, len(words))


def _config(recording: Recording, sites: Sequence[Site], ranges: dict[str, list[float]]) -> dict[str, Any]:
    config: dict[str, Any] = {
        "name": recording.name,
        "description": "; ".join(f"{key}: {value}" for key, value in recording.describe().items()),
        "files": {"states": STATES, "word_ids": WORDS, "words": DICTIONARY},
        "word_sequence": {"file": "word_ids", "path": "word_ids", "dict_file": "words"},
        "states": {"file": "states", "types": [_type(site) for site in sites]},
    }
    if ranges:
        config["files"]["meta"] = META
        config["meta"] = {
            name: {"file": "meta", "path": _path(name), "vis": {"type": "scalar", "range": limits}}
            for name, limits in ranges.items()
        }
    config["unitscope"] = {"schema": 1, "escaped": True, "precision": recording.manifest.dtype}
    return config


def _type(site: Site) -> dict[str, Any]:
    bounded = site.low >= -1 and site.high <= 1
    numbers = [int(part) for part in site.name.split(".") if part.isdigit()]
    return {
        "type": TYPES.get(site.stream, site.stream),
        "layer": numbers[0] + 1 if numbers else 1,
        "path": _path(site.name),
        "unsigned": site.low >= 0,
        # LSTMVis takes the tanh of all values unless it is told not to.
        "transform": "none" if bounded else "tanh",
        "site": site.name,
        "low": site.low,
        "high": site.high,
        "alias": site.alias,
        "kind": site.kind,
    }


def _path(name: str) -> str:
    """A data set's name: a slash would be a folder in HDF5."""
    return quote(name, safe="")
