"""The concept bank and the sketch of quantiles, each against the plain way of doing it, in one run.

OMP_NUM_THREADS=1 python benchmarks/concepts.py align   DATA    # all layers through the bank, and one by one
OMP_NUM_THREADS=1 python benchmarks/concepts.py small   DATA    # the same for a small Transformer
OMP_NUM_THREADS=1 python benchmarks/concepts.py sketch --tokens 1000000  # ranks of quantiles of a million tokens

DATA is a folder with treebanks/GUM_clean and labelled. CPU seconds; only the ratios mean
anything.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from unitscope.analyses._sketch import Sketch
from unitscope.analyses.quantiles import Quantiles
from unitscope.banks.alignment import align, candidates_of, top_texts
from unitscope.banks.bank import make_bank
from unitscope.banks.candidates import Finder, constituents, ngrams, sentence_of, words
from unitscope.banks.texts import replicated
from unitscope.concepts.text_vectors import pooled
from unitscope.corpus.passages import Passages
from unitscope.corpus.reading import Characters
from unitscope.corpus.sentence import Sentence
from unitscope.corpus.treebank import read_treebank
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.models.module import ModuleModel
from unitscope.networks.card import Card, load
from unitscope.networks.files import SHIPPED
from unitscope.networks.models import model_of
from unitscope.networks.sentence_nets import SentenceConfig, sentence_net
from unitscope.source.live import Live

ASKED = (0.005, 0.01, 0.5)


def timed(what: Callable[[], object]) -> tuple[float, object]:
    begin = time.process_time()
    outcome = what()
    return time.process_time() - begin, outcome


def shipped() -> tuple[ModuleModel, Characters]:
    """The network that comes with the package, and how it reads."""
    net, card = load(SHIPPED)
    return ModuleModel(net, name=SHIPPED.name), Characters(card.vocabulary, card.unit, "?")


def aligning(data: Path, most: int) -> dict[str, float]:
    """Every unit of every state and gate of an LSTM, with the words and phrases of gold trees."""
    model, reading = shipped()
    files = sorted((data / "treebanks/GUM_clean/const").glob("*.ptb"))
    sentences = [sentence for file in files[:: len(files) // 12] for sentence in read_treebank(file)][:most]
    return aligned(model, reading, sentences, [words, constituents()], ["rnn.*"])


def small(data: Path, most: int) -> dict[str, float]:
    """Both layers of a small Transformer (96 units each), with the words and n-grams of questions."""
    lines = (data / "labelled/TREC.train.all").read_text("latin-1").splitlines()
    texts = list(dict.fromkeys(line[2:].strip() for line in lines))[:most]
    reading = Characters(Vocabulary(tuple(sorted({*"".join(texts)}))))
    config = SentenceConfig(len(reading.vocabulary), 6, "transformer", units=96)
    torch.manual_seed(0)
    net = sentence_net(config).eval()
    card = Card("transformer", config, reading.vocabulary.symbols, tuple("012345"))
    sentences = [sentence_of(text, str(number)) for number, text in enumerate(texts)]
    return aligned(model_of(net, card, "transformer"), reading, sentences, [words, ngrams(5)], ["layers.?.output"])


def aligned(
    model: ModuleModel, reading: Characters, sentences: list[Sentence], finders: list[Finder], sites: list[str]
) -> dict[str, float]:
    """What drives each unit up and what drives it down. The loop is timed on some units, and scaled by candidates."""
    corpus = Passages(sentences, "texts", reading)
    texts = pooled(Live(model, corpus), sites)
    tops = {site: [top_texts(values, 10, sign) for sign in (1, -1)] for site, values in texts.items()}
    rows = np.unique(np.concatenate([top.ravel() for both in tops.values() for top in both]))
    bank = make_bank(sentences, finders)
    bank = bank.only(candidates_of(bank, rows))
    every = replicated(bank, reading, corpus.mean_length)
    seconds, degree = timed(lambda: pooled(Live(model, every), sites))
    assert isinstance(degree, dict)
    whole, _ = timed(lambda: [align(texts[site], degree[site], bank, sign=sign) for site in texts for sign in (1, -1)])
    up = [candidates_of(bank, rows) for top, _ in tops.values() for rows in top]
    both = [candidates_of(bank, rows) for tops_of in tops.values() for rows in np.concatenate(tops_of, 1)]
    site = next(site for site in texts if site.endswith(("hidden", "output")))  # gates would cost the loop more
    one_by_one, _ = timed(lambda: alone(model, every, site, both[:3], degree[site]))
    per_text = one_by_one / sum(map(len, both[:3]))
    found: dict[str, float] = {
        "concepts": len(bank),
        "units": len(both),
        "bank pass (s)": seconds,
        "arg-max (s)": whole,
    }
    for name, candidates in (("up and down", both), ("up alone", up)):
        loop = per_text * sum(map(len, candidates))
        found |= {f"{name}: loop, from 3 units (s)": loop, f"{name}: ratio": loop / (seconds + whole)}
    return found


def alone(model: ModuleModel, every: Passages, site: str, some: list[np.ndarray], degree: np.ndarray) -> None:
    """One text at a time, as the reference code of the paper does."""
    for unit, candidates in enumerate(some):
        for concept in candidates:
            values = model.run(every.batch([int(concept)]), [site])[site]
            assert abs(float(values[0, :, unit].mean()) - degree[concept, unit]) < 1e-4


def sketched(tokens: int, units: int = 64) -> dict[str, float]:
    """Quantiles of units whose tokens are independent, and of units that walk through sequences of 200 tokens."""
    found: dict[str, float] = {}
    noise = torch.randn(tokens // 200, 200, units, generator=torch.Generator().manual_seed(0))
    for name, x in (("independent", noise.flatten(0, 1)), ("walks", noise.cumsum(1).flatten(0, 1))):
        made = Sketch(units, Quantiles().size)
        found[f"{name}: ns per value"] = timed(lambda made=made, x=x: [made.add(rows) for rows in x.split(2000)])[0]
        found[f"{name}: ns per value"] *= 1e9 / x.numel()
        ordered, quantiles = np.sort(x.numpy(), 0), made.quantiles(ASKED)
        for level, values in zip(ASKED, quantiles, strict=True):
            shares = [np.searchsorted(ordered[:, unit], value) / len(x) for unit, value in enumerate(values)]
            found[f"{name}: largest error at {level} (%)"] = 100 * np.abs(np.array(shares) - level).max()
        found[f"{name}: stated error (%)"] = 100 * made.rank_error
        found[f"{name}: values kept per unit"] = made.rows
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["align", "small", "sketch"])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--sentences", type=int, default=10**9, help="so many at most")
    parser.add_argument("--tokens", type=int, default=16384, help="of the sketches")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.what == "sketch":
        found = sketched(options.tokens)
    else:
        found = {"align": aligning, "small": small}[options.what](options.data, options.sentences)
    print(json.dumps({name: round(float(value), 4) for name, value in found.items()}, indent=1))


if __name__ == "__main__":
    main()
