"""Attention patterns of a Transformer: one unit for each head, in several streams.

A pattern itself, ``[head query key]``, has as many numbers as there are pairs of steps, so no unit of it means the same
in two sequences. What a head does with it has one number for each step: how far back it looks, how sharply, and how
much of it goes to the step itself, to the one before (a previous-token head) and to the first (an attention sink).
"""

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
from unitscope.models.axes import DRY_RUNS, Axes
from unitscope.models.edit import Bound
from unitscope.models.flow import CROSS
from unitscope.models.hooks import Tap, tapped
from unitscope.models.reader import Reader
from unitscope.models.site import Site
from unitscope.models.survey import Survey

Pattern = Float[Tensor, "batch head query key"]


def entropy(pattern: Pattern) -> Float[Tensor, "batch head query"]:
    """In nats: 0 where all of it goes to one step."""
    each: Tensor = torch.special.entr(pattern)
    return each.sum(-1)


def distance(pattern: Pattern) -> Float[Tensor, "batch head query"]:
    """Mean number of steps between the step that looks and the one that is looked at."""
    queries, keys = (torch.arange(size, device=pattern.device) for size in pattern.shape[-2:])
    return (pattern * (queries[:, None] - keys).abs()).sum(-1)


def back(steps: int, pattern: Pattern) -> Float[Tensor, "batch head query"]:
    """Attention to the step so many before; 0 where there is none."""
    return nn.functional.pad(pattern.diagonal(-steps, -2, -1), (steps, 0))


def first(pattern: Pattern) -> Float[Tensor, "batch head query"]:
    """Attention to the first step of the model's input."""
    return pattern[..., 0]


STREAMS: dict[str, tuple[Callable[[Any], Any], float]] = {
    "entropy": (entropy, math.inf),
    "distance": (distance, math.inf),
    "self": (partial(back, 0), 1.0),
    "previous": (partial(back, 1), 1.0),
    "first": (first, 1.0),
}
"""By the name of the stream, what it is of a pattern, and its largest value."""


@dataclass(frozen=True)
class AttentionPatterns:
    """Sites ``PATH.pattern_entropy``, ``….pattern_previous`` and so on for every attention of a ``PreTrainedModel``.

    Fast kernels of attention do not tell their weights. While a pattern is read, the model computes attention in plain
    steps, whose outputs differ from the kernels' by rounding.
    """

    fingerprint: str = ""

    def readers(self, module: nn.Module, aliases: Mapping[str, str], seen: Survey) -> Sequence[Reader]:
        """One for all heads; none where no module gives ``[batch head query key]`` weights."""
        blocks = {name.rpartition(".")[0]: alias.rpartition(".")[0] for name, alias in aliases.items()}
        if not hasattr(module, "set_attn_implementation"):
            return ()
        found = []
        for (path, side), calls in seen.few.items():
            again = seen.more[path, side]
            if side == "input" or len(calls) != 1 or len(again) != 1:
                continue
            for place, (a, b) in enumerate(zip(calls[0], again[0], strict=False)):
                if a and b and (a[0], *a[2:]) == _weights(0) and (b[0], *b[2:]) == _weights(1) and a[1:2] == b[1:2]:
                    here = max((block for block in blocks if path.startswith(f"{block}.")), key=len, default="")
                    tap = Tap(Site(f"{path}.pattern", a[1]), "output", 0, place, Axes((0, 2), (1, 3)))
                    found.append((tap, module.get_submodule(path), blocks.get(here, "")))
        # A layer around an attention may hand its weights on.
        paths = [tap.site.name.removesuffix("pattern") for tap, _, _ in found]
        inner = [f for f, path in zip(found, paths, strict=True) if sum(other.startswith(path) for other in paths) == 1]
        return (PatternReader(module, inner),) if inner else ()


def _part(path: str) -> str:
    """Whether an attention looks at the other side."""
    return "cross_attn" if any(word in path.lower() for word in CROSS) else "attn"


def _weights(size: int) -> tuple[int, int, int]:
    sequences, steps = DRY_RUNS[size]
    return sequences, steps, steps


@contextmanager
def plain_attention(module: Any) -> Iterator[None]:
    """Attention in plain steps, where a module has a choice, and afterwards again as it was."""
    if not hasattr(module, "set_attn_implementation"):
        yield
        return
    before = module.config._attn_implementation
    module.set_attn_implementation("eager")
    try:
        yield
    finally:
        module.set_attn_implementation(before)


class PatternReader:
    """Reads what every head looks at."""

    def __init__(self, whole: nn.Module, attentions: Sequence[tuple[Tap, nn.Module, str]]) -> None:
        self._whole = whole
        self._attentions = tuple(attentions)

    def sites(self) -> tuple[Site, ...]:
        return tuple(
            Site(
                f"{tap.site.name}_{stream}",
                tap.site.units,
                0.0,
                high,
                f"{block}.{_part(tap.site.name)}.pattern_{stream}" if block else "",
                "pattern",
            )
            for tap, _, block in self._attentions
            for stream, (_, high) in STREAMS.items()
        )

    @contextmanager
    def reading(self, streams: Mapping[str, list[Tensor]], edits: Sequence[Bound], steps: int) -> Iterator[None]:
        """While open, each attention adds its heads' numbers, ``[batch time head]``, to the lists.

        Raises ``InputError`` for an edit of them.
        """
        names = {site.name for site in self.sites()}
        edited = [edit.site for edit in edits if edit.site in names]
        if edited:
            raise InputError(f"{edited[0]} can be read and not edited; edit the heads' output (attn.hook_z) instead")
        if not names & streams.keys():
            yield
            return

        def through(tap: Tap, pattern: Tensor, _call: int) -> Tensor:
            for stream, (measure, _) in STREAMS.items():
                if (found := streams.get(f"{tap.site.name}_{stream}")) is not None:
                    found.append(measure(pattern.float()).transpose(1, 2).contiguous())
            return pattern

        with plain_attention(self._whole), ExitStack() as taps:
            for tap, child, _ in self._attentions:
                taps.enter_context(tapped(child, [tap], through))
            yield
