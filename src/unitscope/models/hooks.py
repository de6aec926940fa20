"""Reading and editing what passes through any module inside a model, by hooks that are removed again.

A site is ``PATH.output`` or ``PATH.input``, where PATH is the module's. Which modules have units, and in which of their
axes, is found by running the model twice on batches of different sizes, or told (``axes.py``). A module that is called
once per step, as a cell in a loop is, has the calls as its time.
"""

import difflib
import fnmatch
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unitscope.errors import InputError
from unitscope.models.axes import (
    DRY_RUNS,
    STEPS_END_TO_END,
    Axes,
    check_layout,
    described,
    find_axes,
    suggested,
    told_axes,
)
from unitscope.models.closed import open_modules
from unitscope.models.containers import replaced, tensors
from unitscope.models.edit import Bound
from unitscope.models.site import Kind, Site
from unitscope.models.survey import Passed, Side, Survey, registered

EVERY = -1
"""In place of the number of a call: every call is a step."""

_ANY = (-math.inf, math.inf)
_TANH = (-1.0, 1.0)
_RANGES: dict[type[nn.Module], tuple[float, float]] = {
    nn.Sigmoid: (0.0, 1.0),
    nn.Hardsigmoid: (0.0, 1.0),
    nn.Tanh: _TANH,
    nn.Softsign: _TANH,
    nn.ReLU: (0.0, math.inf),
    nn.ReLU6: (0.0, 6.0),
    nn.Softplus: (0.0, math.inf),
    nn.LogSigmoid: (-math.inf, 0.0),
}
"""Smallest and largest value of an activation module's output."""

_Stream = tuple[tuple[float, float], Kind]

_CELLS: dict[type[nn.Module], Mapping[str, _Stream]] = {
    nn.LSTMCell: {"hidden": (_TANH, "state"), "cell": (_ANY, "cell")},
    nn.GRUCell: {"hidden": (_TANH, "state")},
    nn.RNNCell: {"hidden": (_TANH, "state")},
}
"""What the stock cells call the tensors that they return."""


@dataclass(frozen=True)
class Tap:
    """One tensor ``[batch time unit]``, in some order, that a module takes or gives."""

    site: Site
    side: Side
    call: int
    """In which call of the module; ``EVERY`` where each is a step."""
    place: int
    """Which tensor of that call."""
    axes: Axes

    def matches(self, pattern: str) -> bool:
        """Whether a glob pattern asks for it."""
        return _matches(self.site.name, pattern)

    def steps(self, values: Tensor) -> Float[Tensor, "batch time unit"]:
        """A copy in this order, at least in float32: what comes after the module may work in place."""
        precision = torch.float32 if values.dtype in (torch.float16, torch.bfloat16) else values.dtype
        return self.axes.ordered(values).to(precision, copy=True, memory_format=torch.contiguous_format)

    def edit(self, steps: Float[Tensor, "batch time unit"], call: int, edits: Sequence[Bound]) -> None:
        """Change units in place. Raises ``InputError`` for steps that the edits say nothing of."""
        if self.axes.end_to_end:
            rows = steps.flatten(0, 1)
            for edit in edits:
                edit.over(partial(self._end_to_end, len(rows))).apply(rows)
            return
        first = call if self.call == EVERY else 0
        stop = first + steps.shape[1]
        for edit in edits:
            edit.over(partial(self._same_steps, steps.shape[0], stop)).at((slice(None), slice(first, stop))).apply(
                steps
            )

    def _end_to_end(self, rows: int, by_step: Tensor) -> Tensor:
        if by_step.shape[0] * by_step.shape[1] != rows:
            raise InputError(f"{self.site.name} has {rows} rows where the batch has {tuple(by_step.shape[:2])} steps")
        return (
            by_step.transpose(0, 1).flatten(0, 1) if self.axes.end_to_end == STEPS_END_TO_END else by_step.flatten(0, 1)
        )

    def _same_steps(self, sequences: int, steps: int, by_step: Tensor) -> Tensor:
        if by_step.shape[0] != sequences or by_step.shape[1] < steps:
            raise InputError(
                f"{self.site.name} has {steps} steps of {sequences} sequences where the batch has {by_step.shape[1]} "
                f"of {by_step.shape[0]}; only modules that run one step per token can be edited at chosen steps"
            )
        return by_step


def _matches(name: str, pattern: str) -> bool:
    """Inputs only where the pattern's last part says so: most are another module's output."""
    is_input = name.rpartition(".")[2].startswith("input")
    return fnmatch.fnmatchcase(name, pattern) and (not is_input or "input" in pattern.rpartition(".")[2])


