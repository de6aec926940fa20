"""Recordings of sound as frames that a network reads, with labels of intervals such as phones and words.

WAV is read here; every other kind (FLAC, Ogg, MP3 …) by libsndfile, where the package soundfile is installed. Frames
are the logarithm of the power in bands that are equally wide on the mel scale (Davis & Mermelstein 1980), or the
samples themselves.
"""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.io import wavfile
from scipy.signal import ShortTimeFFT

from unitscope.corpus.dialect import Dialect
from unitscope.corpus.series import SeriesCorpus
from unitscope.corpus.stimuli import stimuli
from unitscope.corpus.tables import open_table
from unitscope.errors import InputError

FLOOR = 1e-10
"""Power below which all is silence: −100 dB of a full sine."""
TYPES = (".wav", ".wave")
INTERVALS = ("start", "end", "label")
"""Columns of a table of intervals, in seconds: those of Audacity's label tracks, which have no head."""


def read_sound(path: Path | str) -> tuple[Float[np.ndarray, "sample channel"], float]:
    """Samples between −1 and 1, and how many there are in a second. Raises ``InputError`` for what is no sound."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist; give a file of sound")
    try:
        if path.suffix.lower() in TYPES:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", wavfile.WavFileWarning)  # for parts that hold no sound
                rate, samples = wavfile.read(path)
        else:
            import soundfile  # type: ignore[import-untyped, unused-ignore]

            samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except ImportError as error:
        raise InputError(
            f"{path} is no WAV; other sounds need another package: pip install 'unitscope[sound]'"
        ) from error
    except (OSError, ValueError, RuntimeError, EOFError, ArithmeticError) as error:
        raise InputError(f"{path} cannot be read as sound: {error}") from error
    samples = samples[:, None] if samples.ndim == 1 else samples
    if samples.dtype.kind == "u":
        samples = (samples.astype(np.float32) - 128) / 128
    elif samples.dtype.kind == "i":
        samples = samples.astype(np.float32) / -float(np.iinfo(samples.dtype).min)
    return samples.astype(np.float32), float(rate)


def mel_frames(
    samples: Float[np.ndarray, " sample"], rate: float, width: float = 0.025, hop: float = 0.01, bands: int = 40
) -> tuple[Float[np.ndarray, "frame band"], list[str]]:
    """The power of ``bands`` bands in decibel, in windows of ``width`` seconds whose middles are ``hop`` apart, and the
    bands' middles in Hz. Frame n is the sound around ``n · hop`` seconds."""
    size, step = max(2, round(width * rate)), max(1, round(hop * rate))
    window = np.hanning(size + 2)[1:-1]
    transform = ShortTimeFFT(window, step, rate, scale_to="magnitude")
    frames = -(-max(1, len(samples)) // step)
    signal = np.pad(samples.astype(np.float64), (0, max(0, size - len(samples))))
    power = np.abs(transform.stft(signal, p0=0, p1=frames)) ** 2  # [frequency frame]
    edges = _hertz(np.linspace(0, _mel(rate / 2), bands + 2))
    rising = (transform.f[:, None] - edges[:-2]) / np.diff(edges[:-1])
    falling = (edges[2:] - transform.f[:, None]) / np.diff(edges[1:])
    weights = np.clip(np.minimum(rising, falling), 0, None)  # [frequency band]
    # A band that is narrower than the distance of two frequencies has the one next to its middle.
    for band in np.flatnonzero(weights.sum(0) == 0):
        weights[np.abs(transform.f - edges[band + 1]).argmin(), band] = 1.0
    found = 10 * np.log10(np.maximum(power.T @ weights, FLOOR))
    return found.astype(np.float32), [f"{middle:.0f} Hz" for middle in edges[1:-1]]


def read_intervals(path: Path | str, dialect: Dialect = Dialect()) -> list[tuple[float, float, str]]:
    """Start and end in seconds, and the label of each interval: a table with a head, or an Audacity label track.

    Raises ``InputError``, with the line, for times that are no numbers and for an end before its start.
    """
    path = Path(path)
    with path.open(encoding=dialect.encoding or "utf-8-sig", errors="replace") as stream:
        head = stream.readline().lower()
    if not dialect.columns and not all(name in head for name in INTERVALS[:2]):
        dialect = Dialect(dialect.encoding, INTERVALS)
    found = []
    with open_table(path, dialect) as table:
        for where, (start, end, label) in table.values(*INTERVALS):
            try:
                begin, stop = float(start), float(end)
            except (TypeError, ValueError) as error:
                raise InputError(f"{where}: {start!r} and {end!r} are no times in seconds") from error
            if not 0 <= begin <= stop < np.inf:
                raise InputError(f"{where}: an interval from {start} to {end} seconds ends before it begins")
            found.append((begin, stop, str(label)))
    return found


def sounds(
    files: Sequence[Path | str],
    intervals: Mapping[str, Path | str] | None = None,
    *,
    labels: Mapping[str, Any] | None = None,
    frames: bool = True,
    width: float = 0.025,
    hop: float = 0.01,
    bands: int = 40,
    kept: Sequence[str] = (),
    name: str = "sounds",
) -> SeriesCorpus:
    """Files of sound as a corpus: each is a sequence of frames ``[frame band]``, or without ``frames`` of samples.

    ``intervals`` names, for files by their names, a table of what holds from when to when: each of its labels is a flag
    ``label=…`` of every frame whose middle it covers; where there is no table the labels are undefined. ``labels`` are
    those of ``stimuli``, for each frame or each file. ``kept`` names bands whose power is a label too. Sounds of one
    corpus have the same rate, and several channels are averaged.
    """
    if not files:
        raise InputError("there is no file of sound; give at least one")
    rates, values, channels = [], [], ["sample"]
    for file in files:
        samples, rate = read_sound(file)
        mono = samples.mean(1)
        rates.append(rate)
        if not frames:
            values.append(mono[:, None])
            continue
        found, channels = mel_frames(mono, rate, width, hop, bands)
        values.append(found)
    if len(set(rates)) > 1:
        other = rates.index(next(rate for rate in rates if rate != rates[0]))
        raise InputError(
            f"{files[other]} has {rates[other]:g} samples a second, and {files[0]} {rates[0]:g}; bring them to one rate"
        )
    step = max(1, round(hop * rates[0])) / rates[0] if frames else 1 / rates[0]
    names = [Path(file).name for file in files]
    said = dict(labels or {})
    if intervals:
        if unknown := [key for key in intervals if key not in names]:
            raise InputError(
                f"there is no sound {unknown[0]!r} for these intervals; there are: {', '.join(names[:20])}"
            )
        said |= _flags([intervals.get(key) for key in names], [len(each) for each in values], step)
    return stimuli(
        values, labels=said, rate=1 / step, channels=channels, kept=kept, names=names, name=name
    )  # fmt: skip


def _flags(tables: Sequence[Path | str | None], sizes: Sequence[int], step: float) -> dict[str, list[np.ndarray]]:
    """For each label of the intervals, whether it holds at each frame."""
    read = [None if table is None else read_intervals(table) for table in tables]
    every = sorted({label for intervals in read if intervals for _, _, label in intervals})
    said: dict[str, list[np.ndarray]] = {}
    for label in every:
        rows = []
        for intervals, size in zip(read, sizes, strict=True):
            at = np.arange(size) * step
            row = np.full(size, np.nan if intervals is None else 0.0, np.float32)
            for start, end, own in intervals or ():
                if own == label:
                    row[(at >= start) & (at < end)] = 1.0
            rows.append(row)
        said[f"label={label}"] = rows
    return said


def _mel(hertz: float) -> float:
    return 2595 * float(np.log10(1 + hertz / 700))


def _hertz(mel: np.ndarray) -> np.ndarray:
    return 700 * (10 ** (mel / 2595) - 1)
