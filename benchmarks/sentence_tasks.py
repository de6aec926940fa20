"""Sizes of the tasks made from UD English EWT and GUM, and what an encoder without order reads of them.

OMP_NUM_THREADS=1 python benchmarks/sentence_tasks.py FOLDER --out sentence-tasks.json

FOLDER holds UD_English-EWT and GUM_clean. The encoder is the mean of a random vector per word form: it knows which
words are there and nothing of their order, so on bigram-shift it must be at chance.
"""

import argparse
import hashlib
import json
from pathlib import Path

import torch

from unitscope.corpus.sentence import Sentence
from unitscope.corpus.sentence_tasks import TASKS, make_task
from unitscope.corpus.treebank import read_treebank
from unitscope.probing.linear import RIDGES, fit_linear
from unitscope.probing.measures import scores

UNITS = 256


def vectors(sentences: list[Sentence]) -> torch.Tensor:
    known: dict[str, torch.Tensor] = {}
    rows = []
    for sentence in sentences:
        for word in sentence.words:
            form = word.form.lower()
            if form not in known:
                seed = int.from_bytes(hashlib.blake2b(form.encode(), digest_size=4).digest(), "big")
                known[form] = torch.randn(UNITS, generator=torch.Generator().manual_seed(seed))
        rows.append(torch.stack([known[word.form.lower()] for word in sentence.words]).mean(0))
    return torch.stack(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    dependencies = read_treebank(options.data / "UD_English-EWT" / "en_ewt-ud-train.conllu")
    files = sorted((options.data / "GUM_clean" / "const").glob("*.ptb"))
    constituents = [sentence for path in files for sentence in read_treebank(path)]
    found = {}
    for name in TASKS:
        trees = name in ("tree-depth", "top-constituents")
        task = make_task(name, constituents if trees else dependencies, 0)
        again = make_task(name, constituents if trees else dependencies, 0)
        parts = [task.of_part(part) for part in ("train", "dev", "test")]
        x = [vectors(part) for part in parts]
        y = [torch.tensor([task.classes.index(s.labels[name]) for s in part]) for part in parts]
        fit = fit_linear([x[0]], y[0][None], len(task.classes), RIDGES)
        best = int(fit.best([x[1]], y[1][None])[0, 0])
        said = scores(fit.log_probs(best, x[2]), y[2], y[0], torch.arange(len(y[2])))
        found[name] = {
            "from": "GUM" if trees else "EWT",
            "sentences": [len(part) for part in parts],
            "classes": len(task.classes),
            "same bytes again": again == task,
            "bag of words": said.accuracy,
            "interval": [said.low, said.high],
            "majority": said.majority,
        }
        print(name, found[name], flush=True)
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