class HookReader:
    """Inputs and outputs of one module."""

    def __init__(self, module: nn.Module, taps: Sequence[Tap]) -> None:
        self.module = module
        self.taps = tuple(taps)

    def sites(self) -> tuple[Site, ...]:
        return tuple(tap.site for tap in self.taps)

    @contextmanager
    def reading(self, streams: Mapping[str, list[Tensor]], edits: Sequence[Bound], steps: int) -> Iterator[None]:
        """While open, each call of the module adds what passes through it, ``[batch time unit]``, to the lists.

        An edited unit has its value in what the module gives, or takes.
        """
        edited: dict[str, list[Bound]] = {}
        for edit in edits:
            edited.setdefault(edit.site, []).append(edit)

        def through(tap: Tap, tensor: Tensor, call: int) -> Tensor:
            if tap.site.name in edited:
                tensor = tensor.clone()
                steps = tap.axes.ordered(tensor)
                tap.edit(steps, call, edited[tap.site.name])
                tap.axes.put_back(steps, tensor)
            if tap.site.name in streams:
                streams[tap.site.name].append(tap.steps(tensor))
            return tensor

        with tapped(self.module, [t for t in self.taps if t.site.name in streams or t.site.name in edited], through):
            yield


def discover(
    module: nn.Module,
    patterns: Sequence[str],
    without: Sequence[str],
    seen: Survey,
    layouts: Mapping[str, str] | None = None,
    may_be_none: bool = False,
    left_out: dict[str, str] | None = None,
) -> tuple[HookReader, ...]:
    """Readers for whatever matches the glob patterns, in the order of the module tree.

    ``seen`` are two runs of the module; ``without`` are paths of modules that other readers know;
    ``layouts`` tell the axes of what matches a pattern. What matches and cannot be read is put into ``left_out``, with
    the reason. Raises ``InputError`` for a pattern that matches nothing, with the nearest names, unless there
    ``may_be_none``, and for a layout that fits nothing.
    """
    told = Told(layouts or {})
    sides: tuple[Side, ...] = ("input", "output")
    found = {
        path: [tap for side in sides for tap in _taps(path, child, side, seen.few, seen.more, told)]
        for path, child in open_modules(module)
        if path not in without and (path or not list(child.children()))
    }
    told.check()
    every = [tap for taps in found.values() for tap in taps]
    names = [tap.site.name for tap in every]
    for pattern in patterns:
        if not may_be_none and not any(tap.matches(pattern) for tap in every):
            told.explain(pattern)
            near = difflib.get_close_matches(pattern, names, n=5, cutoff=0.3) or names[:5]
            raise InputError(
                f"nothing in the model that has [batch time unit] values matches {pattern!r}; "
                f"there are {len(names)}, the nearest: {', '.join(near) or 'none'}"
            )
    if left_out is not None:
        left_out |= told.unclear(patterns)
    chosen = {
        path: [tap for tap in taps if any(tap.matches(pattern) for pattern in patterns)] for path, taps in found.items()
    }
    return tuple(HookReader(module.get_submodule(path), taps) for path, taps in chosen.items() if taps)


