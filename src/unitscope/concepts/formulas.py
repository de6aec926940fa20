"""Compositional explanations: the logical formula over concepts whose tokens overlap most with a unit's.

After Mu & Andreas 2020. A formula grows from the left: ``((a OR b) AND NOT c)``. Its score is the IoU of its tokens
with those of the unit, times ``penalty`` for each concept after the first. A beam keeps the best few formulas of each
length; the exact search finds the best of all of them, by bounds that hold whatever the tokens are.

Masks are packed bits, eight tokens to a byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, UInt8

from unitscope.errors import InputError

OPERATORS = ("OR", "AND", "AND NOT")
BEAM = 10
LENGTH = 3
MOST = 5_000_000
"""Formulas that an exact search looks at, at most."""
ROUNDING = 1e-12
Mask = UInt8[np.ndarray, " byte"]


@dataclass(frozen=True)
class Formula:
    """Concepts joined by operators, from the left."""

    names: tuple[str, ...]
    operators: tuple[str, ...]
    iou: float
    score: float
    """IoU times the penalty for length."""

    def mask(self, primitives: "Primitives") -> Mask:
        """Where it holds, on the tokens of other primitives of the same names."""
        return _mask(primitives.masks, [primitives.names.index(name) for name in self.names], self.operators)

    def __str__(self) -> str:
        text = self.names[0]
        for operator, name in zip(self.operators, self.names[1:], strict=True):
            text = f"({text} {operator} {name})"
        return text


def packed(flags: Bool[np.ndarray, "token item"]) -> UInt8[np.ndarray, "item byte"]:
    """Flags as masks, one row for each column."""
    return np.packbits(flags, axis=0).T.copy()


@dataclass(frozen=True, eq=False)
class Primitives:
    """Flags that formulas are made of."""

    names: tuple[str, ...]
    masks: UInt8[np.ndarray, "primitive byte"]

    @classmethod
    def of(cls, names: Sequence[str], flags: Bool[np.ndarray, "token concept"]) -> "Primitives":
        """The concepts themselves. Raises ``InputError`` if names and flags differ in number."""
        if len(names) != flags.shape[1]:
            raise InputError(f"there are {len(names)} names for {flags.shape[1]} concepts")
        return cls(tuple(names), packed(flags))


def search(
    unit: Mask, primitives: Primitives, length: int = LENGTH, beam: int = BEAM, penalty: float = 1.0
) -> Formula | None:
    """The best formula that a beam finds, of up to ``length`` concepts; None for a unit that is never active."""
    size = _count(unit)
    if not size:
        return None
    masks = primitives.masks
    best = _ranked(_singles(unit, masks))[:beam]
    winner = best[0]
    for grown in range(2, length + 1):
        candidates: list[_Found] = []
        for found in best:
            mask = _mask(masks, found.concepts, found.operators)
            for operator in OPERATORS:
                inside, area = _counts(unit, _joined(operator, mask, masks))
                iou = inside / (area + size - inside)
                likely = np.argsort(-iou, kind="stable")[: beam + grown]
                candidates += [
                    found.grown(operator, k, iou[k], penalty) for k in likely.tolist() if k not in found.concepts
                ]
        best = _ranked(candidates)[:beam]
        winner = _ranked([winner, *best[:1]])[0]
    return winner.formula(primitives.names)


def search_exactly(
    unit: Mask, primitives: Primitives, length: int = LENGTH, penalty: float = 1.0, most: int = MOST
) -> Formula | None:
    """The best of all formulas of up to ``length`` different concepts; None for a unit that is never active.

    A formula with I of the unit's U tokens and O others is grown by concept c only if it could still win: OR leaves at
    most I + inside(c) and at least max(O, outside(c)), AND at most min(I, inside(c)), AND NOT at most
    min(I, U − inside(c)) and at least O − outside(c); every later concept adds at most the largest inside.
    Raises ``InputError`` when even so more than ``most`` formulas would have to be looked at.
    """
    size = _count(unit)
    if not size:
        return None
    masks = primitives.masks
    inside, area = _counts(unit, masks)
    outside = area - inside
    # A good formula to begin with: what cannot beat it is never looked at.
    winner = _with_numbers(search(unit, primitives, length, BEAM, penalty), primitives.names)
    richest = np.sort(inside)[::-1]
    frontier = [(found.concepts, found.operators) for found in _ranked(_singles(unit, masks))]
    looked = 0
    for grown in range(2, length + 1):
        left = length - grown
        following = []
        for concepts, operators in frontier:
            mask = _mask(masks, concepts, operators)
            (here,), (whole,) = _counts(unit, mask[None])
            for operator in OPERATORS:
                reach, least = _bounds(operator, size, int(here), int(whole - here), inside, outside)
                reach = np.minimum(size, reach + richest[:left].sum())
                # Later concepts may take everything outside away.
                bound = penalty ** (grown - 1) * reach / (size + (0 if left else least))
                worth = np.flatnonzero(bound > winner.score + ROUNDING)
                worth = worth[~np.isin(worth, concepts)]
                looked += len(worth)
                if looked > most:
                    raise InputError(
                        f"an exact search among {len(masks):,} concepts at length {length} is too long; give fewer "
                        "concepts or a smaller length, or search by beam"
                    )
                within, total = _counts(unit, _joined(operator, mask, masks[worth]))
                iou = within / (total + size - within)
                for k, value, hits in zip(worth.tolist(), iou, within, strict=True):
                    found = _Found((*concepts, k), (*operators, operator), value, value * penalty ** (grown - 1))
                    winner = found if found.score > winner.score + ROUNDING else winner
                    if left and hits:  # what has nothing inside adds nothing to what follows
                        following.append((found.concepts, found.operators))
        frontier = following
    return winner.formula(primitives.names)


@dataclass(frozen=True)
class _Found:
    concepts: tuple[int, ...]
    operators: tuple[str, ...]
    iou: float
    score: float

    def grown(self, operator: str, concept: int, iou: float, penalty: float) -> "_Found":
        score = iou * penalty ** len(self.concepts)
        return _Found((*self.concepts, concept), (*self.operators, operator), iou, score)

    def formula(self, names: Sequence[str]) -> Formula:
        return Formula(tuple(names[k] for k in self.concepts), self.operators, float(self.iou), float(self.score))


def _singles(unit: Mask, masks: UInt8[np.ndarray, "item byte"]) -> list[_Found]:
    inside, area = _counts(unit, masks)
    iou = inside / (area + _count(unit) - inside)
    return [_Found((k,), (), value, value) for k, value in enumerate(iou)]


def _with_numbers(formula: Formula | None, names: Sequence[str]) -> _Found:
    assert formula is not None  # the unit is active somewhere
    concepts = tuple(names.index(name) for name in formula.names)
    return _Found(concepts, formula.operators, formula.iou, formula.score)


def _mask(masks: UInt8[np.ndarray, "item byte"], concepts: Sequence[int], operators: Sequence[str]) -> Mask:
    mask: Mask = masks[concepts[0]]
    for operator, concept in zip(operators, concepts[1:], strict=True):
        mask = _joined(operator, mask, masks[concept][None])[0]
    return mask


def _bounds(
    operator: str,
    size: int,
    inside: int,
    outside: int,
    others_inside: Int[np.ndarray, " primitive"],
    others_outside: Int[np.ndarray, " primitive"],
) -> tuple[Int[np.ndarray, " primitive"], Int[np.ndarray, " primitive"]]:
    """Most tokens inside the unit, and fewest outside, of a formula grown by each primitive."""
    if operator == "OR":
        return np.minimum(size, inside + others_inside), np.maximum(outside, others_outside)
    if operator == "AND":
        return np.minimum(inside, others_inside), np.zeros_like(others_outside)
    return np.minimum(inside, size - others_inside), np.maximum(0, outside - others_outside)


def _joined(operator: str, mask: Mask, masks: UInt8[np.ndarray, "item byte"]) -> UInt8[np.ndarray, "item byte"]:
    joined: np.ndarray = mask | masks if operator == "OR" else mask & masks if operator == "AND" else mask & ~masks
    return joined


def _counts(
    unit: Mask, masks: UInt8[np.ndarray, "item byte"]
) -> tuple[Int[np.ndarray, " item"], Int[np.ndarray, " item"]]:
    """Tokens of each mask inside the unit, and in all."""
    inside = np.bitwise_count(masks & unit).sum(1, dtype=np.int64)
    return inside, np.bitwise_count(masks).sum(1, dtype=np.int64)


def _count(mask: Mask) -> int:
    return int(np.bitwise_count(mask).sum(dtype=np.int64))


def _ranked(found: Sequence[_Found]) -> list[_Found]:
    """The best first; of equal ones the shorter, then the earlier."""
    return sorted(found, key=lambda f: (-f.score, len(f.concepts), f.concepts))
