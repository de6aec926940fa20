"""Compositional explanations against planted formulas and against trying everything."""

import itertools

import numpy as np
import pytest

from unitscope.concepts.formulas import Primitives, packed, search, search_exactly
from unitscope.errors import InputError

NAMES = tuple("abcdefg")


def made(seed: int = 0, tokens: int = 203, share: float = 0.2) -> np.ndarray:
    return np.random.default_rng(seed).random((tokens, len(NAMES))) < share


def unit_of(active: np.ndarray) -> np.ndarray:
    return packed(active[:, None])[0]


def everything(active: np.ndarray, flags: np.ndarray, length: int, penalty: float) -> float:
    """The best score of all formulas, one by one."""
    best = 0.0
    for size in range(1, length + 1):
        for chosen in itertools.permutations(range(flags.shape[1]), size):
            for operators in itertools.product(("OR", "AND", "AND NOT"), repeat=size - 1):
                mask = flags[:, chosen[0]]
                for operator, k in zip(operators, chosen[1:], strict=True):
                    other = flags[:, k]
                    mask = {"OR": mask | other, "AND": mask & other, "AND NOT": mask & ~other}[operator]
                iou = (mask & active).sum() / (mask | active).sum()
                best = max(best, iou * penalty ** (size - 1))
    return best


@pytest.mark.parametrize("find", [search, search_exactly])
def test_a_planted_formula_is_found(find) -> None:
    flags = made()
    primitives = Primitives.of(NAMES, flags)
    either = find(unit_of(flags[:, 1] | flags[:, 3]), primitives, 2)
    assert set(either.names) == {"b", "d"}
    assert either.operators == ("OR",)
    assert either.iou == 1
    nested = find(unit_of((flags[:, 0] | flags[:, 2]) & ~flags[:, 5]), primitives, 3)
    assert nested.iou == 1
    assert str(nested) in ("((a OR c) AND NOT f)", "((c OR a) AND NOT f)")
    alone = find(unit_of(flags[:, 4]), primitives, 3)
    assert str(alone) == "e"


@pytest.mark.parametrize("penalty", [1.0, 0.9])
def test_the_exact_search_finds_what_trying_everything_finds(penalty) -> None:
    for seed in range(6):
        flags = made(seed, 60, 0.3)
        active = np.random.default_rng(100 + seed).random(60) < 0.25
        primitives = Primitives.of(NAMES[:5], flags[:, :5])
        exact = search_exactly(unit_of(active), primitives, 3, penalty)
        assert exact.score == pytest.approx(everything(active, flags[:, :5], 3, penalty))
        beam = search(unit_of(active), primitives, 3, 2, penalty)
        assert beam.score <= exact.score + 1e-12
        assert exact.score == pytest.approx(exact.iou * penalty ** (len(exact.names) - 1))


def test_a_narrow_beam_can_miss_what_the_exact_search_finds() -> None:
    missed = 0
    for seed in range(12):
        flags = made(seed, 80, 0.3)
        active = np.random.default_rng(seed + 50).random(80) < 0.3
        primitives = Primitives.of(NAMES, flags)
        missed += search(unit_of(active), primitives, 3, 1).score < search_exactly(unit_of(active), primitives, 3).score
    assert missed > 0


def test_a_silent_unit_has_no_formula_and_too_long_a_search_is_refused() -> None:
    flags = made()
    primitives = Primitives.of(NAMES, flags)
    silent = unit_of(np.zeros(len(flags), bool))
    assert search(silent, primitives) is None
    assert search_exactly(silent, primitives) is None
    noise = unit_of(np.random.default_rng(9).random(len(flags)) < 0.2)
    with pytest.raises(InputError, match="search by beam"):
        search_exactly(noise, primitives, 3, most=10)
    with pytest.raises(InputError, match="2 names for 7 concepts"):
        Primitives.of(("a", "b"), flags)