class Told:
    """Layouts by glob pattern, and the shapes of what has none."""

    def __init__(self, layouts: Mapping[str, str]) -> None:
        for layout in layouts.values():
            check_layout(layout)
        self._layouts = layouts
        self._fitted: set[str] = set()
        self._unclear: dict[str, tuple[tuple[int, ...], tuple[int, ...], bool]] = {}
        """The shapes of the two runs, and whether each call is a step, by the name of the site."""
        self._uneven: dict[str, str] = {}

    def axes(self, name: str, few: tuple[int, ...], more: tuple[int, ...], stepped: bool) -> Axes | None:
        """As told, or else as found; None where the axes are not clear."""
        for pattern, layout in self._layouts.items():
            if _matches(name, pattern) and (axes := told_axes(layout, few, more, stepped)):
                self._fitted.add(pattern)
                return axes
        axes = find_axes(few, more, stepped)
        if axes is None:
            self._unclear.setdefault(name, (few, more, stepped))
        return axes

    def uneven(self, name: str, few: int, more: int) -> None:
        """Note what is called a number of times that is not clear."""
        calls = zip((few, more), DRY_RUNS, strict=True)
        runs = (f"{count} times for {n} sequences of {steps} tokens" for count, (n, steps) in calls)
        self._uneven[name] = f"{name} cannot be read: the module is called {' and '.join(runs)}"

    def unclear(self, patterns: Sequence[str]) -> dict[str, str]:
        """By name, why what matches a pattern cannot be read."""
        reasons = {name: self._reason(name, *shapes) for name, shapes in self._unclear.items()} | self._uneven
        return {name: why for name, why in reasons.items() if any(_matches(name, pattern) for pattern in patterns)}

    def check(self) -> None:
        """Raises ``InputError`` for a layout that nothing has."""
        for pattern in self._layouts.keys() - self._fitted:
            self.explain(pattern)
            raise InputError(f"nothing that matches {pattern!r} has the layout {self._layouts[pattern]!r}")

    def explain(self, pattern: str) -> None:
        """Raises ``InputError`` that tells how, where the pattern matches a site whose axes have to be told."""
        for name, shapes in self._unclear.items():
            if _matches(name, pattern) and (suggested(*shapes) or name == pattern):
                raise InputError(self._reason(name, *shapes))
        for name, reason in self._uneven.items():
            if _matches(name, pattern):
                raise InputError(reason)

    @staticmethod
    def _reason(name: str, few: tuple[int, ...], more: tuple[int, ...], stepped: bool) -> str:
        layout = suggested(few, more, stepped)
        how = f"tell them: ModuleModel(…, layouts={{{name!r}: {layout!r}}}), or --layout '{name}={layout}'"
        return (
            f"{name} is {described(few, more)}, so which axes are batch, time and units is not clear; "
            f"{how if layout else 'none has one step for each token, so it cannot be read'}"
        )


def _taps(
    path: str,
    module: nn.Module,
    side: Side,
    few: Passed,
    more: Passed,
    told: Told,
) -> Iterator[Tap]:
    calls = list(zip(few[path, side], more[path, side], strict=False))
    stepped = tuple(len(run[path, side]) for run in (few, more)) == tuple(steps for _, steps in DRY_RUNS)
    if stepped:
        calls = calls[:1]
    elif len(few[path, side]) != len(more[path, side]):
        told.uneven(f"{path or type(module).__name__.lower()}.{side}", len(few[path, side]), len(more[path, side]))
        return
    kind = next((kind for kind in _CELLS if side == "output" and isinstance(module, kind)), None)
    low_high = next((span for kind, span in _RANGES.items() if side == "output" and isinstance(module, kind)), _ANY)
    layer: Kind = "input" if side == "input" else "embedding" if isinstance(module, nn.Embedding) else "layer"
    for call, (before, after) in enumerate(calls):
        streams = iter(_CELLS[kind].items()) if kind else _numbered(side, (low_high, layer))
        again = f"#{call + 1}" if call else ""
        stream = next(streams, None)
        for place, (a, b) in enumerate(zip(before, after, strict=False)):
            if a is None or b is None or stream is None:
                continue
            name = f"{path or type(module).__name__.lower()}{again}.{stream[0]}"
            (low, high), what = stream[1]
            if axes := told.axes(name, a, b, stepped):
                units = math.prod(a[axis] for axis in axes.units)
                yield Tap(Site(name, units, low, high, kind=what), side, EVERY if stepped else call, place, axes)
                stream = next(streams, None)


def _numbered(side: Side, stream: _Stream) -> Iterator[tuple[str, _Stream]]:
    """``output``, ``output_2``, ``output_3`` …"""
    return ((f"{side}_{number}" if number > 1 else side, stream) for number in itertools.count(1))


@contextmanager
def tapped(module: nn.Module, taps: Sequence[Tap], through: Callable[[Tap, Tensor, int], Tensor]) -> Iterator[None]:
    """While open, what passes each tap, in which call, goes ``through`` and may come out as another tensor."""

    def passing(taps: Sequence[Tap]) -> Callable[[Any], Any]:
        calls = itertools.count()

        def passed(values: Any) -> Any:
            call = next(calls)
            for tap in taps:
                if tap.call in (call, EVERY):
                    tensor = tensors(values)[tap.place]
                    changed = through(tap, tensor, call)
                    values = values if changed is tensor else replaced(values, tap.place, changed)
            return values

        return passed

    sides: tuple[Side, ...] = ("input", "output")
    with ExitStack() as hooks:
        for side in sides:
            if here := [tap for tap in taps if tap.side == side]:
                hooks.callback(registered(module, side, passing(here)).remove)
        yield
