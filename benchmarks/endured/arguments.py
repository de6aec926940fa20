"""Command lines that nobody meant: every one ends with a status and words, and none with a traceback."""

import collections
import random
import shutil
from pathlib import Path
from typing import Any

from endured.children import run
from endured.commands import COMMANDS

ODD = ["-1", "0", "1", "2", "1e20", "nan", "-0.5", "0.5", "", "²", "../x", "x" * 999, "9" * 40, "a=b", "1:2", "3/2",
       "*", "[", "\udcff", "moments", "histogram:bins=0", "by_step:steps=1e9", "examples:count=-1", "digit", "regex:(",
       "column:upos", "words:", "file.py:f", "float32", "rnn.0.hidden", "rnn.0.hidden/3"]  # fmt: skip
"""What is given to any option, as it stands."""
THERE = ["run", "net", "trees", "text.txt", "tree.conllu", "texts.csv", "spikes.npz", "pairs.tsv", "seq2seq", "none",
         ".", "source.txt", "target.txt", "run/manifest.json"]  # fmt: skip
LEFT_OUT = ("demo", "study", "view", "data corpora")
"""Commands that take minutes, wait, or ask other machines."""


def commands() -> dict[str, Any]:
    """Every command with its parameters."""
    import typer

    from unitscope.cli.app import app
    from unitscope.cli.lazy import load_all

    load_all()
    found: dict[str, Any] = {}

    def walk(group: Any, before: str) -> None:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                walk(command, f"{before}{name} ")
            elif not f"{before}{name}".startswith(LEFT_OUT):
                found[f"{before}{name}"] = command

    walk(typer.main.get_group(app), "")
    return found


def words(name: str, command: Any, draw: random.Random) -> list[str]:
    """A command line: what must be given, and some of what may be, well or oddly.

    Every other is one that is right, with an option or two more.
    """
    right = [known for known in COMMANDS.values() if " ".join(known[: len(name.split())]) == name]
    sound = bool(right) and draw.random() < 0.5
    line = list(draw.choice(right)) if sound else name.split()
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    likely = draw.choice([1, 2]) / max(1, len(options)) if sound else 0.25
    for parameter in command.params:
        is_option = parameter in options
        if (is_option and (draw.random() > likely or parameter.is_eager)) or (sound and not is_option):
            continue
        for _ in range(draw.choice([1, 1, 1, 2]) if parameter.multiple or parameter.nargs == -1 else 1):
            if is_option:
                line.append(draw.choice(parameter.opts))
            if not getattr(parameter, "is_flag", False):
                line += [draw.choice(ODD if is_option and draw.random() < 0.8 else THERE)] * max(1, parameter.nargs)
    return line


def arguments(base: Path, count: int) -> list[str]:
    """Give so many lines, to each command in turn; gives what went wrong."""
    trial, draw = base.with_name("trial"), random.Random(2)
    ends: collections.Counter[str] = collections.Counter()
    wrong: list[str] = []
    known = commands()
    for number in range(count):
        name = list(known)[number % len(known)]
        line = words(name, known[name], draw)
        shutil.rmtree(trial, ignore_errors=True)
        shutil.copytree(base, trial)
        done = run([word.encode(errors="surrogateescape").decode(errors="surrogateescape") for word in line], trial)
        ends[{0: "done", 1: "named", 2: "refused"}.get(done.status, "OTHER")] += 1
        for said in done.faults():
            wrong.append(f"line {number}, {' '.join(line)!r}: {said}")
            print("   ", wrong[-1][:700], flush=True)
    print(f"command lines: {dict(ends)}, wrong: {len(wrong)}", flush=True)
    return wrong
