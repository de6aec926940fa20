"""The bracketed arithmetic language: ``( ( 2 - 5 ) + 7 )``, with two ways to compute it as labels of every token.

From Hupkes, Veldhoen & Zuidema (2018): if a network adds up from left to right it must know, inside brackets, whether
it is adding or subtracting (*cumulative*); if it computes inner brackets first it needs a stack (*recursive*). Both
running results are labels, so regressions of a unit, or of all (``probing.ridge``), tell the two apart at every step.
"""

import hashlib
import random
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.corpus.place import WithoutText
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError

LARGEST = 10
VOCABULARY = Vocabulary(("(", ")", "+", "-", *(str(n) for n in range(-LARGEST, LARGEST + 1))))
Branching = Literal["random", "left", "right"]
LABELS = ("cumulative", "recursive", "subtracting", "depth")


def expression(numerals: int, draw: random.Random, branching: Branching = "random") -> list[str]:
    """A random expression with so many numerals; where it divides is uniform, or always at the left or right end.

    Left-branching ``( ( 1 + 2 ) - 3 )`` can be added up as it comes; right-branching ``( 1 + ( 2 - 3 ) )`` needs what
    was put aside.
    """
    if numerals == 1:
        return [str(draw.randint(-LARGEST, LARGEST))]
    left = {"random": draw.randint(1, numerals - 1), "left": numerals - 1, "right": 1}[branching]
    before = expression(left, draw, branching)
    return ["(", *before, draw.choice("+-"), *expression(numerals - left, draw, branching), ")"]


def cumulative(tokens: Sequence[str]) -> tuple[list[int], list[bool]]:
    """The sum so far, numerals being added or subtracted as they come, and whether the next would be subtracted."""
    sign, result = 1, 0
    stack: list[int] = []
    results, subtracting = [], []
    for token in tokens:
        if token == "(":
            stack.append(sign)
        elif token == ")":
            sign = stack.pop()
        elif token == "-":
            sign = -sign
        elif token != "+":
            result += sign * int(token)
        results.append(result)
        subtracting.append(sign < 0)
    return results, subtracting


def recursive(tokens: Sequence[str]) -> list[int]:
    """The value so far of the innermost open brackets."""
    sign, result = 1, 0
    stack: list[tuple[int, int]] = []
    results = []
    for token in tokens:
        if token == "(":
            stack.append((result, sign))
            result, sign = 0, 1
        elif token == ")":
            before, sign = stack.pop()
            result = before + sign * result
        elif token in "+-":
            sign = 1 if token == "+" else -1
        else:
            result += sign * int(token)
        results.append(result)
    return results


class ArithmeticCorpus(WithoutText):
    """Random expressions, ``count`` for each number of numerals in ``levels``; the same seed gives the same ones.

    Labels after each token: ``cumulative`` and ``recursive`` results, ``subtracting`` (0 or 1), ``depth`` of brackets.
    """

    def __init__(self, levels: Sequence[int], count: int, seed: int = 0, branching: Branching = "random") -> None:
        if count < 1 or not levels or min(levels) < 1:
            raise InputError("expressions have at least one numeral, and there is at least one of them")
        draw = random.Random(seed)
        self.name = "arithmetic " + ", ".join(
            f"L{level}{'' if branching == 'random' else branching}" for level in levels
        )
        self.expressions = [expression(level, draw, branching) for level in levels for _ in range(count)]
        self.vocabulary = VOCABULARY
        self.annotations = LABELS

    def __len__(self) -> int:
        return len(self.expressions)

    @property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of the expressions."""
        return hashlib.sha256("\n".join(" ".join(tokens) for tokens in self.expressions).encode()).hexdigest()

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return [len(self.expressions[number]) for number in sequences]

    def batch(self, sequences: Sequence[int]) -> Batch:
        lengths = self.lengths(sequences)
        tokens = np.zeros((len(lengths), max(lengths, default=0)), np.int64)
        targets = np.full_like(tokens, -1)
        for row, number in enumerate(sequences):
            ids = [self.vocabulary.ids[token] for token in self.expressions[number]]
            tokens[row, : len(ids)] = ids
            targets[row, : len(ids) - 1] = ids[1:]
        return Batch(
            tokens=torch.from_numpy(tokens),
            targets=torch.from_numpy(targets),
            context=torch.zeros(len(lengths), dtype=torch.int64),
            lengths=torch.tensor(lengths, dtype=torch.int64),
            sequence=torch.tensor([int(number) for number in sequences], dtype=torch.int64),
        )

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        tokens = self.expressions[sequence]
        if name == "cumulative":
            values: Sequence[int] = cumulative(tokens)[0]
        elif name == "subtracting":
            values = cumulative(tokens)[1]
        elif name == "recursive":
            values = recursive(tokens)
        elif name == "depth":
            values = np.cumsum([{"(": 1, ")": -1}.get(token, 0) for token in tokens]).tolist()
        else:
            raise InputError(f"arithmetic has no label {name!r}; there are: {', '.join(LABELS)}")
        return torch.tensor(values, dtype=torch.float32)

    def describe(self) -> dict[str, str]:
        return {"corpus": self.name, "corpus size": f"{len(self):,} expressions"}
