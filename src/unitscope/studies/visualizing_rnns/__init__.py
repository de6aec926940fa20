"""Visualizing and understanding recurrent networks, whole.

After Karpathy, Johnson & Fei-Fei 2015 (arXiv 1506.02078): recurrent networks of three kinds, several depths and
sizes read a text character by character; their losses are set beside each other's and n-grams', their gates are
counted, their errors are divided by cause, and what their cells stand for is found by search.
"""

from pathlib import Path
from typing import Annotated

from unitscope.progress import Progress
from unitscope.studies.check import Check
from unitscope.studies.visualizing_rnns.discovery import cell_part, match_part
from unitscope.studies.visualizing_rnns.grid import trained
from unitscope.studies.visualizing_rnns.parts import error_part, gate_part, loss_part, map_part
from unitscope.studies.visualizing_rnns.setting import Setting
from unitscope.studies.visualizing_rnns.study import networks, score, wanted, write_page
from unitscope.studies.visualizing_rnns.text import open_text, text_file


def run(
    out: Path,
    show: Progress,
    *,
    text: Annotated[Path | None, "file that the networks read, or warpeace or linux, which the paper read"] = None,
    grid: Annotated[Path | None, "folder of trained networks, where those that are missing are trained"] = None,
    cell: Annotated[list[str] | None, "lstm, rnn or gru; may be repeated"] = None,
    layers: Annotated[list[int] | None, "recurrent layers; may be repeated; 1 and 2 if not given"] = None,
    row: Annotated[list[int] | None, "budget: 64, 128, 256 or 512; may be repeated; 64 and 128 if not given"] = None,
    protocol: Annotated[list[str] | None, "modern or paper; may be repeated"] = None,
    seeds: Annotated[int, "networks of each kind, trained from different first weights"] = 1,
    epochs: Annotated[int, "of the modern protocol"] = 10,
    paper_epochs: Annotated[int, "of the paper's protocol"] = 50,
    processes: Annotated[int, "networks that are trained at the same time"] = 1,
    device: Annotated[str, "where they are trained: cpu or cuda"] = "cpu",
    context: Annotated[int, "characters of context of the longest n-gram"] = 20,
    seed: Annotated[int, "of untrained twins, shifted labels and random units"] = 0,
    phrase: Annotated[str, "of the test text, for the match query; chosen from the text if not given"] = "",
    quick: Annotated[bool, "a small run of every part; without a text, on Python's own source"] = False,
) -> list[Check]:
    """Train RNNs, LSTMs and GRUs on a text, and look at their losses, gates, errors and cells (Karpathy et al. 2015).

    Where the folder of networks has some that learnt the text, none is trained unless cells, layers, rows, protocols
    or seeds are named. A run that was stopped goes on.
    """
    file = text_file(text, out, quick)
    corpus, reference = open_text(file)
    folder = grid or out / "grid"
    there = bool(trained(folder, corpus.documents.fingerprint, len(corpus.vocabulary)))
    asked = bool(cell or layers or row or protocol or seeds > 1)
    plans = [] if there and not asked else wanted(cell, layers, row, protocol, seeds, quick)
    lengths = {"modern": 2 if quick else epochs, "paper": 2 if quick else paper_epochs}
    members = networks(file, corpus, folder, plans, lengths, processes, device, show)
    test, ngram, losses = score(corpus, reference, members, context, out, show)
    setting = Setting(corpus, reference, members, test, ngram, losses, folder, out, seed, quick, show)
    parts = [loss_part(setting), map_part(setting), gate_part(setting), *error_part(setting), cell_part(setting)]
    parts.append(match_part(setting, phrase))
    return write_page(setting, parts)
