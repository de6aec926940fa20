"""Shapes that pass through a module in two small runs, and the symbols that it knows."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from unitscope.models.axes import DRY_RUNS, STEPS_END_TO_END, Axes, find_axes
from unitscope.models.calling import Calling
from unitscope.models.cells import CellReader
from unitscope.models.closed import open_modules
from unitscope.models.containers import tensors
from unitscope.models.intercept import intercepted
from unitscope.models.recurrent import RecurrentReader, steps_of
from unitscope.models.rounds import Rounds, rounds_of

Side = Literal["input", "output"]
Shapes = list[tuple[int, ...] | None]
"""Of the tensors that one call takes or gives, in order; None for one that holds no activations."""
Passed = Mapping[tuple[str, Side], list[Shapes]]
"""The shapes that pass through every module, by path and side, call by call."""


@dataclass(frozen=True, eq=False)
class Survey:
    """Two runs of different size."""

    few: Passed
    more: Passed
    vocabulary: int | None
    """How many symbols the module that is given the tokens knows; None where none is."""
    givers: tuple[str, ...]
    """Paths of the innermost modules whose output is the first tensor of the whole output."""
    precision: torch.dtype
    """The narrowest in which a module gives values."""
    shape: tuple[int, ...] | None
    """Of what it predicts with; None where that is no tensor of numbers."""
    rounds: Mapping[str, Rounds | None]
    """How often each stock recurrent layer or cell goes through a sequence; None where its calls do not come out even.
    """
    find: Callable[[Any], Tensor | None]
    """Finds in an output what it predicts with."""
    axes: Axes | None
    """Where batch, time and units lie in what it predicts with; None where it has no vector for each token."""
    bounded: bool
    """Whether all of what it predicts with lies from 0 to 1, as probabilities do and logits do not."""

    @property
    def width(self) -> int | None:
        """Size of the output's vector for each token, 1 for a number each; None where it has none."""
        if self.shape is None or self.shape == DRY_RUNS[1]:
            return None if self.shape is None else 1
        return None if self.axes is None else math.prod(self.shape[axis] for axis in self.axes.units)


def survey(calling: Calling, told: Callable[[Any], Tensor | None] | None = None) -> Survey:
    """Run a module twice; ``told`` finds in its output what it predicts with.

    Without it that is what the output calls its logits; or else the first tensor in it that has a value of each symbol
    for each token; or else the first. Raises ``InputError`` where the module does not run.
    """
    before, after = (_watched(calling, size) for size in DRY_RUNS)
    rounds = {path: found if found == after.rounds.get(path) else None for path, found in before.rounds.items()}
    symbols = min(after.symbols, default=None)
    find = told or _logits_of(before.output, after.output, symbols)
    few, more = find(before.output), find(after.output)
    same = () if more is None else tuple(path for path, tensor in after.given.items() if _is_same(tensor, more))
    shape = tuple(more.shape) if more is not None and more.is_floating_point() else None
    axes = _axes(few, more)
    bounded = shape is not None and _bounded(more)
    return Survey(before.passed, after.passed, symbols, same, after.precision, shape, rounds, find, axes, bounded)


def _logits_of(few: Any, more: Any, symbols: int | None) -> Callable[[Any], Tensor | None]:
    if _named_logits(more) is not None:
        return _named_logits
    places = enumerate(zip(tensors(few), tensors(more), strict=False))
    fits = (place for place, (a, b) in places if (axes := _axes(a, b)) and _width(axes, b) == symbols)
    return partial(_tensor_at, next(fits, 0))


def _named_logits(output: Any) -> Tensor | None:
    found = output.get("logits") if isinstance(output, dict) else getattr(output, "logits", None)
    return found if isinstance(found, Tensor) else None


def _tensor_at(place: int, output: Any) -> Tensor | None:
    return next(iter(tensors(output)[place:]), None)


def _bounded(values: Tensor | None) -> bool:
    if values is None or values.is_meta or not values.numel():
        return False
    return bool(values.min() >= 0) and 0 < float(values.max()) <= 1


def _width(axes: Axes, values: Tensor) -> int:
    return math.prod(values.shape[axis] for axis in axes.units)


def _axes(few: Tensor | None, more: Tensor | None) -> Axes | None:
    """Axes of an output with a vector for each token. Sequences of both runs are alike, which identifies steps."""
    if few is None or more is None or not more.is_floating_point():
        return None
    axes = find_axes(tuple(few.shape), tuple(more.shape), False)
    if axes is None or not axes.end_to_end or more.is_meta:
        return axes
    rows = axes.ordered(more)[0]
    by_step = rows.view(*reversed(DRY_RUNS[1]), -1)
    alike = torch.allclose(by_step, by_step[:, :1].expand_as(by_step), equal_nan=True)
    return replace(axes, end_to_end=STEPS_END_TO_END) if alike else axes


def registered(module: nn.Module, side: Side, passing: Callable[[Any], Any]) -> Any:
    """A hook on what a module takes or gives, which may put another value in its place."""
    if side == "output":
        return module.register_forward_hook(lambda _module, _args, output: passing(output))
    return module.register_forward_pre_hook(lambda _module, args, kwargs: passing((args, kwargs)), with_kwargs=True)


