"""Files of a recording changed, shortened, emptied or exchanged: each is named, and none gives other numbers."""

import collections
import random
import shutil
from pathlib import Path

import pandas as pd

from unitscope.analyses.moments import Moments
from unitscope.cli.verify import damage
from unitscope.errors import InputError
from unitscope.fold.analyze import analyze
from unitscope.fold.resultset import ResultSet
from unitscope.opening.inputs import Inputs
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


def variants(where: Path, count: int) -> list[str]:
    """Damage one file at a time, and see who notices; gives what nobody did."""
    where.mkdir()
    folder, draw = recorded(where), random.Random(0)
    right, wrong = numbers(folder), []
    files = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    found: collections.Counter[str] = collections.Counter()
    for number in range(count):
        copy = folder.with_name("copy")
        shutil.copytree(folder, copy)
        path = copy / files[number % len(files)]
        change(path, number // len(files) % 4, draw, copy / draw.choice(files))
        changed = path.read_bytes() != (folder / path.relative_to(copy)).read_bytes()
        found["changed"] += changed
        try:
            named = bool(list(damage(copy)))
        except InputError:
            named = True
        found["named by verify"] += changed and named
        if changed and not named:
            wrong.append(f"{path.relative_to(copy)} was not named")
        try:
            same = all(one.equals(other) for one, other in zip(right, numbers(copy), strict=True))
            found["same numbers" if same else "OTHER NUMBERS"] += changed
            if changed and not same:
                wrong.append(f"{path.relative_to(copy)} gave other numbers")
        except InputError:
            found["refused by whoever reads"] += changed
        shutil.rmtree(copy)
    print(f"damaged variants of {len(files)} files: {dict(found)}, wrong: {len(wrong)}", flush=True)
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
