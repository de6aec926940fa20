"""A network whose units are known because their weights were set by hand, and the text it reads."""

import random
from pathlib import Path

import torch

from unitscope.corpus.open import open_corpus
from unitscope.corpus.text import TextCorpus
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.models.module import ModuleModel
from unitscope.networks.char import CharConfig, CharNet

SYMBOLS = "\n ()abcdef"
VOCABULARY = Vocabulary(tuple(SYMBOLS))
INSIDE, COUNTER = 3, 5
"""The unit that is on inside parentheses, and the one that counts the characters of a line."""


def text(lines: int, seed: int) -> str:
    """Lines of 20 letters, some of them inside parentheses; both end where the network expects it."""
    dice = random.Random(seed)
    written = []
    for _ in range(lines):
        line, inside = [], 0
        while len(line) < 20 or inside:
            if inside > 4:
                line.append(")")
                inside = 0
            elif inside:
                line.append(dice.choice("abcdef"))
                inside += 1
            elif dice.random() < 0.08:
                line.append("(")
                inside = 1
            else:
                line.append(dice.choice("abcdef "))
        written.append("".join(line))
    return "\n".join(written) + "\n"


def corpus(folder: Path, lines: int = 500, seed: int = 0, length: int = 128) -> TextCorpus:
    path = folder / "wired.txt"
    path.write_text(text(lines, seed), newline="")
    return open_corpus(path, vocabulary=VOCABULARY, length=length, context=32)


def documents(folder: Path, count: int = 24, lines: int = 40, length: int = 128) -> TextCorpus:
    """The same in so many files."""
    paths = []
    for seed in range(count):
        paths.append(folder / f"wired{seed}.txt")
        paths[-1].write_text(text(lines, seed), newline="")
    return open_corpus(paths, vocabulary=VOCABULARY, length=length, context=32)


def wired(units: int = 8) -> ModuleModel:
    """An LSTM: unit INSIDE is set by ``(`` and reset by ``)``, unit COUNTER grows until a newline.

    The other units follow small random weights. The readout expects ``)`` where INSIDE is on and a newline where
    COUNTER is high, so ablating either costs something in just these places.
    """
    torch.manual_seed(0)
    net = CharNet(CharConfig(symbols=len(SYMBOLS), units=units, forget_bias=0.0))
    rnn = net.rnn
    at = {symbol: number for number, symbol in enumerate(SYMBOLS)}
    with torch.no_grad():
        for weight in rnn.parameters():
            weight.mul_(0.3)
        i, f, g, o = (lambda u, gate=gate: gate * units + u for gate in range(4))
        for unit in (INSIDE, COUNTER):
            for row in (i(unit), f(unit), g(unit), o(unit)):
                rnn.weight_ih_l0[row] = 0
                rnn.weight_hh_l0[row] = 0
                rnn.bias_ih_l0[row] = 0
                rnn.bias_hh_l0[row] = 0
            rnn.weight_hh_l0[:, unit] = 0
            rnn.bias_ih_l0[o(unit)] = 8.0
        rnn.bias_ih_l0[i(INSIDE)] = -8.0
        rnn.weight_ih_l0[i(INSIDE), at["("]] = 16.0
        rnn.bias_ih_l0[f(INSIDE)] = 8.0
        rnn.weight_ih_l0[f(INSIDE), at[")"]] = -16.0
        rnn.bias_ih_l0[g(INSIDE)] = 4.0
        rnn.bias_ih_l0[i(COUNTER)] = 8.0
        rnn.bias_ih_l0[f(COUNTER)] = 8.0
        rnn.weight_ih_l0[f(COUNTER), at["\n"]] = -16.0
        rnn.bias_ih_l0[g(COUNTER)] = 0.05
        rnn.weight_ih_l0[g(COUNTER), at["\n"]] = -0.05
        net.readout.weight.mul_(0.1)
        net.readout.bias.zero_()
        net.readout.bias[at[")"]] = -2.5
        net.readout.weight[at[")"], INSIDE] = 4.0
        net.readout.bias[at["\n"]] = -6.0
        net.readout.weight[at["\n"], COUNTER] = 9.0
    return ModuleModel(net, name="wired")
