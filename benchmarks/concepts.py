"""The concept bank, inspect and the sums over pairs, each against the plain way of doing it, in one run.

OMP_NUM_THREADS=1 python benchmarks/concepts.py align   DATA    # all layers through the bank, and one by one
OMP_NUM_THREADS=1 python benchmarks/concepts.py merge   DATA    # 50 hypotheses in one pass, and one hypothesis
OMP_NUM_THREADS=1 python benchmarks/concepts.py stop    DATA    # tolerance .02 against reading everything
OMP_NUM_THREADS=1 python benchmarks/concepts.py product         # 4,000 units × 500 concepts, and the bare products

DATA is a folder with treebanks/GUM_clean and treebanks/UD_English-EWT. CPU seconds; only the ratios mean anything.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from unitscope import hypotheses, inspect
from unitscope.analyses.quantiles import LEVELS
from unitscope.concepts.alignment import align, top_texts
from unitscope.concepts.bank import make_bank
from unitscope.concepts.candidates import constituents, words
from unitscope.concepts.pairs import Hypotheses, Pairs, Scale
from unitscope.concepts.pooled import pooled
from unitscope.concepts.texts import replicated
from unitscope.corpus.passages import Passages
from unitscope.corpus.reading import Characters
from unitscope.corpus.treebank import read_treebank
from unitscope.models.module import ModuleModel
from unitscope.models.networks.files import SHIPPED, load
from unitscope.recording.live import Live


def timed(what: Callable[[], object]) -> tuple[float, object]:
    begin = time.process_time()
    outcome = what()
    return time.process_time() - begin, outcome


def shipped() -> tuple[ModuleModel, Characters]:
    """The network that comes with the package, and how it reads."""
    net, card = load(SHIPPED)
    return ModuleModel(net, name=SHIPPED.name), Characters(card.vocabulary, card.unit, "?")


def ewt(data: Path, part: str, reading: Characters, most: int) -> Passages:
    sentences = read_treebank(data / f"treebanks/UD_English-EWT/en_ewt-ud-{part}.conllu")
    return Passages(sentences[:most], f"EWT {part}", reading)


def aligning(data: Path, most: int) -> dict[str, float]:
    """Every unit of every state and gate of an LSTM. The loop is timed on some units, its other ones cost as much."""
    model, reading = shipped()
    files = sorted((data / "treebanks/GUM_clean/const").glob("*.ptb"))
    sentences = [sentence for file in files[:: len(files) // 12] for sentence in read_treebank(file)][:most]
    corpus = Passages(sentences, "GUM", reading)
    sites = ["rnn.*"]
    bank = make_bank(sentences, [words, constituents()])
    length = corpus.mean_length
    texts = pooled(Live(model, corpus), sites)
    seconds, degree = timed(lambda: pooled(Live(model, replicated(bank, reading, length)), sites))
    assert isinstance(degree, dict)
    whole, _ = timed(lambda: {site: align(texts[site], degree[site], bank) for site in texts})

    sampled = [("rnn.0.hidden", unit) for unit in range(3)]
    every = replicated(bank, reading, length)

    def loop() -> None:
        for site, unit in sampled:
            rows = top_texts(texts[site][:, [unit]], 10)[0]
            candidates = np.unique(bank.inclusion[rows].indices)
            for concept in candidates:  # one text at a time, as the reference code of the paper does
                values = model.run(every.batch([int(concept)]), [site])[site]
                assert abs(float(values[0, :, unit].mean()) - degree[site][concept, unit]) < 1e-4

    one_by_one, _ = timed(loop)
    units = sum(values.shape[1] for values in texts.values())
    alone = one_by_one / len(sampled) * units
    return {
        "concepts": len(bank), "units": units, "bank pass (s)": seconds, "arg-max of all units (s)": whole,
        "loop, from 3 units (s)": alone, "ratio": alone / (seconds + whole),
    }  # fmt: skip


def merging(data: Path, most: int) -> dict[str, float]:
    model, reading = shipped()
    corpus = ewt(data, "dev", reading, most)
    names = hypotheses.names("generic")[:30]
    listed = ["the", "of", "and", "to", "in", "is", "you", "that", "it", "he", "was", "for", "on", "are", "as", "with"]
    asked = [
        *names,
        *(f"words:{word}" for word in listed),
        *(f"regex:{sign}" for sign in ("[aeiou]", "[A-Z]", r"\d", "ing")),
    ]
    asked = asked[:50]
    assert len(asked) == 50
    units = ["rnn.0.hidden"]
    one, _ = timed(lambda: inspect(model, asked[:1], corpus, units=units))
    fifty, _ = timed(lambda: inspect(model, asked, corpus, units=units))
    return {"one (s)": one, "fifty (s)": fifty, "ratio": fifty / one}


def stopping(data: Path, most: int) -> dict[str, float]:
    model, reading = shipped()
    corpus = ewt(data, "train", reading, most)
    asked = [
        "column:upos",
        "digit",
        "inside-a-word",
        "position-in-word",
        "words:the,a,an",
        "words:he,she,it,they,we,i,you",
    ]
    units = ["rnn.0.hidden"]
    known = set(hypotheses.names())
    asked = [name for name in asked if ":" in name or name in known]
    full, all_of_it = timed(lambda: inspect(model, asked, corpus, units=units, tolerance=1e-9))
    part, early = timed(lambda: inspect(model, asked, corpus, units=units, tolerance=0.02))
    off = (early["value"] - all_of_it["value"]).abs()  # type: ignore[index]
    return {
        "pairs": int(off.notna().sum()), "read": float(early["read"].max()),  # type: ignore[index]
        "within .02": float((off.dropna() <= 0.02).mean()), "largest difference": float(off.max()),
        "all (s)": full, "stopped (s)": part,
    }  # fmt: skip


def products(tokens: int, units: int = 4000, concepts: int = 500) -> dict[str, float]:
    """Flags as dense as parts of speech, and as rare as concepts of a bank."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(tokens, units, generator=random)
    found: dict[str, float] = {}
    for name, share in (("dense", 0.05), ("rare", 0.001)):
        y = (torch.rand(tokens, concepts, generator=random) < share).float()
        chosen = Hypotheses.of_flags([str(k) for k in range(concepts)])
        for what, levels in (("correlation", ()), ("correlation and IoU", (0.995,)), ("all measures", LEVELS)):
            tables = Pairs(units, chosen, Scale.of(x[:2048], y[:2048], chosen, levels))
            own, _ = timed(lambda tables=tables, y=y: tables.update(x, y))
            above = (x[:2048] > 1).to(torch.int8)
            flags = y[:2048].T.to(torch.int8).contiguous()

            def bare(y: torch.Tensor = y, levels: tuple[float, ...] = levels) -> None:
                for first in range(0, tokens, 2048):
                    y[first : first + 2048].T @ x[first : first + 2048]
                    for _ in levels:
                        torch._int_mm(flags, above)

            least, _ = timed(bare)
            found[f"{name}, {what}: sums (s)"] = own
            found[f"{name}, {what}: bare products (s)"] = least
            found[f"{name}, {what}: ratio"] = own / least
    found["peak memory (GB)"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["align", "merge", "stop", "product"])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--sentences", type=int, default=10**9, help="so many at most")
    parser.add_argument("--tokens", type=int, default=16384, help="of the products")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.what == "product":
        found = products(tokens=options.tokens)
    else:
        found = {"align": aligning, "merge": merging, "stop": stopping}[options.what](options.data, options.sentences)
    print(json.dumps({name: round(float(value), 4) for name, value in found.items()}, indent=1))


if __name__ == "__main__":
    main()
