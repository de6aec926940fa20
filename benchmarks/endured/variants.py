"""Files of a recording changed, shortened, emptied or exchanged: each is named, and none gives other numbers."""

import collections
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from endured.fuzzing import whole
from unitscope.analyses.moments import Moments
from unitscope.cli.verify import damage
from unitscope.errors import InputError
from unitscope.fold.analyze import analyze
from unitscope.fold.resultset import ResultSet
from unitscope.opening.inputs import Inputs
from unitscope.recording import known
from unitscope.recording.record import record
from unitscope.recording.recording import Recording


def recorded(where: Path) -> Path:
    """A recording with two shards, results, and what it was made from."""
    text = where / "text.py"
    text.write_text("".join(f"def f{i}(x):\n    return (x + {i}) * 'ab'\n" for i in range(60)))
    inputs = Inputs(text=(str(text),), part="all")
    recording = record(inputs.live(8), where / "run", ["*.hidden", "*.cell"], shard_tokens=1_000)
    analyze(recording, [Moments()]).merge_into(recording.folder / "results")
    return recording.folder


def numbers(folder: Path) -> list[pd.DataFrame]:
    """What a reader of the recording sees: its kept results, and the same made anew."""
    recording = Recording.open(folder)
    recording.labels("position-in-line", recording.sequences[0])
    Inputs.load(folder)
    return [ResultSet.load(folder / "results").to_pandas(), analyze(recording, [Moments()]).to_pandas()]


def page(folder: Path) -> list[pd.DataFrame]:
    """What the page shows of everything that is kept."""
    known.trusted = True  # it was made by other processes
    Inputs.load(folder)
    return [pd.DataFrame({"": whole(folder)})]


def kinds(folder: Path) -> list[Path]:
    """The files of a folder, of those that differ in their site, shard or number alone the first two."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            inside = path.relative_to(folder)
            found.setdefault(re.sub(r"rnn\.0\.\w+|\d+", "*", str(inside)), []).append(inside)
    return [path for alike in found.values() for path in alike[:2]]


def variants(base: Path, where: Path, count: int) -> list[str]:
    """Damage one file at a time, and see who notices: first of a recording of two shards, then of all that is kept."""
    where.mkdir()
    shutil.copytree(base / "run", where / "everything")
    return [
        *_variants(recorded(where), count // 2, numbers),
        *_variants(where / "everything", count - count // 2, page),
    ]


def _variants(folder: Path, count: int, seen: Callable[[Path], list[pd.DataFrame]]) -> list[str]:
    draw = random.Random(0)
    right, wrong, files = seen(folder), [], kinds(folder)
    found: collections.Counter[str] = collections.Counter()
    while found["changed"] < count:
        number = found["made"]
        found["made"] += 1
        copy = folder.with_name("copy")
        shutil.copytree(folder, copy)
        path = copy / files[number % len(files)]
        change(path, number // len(files) % 4, draw, copy / draw.choice(files))
        if path.read_bytes() == (folder / path.relative_to(copy)).read_bytes():
            shutil.rmtree(copy)
            continue
        found["changed"] += 1
        try:
            named = bool(list(damage(copy)))
        except InputError:
            named = True
        found["named by verify"] += named
        if not named:
            wrong.append(f"{path.relative_to(copy)} was not named")
        try:
            same = all(one.equals(other) for one, other in zip(right, seen(copy), strict=True))
            found["same numbers" if same else "OTHER NUMBERS"] += 1
            if not same:
                wrong.append(f"{path.relative_to(copy)} gave other numbers")
        except InputError:
            found["refused by whoever reads"] += 1
        shutil.rmtree(copy)
    print(f"damaged variants of {len(files)} files: {dict(found)}, wrong: {len(wrong)}", flush=True)
    for line in wrong[:9]:
        print("   ", line, flush=True)
    return wrong


def change(path: Path, how: int, draw: random.Random, other: Path) -> None:
    """One bit, the end cut off, nothing left, or another file's content."""
    content = bytearray(path.read_bytes())
    if how == 0:
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    elif how == 1:
        content = content[: draw.randrange(len(content))]
    elif how == 2:
        content = bytearray()
    else:
        content = bytearray(other.read_bytes())
    path.write_bytes(content)
