"""Every command that keeps something, on a text of a few lines: what is there before, and what is typed."""

import random
import shutil
from pathlib import Path

from endured.children import run

WORDS = [
    ("the", "DET"), ("hare", "NOUN"), ("said", "VERB"), ("came", "VERB"), ("(", "PUNCT"), ("as", "ADP"),
    ("ever", "ADV"), (")", "PUNCT"), ("over", "ADP"), ("12", "NUM"), ("hills", "NOUN"), ("and", "CCONJ"),
    ("fox", "NOUN"), ("stayed", "VERB"), ("?", "PUNCT"),
]  # fmt: skip
FEW = ["--length", "64", "--context", "16"]

COMMANDS: dict[str, list[str]] = {
    "record": ["record", "net", "text.txt", "--out", "new", "--part", "all", *FEW],
    "record, in two processes": ["record", "net", "text.txt", "--out", "new", "--part", "all", "--workers", "2", *FEW],
    "record of pairs": ["record", "seq2seq", "pairs.tsv", "--out", "new"],
    "analyze": ["analyze", "run"],
    "analyze --states": ["analyze", "run", "moments", "correlation", "--states", "states"],
    "ask": ["ask", "run", "--label", "digit", "--label", "inside-parentheses", "--baselines", "0", "--table",
            "ask.csv"],
    "ablate": ["ablate", "run", "--sequences", "2", "--orders", "1"],
    "respond": ["respond", "run", "--drive-steps", "20", "--sequences", "2"],
    "probe": ["probe", "trees", "--no-codelength", "--sites", "*.hidden"],
    "match": ["match", "run", "he", "--threshold", "0.001", "--keep", "hare", "--table", "m.csv", "--html", "m.html"],
    "compare": ["compare", "run", "net2", "--text", "text.txt", "--part", "all", "--sites", "*.hidden", *FEW],
    "report": ["report", "run", "--table", "units.csv"],
    "report as JSON": ["report", "run", "--out", "page.json"],
    "report --png": ["report", "run", "--png", "figures"],
    "data bank": ["data", "bank", "tree.conllu", "--lemmas", "--phrases", "ngrams", "--out", "bank"],
    "data lookup-tables": ["data", "lookup-tables", "--out", "tables", "--tables", "3", "--most", "20"],
    "train text": ["train", "text", "text.txt", "--out", "new", "--hidden", "8", "--epochs", "2", "--steps", "32",
                   "--checkpoint-seconds", "0.05"],
    "train classifier": ["train", "classifier", "texts.csv", "--out", "new", "--network", "lstm", "--size", "tiny",
                         "--epochs", "2", "--checkpoint-seconds", "0.05"],
    "train translator": ["train", "translator", "source.txt", "target.txt", "--out", "new", "--size", "tiny",
                         "--epochs", "1", "--held-out", "0.2", "--checkpoint-seconds", "0.05"],
    "train pairs": ["train", "pairs", "--data", "pairs", "--out", "new", "--epochs", "1", "--checkpoint-seconds",
                    "0.05"],
    "import": ["import", "spikes.npz", "--out", "new"],
    "export to NumPy": ["export", "run", "run.npz", "--label", "digit"],
    "export to Zarr": ["export", "run", "run.zarr"],
    "export to Parquet": ["export", "run", "run.parquet", "--sites", "*.hidden"],
    "export for LSTMVis": ["export", "run", "lstmvis"],
    "verify": ["verify", "run"],
    "info": ["info", "run"],
    "check": ["check", "net"],
}  # fmt: skip
"""Words after ``unitscope``, in the folder that ``prepare`` fills."""


def prepare(base: Path, quick: bool = False) -> None:
    """Fill a folder with texts, small networks, and recordings with something of every kind that is kept.

    With ``quick``, one of each: what a quick look needs.
    """
    shutil.rmtree(base, ignore_errors=True)
    base.mkdir(parents=True)
    draw = random.Random(0)
    lines = [" ".join(word for word, _ in draw.choices(WORDS, k=draw.randint(4, 11))) for _ in range(80)]
    (base / "text.txt").write_text("\n".join(lines) + "\n")
    (base / "source.txt").write_text("\n".join(lines[:40]) + "\n")
    (base / "target.txt").write_text("\n".join(line.upper() for line in lines[:40]) + "\n")
    (base / "texts.csv").write_text(
        "label,text\n" + "".join(f"{'even' if len(line) % 2 else 'odd'},{line}\n" for line in lines)
    )
    (base / "tree.conllu").write_text("".join(_sentence(n, draw) for n in range(60)))
    _numbers(base)
    more = ["net2", "trees", "seq2seq", "pairs", "ablate", "probe"] if quick else []
    small = ["--hidden", "8", "--epochs", "1", "--steps", "32"]
    for words in (
        ["data", "lookup-tables", "--out", "pairs", "--tables", "3", "--most", "20"],
        ["train", "text", "text.txt", "--out", "net", *small],
        ["train", "text", "text.txt", "--out", "net2", "--seed", "1", *small],
        ["record", "net", "text.txt", "--out", "run", "--part", "all", *FEW],
        ["record", "net", "tree.conllu", "--out", "trees", *FEW[2:]],
        ["train", "pairs", "--data", "pairs", "--out", "seq2seq", "--epochs", "1"],
        ["analyze", "run", "moments", "examples:count=2"],
        *(COMMANDS[name] for name in ("ask", "ablate", "match", "probe", "compare")),
    ):
        if any(word in more for word in words):
            continue
        done = run(words, base)
        if done.status:
            raise SystemExit(f"unitscope {' '.join(words)}: {done.said}")
    if not quick:
        shutil.copy(base / "pairs" / "train.tsv", base / "pairs.tsv")
    for made in ("ask.csv", "m.csv", "m.html"):
        (base / made).unlink()
    shutil.rmtree(base / "compare", ignore_errors=True)


def _sentence(number: int, draw: random.Random) -> str:
    head = f"# newdoc id = d{number // 4}\n" if number % 4 == 0 else ""
    words = draw.choices(WORDS, k=draw.randint(3, 8))
    rows = [
        f"{n}\t{word}\t{word}\t{tag}\t_\t_\t{n - 1}\t{'root' if n == 1 else 'dep'}\t_\t_\n"
        for n, (word, tag) in enumerate(words, 1)
    ]
    return f"{head}# sent_id = s{number}\n# text = {' '.join(word for word, _ in words)}\n{''.join(rows)}\n"


def _numbers(base: Path) -> None:
    import numpy as np

    draw = np.random.default_rng(0)
    lengths = np.array([50, 70, 80])
    np.savez(base / "spikes.npz", cells=draw.standard_normal((200, 6)).astype("f4"), lengths=lengths)