@dataclass(frozen=True, eq=False)
class _Watched:
    """Observations of one run."""

    passed: Passed
    symbols: list[int]
    precision: torch.dtype
    rounds: Mapping[str, Rounds | None]
    given: Mapping[str, Tensor]
    """The first tensor that each innermost module gives, by path."""
    output: Any


def _watched(calling: Calling, size: tuple[int, int]) -> _Watched:
    seen: dict[tuple[str, Side], list[Shapes]] = defaultdict(list)  # some models exchange modules for longer texts
    given: dict[str, Tensor] = {}
    precisions: set[torch.dtype] = set()
    symbols: list[int] = []
    taken: dict[str, _Taken] = {}
    batch = calling.plain(*size)
    sides: tuple[Side, ...] = ("input", "output")
    with ExitStack() as hooks:
        for path, child in open_modules(calling.module):
            for side in sides:
                note = _noting(seen[path, side], precisions)
                hooks.callback(registered(child, side, note).remove)
            if isinstance(known := getattr(child, "num_embeddings", None), int):
                hooks.callback(child.register_forward_pre_hook(_counting(batch.tokens, known, symbols)).remove)
            for kind in (*RecurrentReader.reads, *CellReader.reads):
                if isinstance(child, kind):
                    there = taken.setdefault(path, _Taken([], []))
                    hooks.enter_context(intercepted(child, kind, partial(_stepping, child, there)))
            if not list(child.children()):
                hooks.callback(child.register_forward_hook(_keeping(path, given)).remove)
        output = calling.tried(batch)
    narrowest = max(precisions, key=lambda kind: torch.finfo(kind).eps, default=torch.float32)
    rounds = {path: there.rounds(size[1]) for path, there in taken.items() if there.steps}
    return _Watched(seen, symbols, narrowest, rounds, given, output)


def _noting(calls: list[Shapes], precisions: set[torch.dtype]) -> Callable[[Any], Any]:
    def note(values: Any) -> Any:
        shapes: Shapes = []
        found = tensors(values)
        for place, tensor in enumerate(found):
            again = any(tensor is before for before in found[:place])
            shapes.append(tuple(tensor.shape) if tensor.is_floating_point() and not again else None)
        calls.append(shapes)
        precisions.update(tensor.dtype for tensor in found if tensor.is_floating_point())
        return values

    return note


@dataclass(frozen=True, eq=False)
class _Taken:
    """The calls of one stock recurrent layer or cell."""

    steps: list[int]
    """How many each goes through."""
    states: list[tuple[Tensor | None, Tensor | None]]
    """Of a cell the state that each is given and the one that it gives."""

    def rounds(self, whole: int) -> Rounds | None:
        count = rounds_of(self.steps, whole)
        if not count:
            return None
        # Where calls are in turn, the second step of the first round goes on from the first call.
        goes_on = {call for call, (before, _) in enumerate(self.states) if _goes_on(self.states[0][1], before)}
        return Rounds(count, count > 1 and count in goes_on and 1 not in goes_on)


def _goes_on(after: Tensor | None, before: Tensor | None) -> bool:
    return after is not None and before is not None and before.data_ptr() == after.data_ptr()


def _stepping(module: Any, taken: _Taken, stock: Callable[..., Any]) -> Callable[..., Any]:
    """Notes how many steps each call of a stock recurrent module goes through."""

    def layer(input: Any, hx: Any = None) -> Any:
        taken.steps.append(steps_of(input, module))
        return stock(input, hx)

    def cell(input: Tensor, hx: Any = None) -> Any:
        given = stock(input, hx)
        taken.steps.append(1)
        taken.states.append((hx[0] if isinstance(hx, tuple | list) else hx, tensors(given)[0]))
        return given

    return cell if isinstance(module, nn.RNNCellBase) else layer


def _counting(tokens: Tensor, known: int, symbols: list[int]) -> Callable[[nn.Module, tuple[Any, ...]], None]:
    """Notes how many symbols a module knows that is given the tokens, in either order of the axes."""

    def count(_module: nn.Module, args: tuple[Any, ...]) -> None:
        ids = args[0] if args else None
        if isinstance(ids, Tensor) and not ids.is_floating_point() and ids.numel() == tokens.numel():
            flat = ids.flatten()
            if flat.is_meta or torch.equal(flat, tokens.flatten()) or torch.equal(flat, tokens.t().flatten()):
                symbols.append(known)

    return count


def _keeping(path: str, given: dict[str, Tensor]) -> Callable[[nn.Module, Any, Any], None]:
    def keep(_module: nn.Module, _args: Any, output: Any) -> None:
        if (first := _tensor_at(0, output)) is not None:
            given[path] = first

    return keep


def _is_same(tensor: Tensor, output: Tensor) -> bool:
    """Whether two tensors are views of the same values."""
    return tensor.numel() == output.numel() and tensor.data_ptr() == output.data_ptr()
