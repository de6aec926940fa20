"""The errors of trained networks on a text, beside n-grams and n-NNs: checks, numbers and a page.

    OMP_NUM_THREADS=1 python benchmarks/errors.py warpeace_input.txt nets --n-nn n-nns --out errors

``nets`` are folders with networks that learnt the interleaved split of the text, at any depth; ``n-nns`` is one
of networks of a fixed context (``unitscope.networks.context``). The n-gram is fitted afresh. Dynamics are of the
network with snapshots that ``--path`` names.
"""

import argparse
import json
from pathlib import Path

import torch

from unitscope.models.ngram import NGram
from unitscope.networks.card import load
from unitscope.networks.files import CONFIG
from unitscope.page.page import Section, build_page
from unitscope.page.write import write_html
from unitscope.studies.check import checks_table
from unitscope.studies.visualizing_rnns.dynamics import resemblance
from unitscope.studies.visualizing_rnns.errors import checks_of_errors, errors_of
from unitscope.studies.visualizing_rnns.grid import trained
from unitscope.studies.visualizing_rnns.held_out import HeldOut, train_segments
from unitscope.studies.visualizing_rnns.onion import word_counts
from unitscope.studies.visualizing_rnns.text import open_text

CONTEXT = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("nets", type=Path, nargs="+")
    parser.add_argument("--n-nn", type=Path, help="folder of networks of a fixed context")
    parser.add_argument("--path", type=Path, help="folder of a network with snapshots")
    parser.add_argument("--out", type=Path, default=Path("errors"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    corpus, reference = open_text(options.text)
    held_out = HeldOut.of(corpus, "test")
    symbols = len(corpus.vocabulary)
    fingerprint = corpus.documents.fingerprint
    members = {m.folder.name: m for folder in options.nets for m in trained(folder, fingerprint, symbols)}
    scores = {name: held_out.scores(load(member.folder)[0]) for name, member in members.items()}
    segments = train_segments(corpus)
    ngram = NGram.fit(segments, symbols, CONTEXT)
    fixed = {}
    for config in sorted(options.n_nn.glob(f"*/{CONFIG}") if options.n_nn else ()):
        net = load(config.parent, ("context",))[0]
        fixed[net.config.context] = net
    path = None
    if options.path:
        snapshots = sorted((options.path / "snapshots").iterdir(), key=lambda folder: float(folder.name))
        path = resemblance(held_out, {float(folder.name): folder for folder in snapshots}, ngram, fixed)
    found = errors_of(
        held_out,
        scores,
        {name: member.size for name, member in members.items()},
        held_out.ngram_scores(ngram),
        word_counts(segments, corpus.vocabulary),
        {n: held_out.scores(net) for n, net in fixed.items()},
        path,
    )
    checks = checks_of_errors(found, reference)
    for check in checks:
        print(
            f"{check.id:<22}{check.statement}: {check.value} (expected {check.expected}; met: {check.met}) {check.note}"
        )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "errors.json").write_text(json.dumps(found.figures(), indent=1) + "\n")
    sections = [Section("checks", "What held", "", [checks_table(checks)]), *found.sections()]
    page = build_page("Errors of language models", corpus.name, sections)
    write_html(page, options.out / "index.html")


if __name__ == "__main__":
    main()
