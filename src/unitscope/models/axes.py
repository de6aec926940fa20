"""Where batch, time and units lie in a tensor of activations: found from two runs, or told in words.

The model runs on batches of two sizes. The axis that grows with the sequences is the batch, the one that grows with the
steps is time, and the one that stays is the units. Where that does not settle it, a layout names the axes in their
order, as in ``batch head time unit``: every word but ``batch`` and ``time`` is an axis of units, and these are laid end
to end. Steps of all sequences in one axis are ``batch*time``, or ``time*batch`` where the sequences of a step stand
together.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from unitscope.errors import InputError

DRY_RUNS = ((2, 11), (3, 13))
"""Sequences and steps of the two runs that tell the axes apart."""
SEQUENCES_END_TO_END, STEPS_END_TO_END = "batch*time", "time*batch"

_END_TO_END = (SEQUENCES_END_TO_END, STEPS_END_TO_END)
_ROWS = ("batch", "time", *_END_TO_END)

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Axes:
    """The axes of a tensor."""

    rows: tuple[int, ...]
    """Where batch and time lie; one axis where each call is a step, or where all steps of all sequences share it."""
    units: tuple[int, ...]
    end_to_end: str = ""
    """How all steps of all sequences share an axis; empty if they do not."""

    def ordered(self, values: Tensor) -> Float[Tensor, "batch time unit"]:
        """The tensor in this order, copied only where units lie in several axes.

        Sequences end to end are one long sequence, and steps end to end are many of one step.
        """
        ordered = values.permute(*self.rows, *self.units).flatten(len(self.rows))
        if len(self.rows) == 2:
            return ordered
        return ordered.unsqueeze(0) if self.end_to_end == SEQUENCES_END_TO_END else ordered.unsqueeze(1)

    def put_back(self, ordered: Float[Tensor, "batch time unit"], values: Tensor) -> None:
        """Write into the tensor what was changed in its ordered copy."""
        if len(self.units) > 1 and ordered.data_ptr() != values.data_ptr():
            inner = values.permute(*self.rows, *self.units)
            inner.copy_(ordered.reshape(inner.shape))


def find_axes(few: Shape, more: Shape, stepped: bool) -> Axes | None:
    """The axes from a tensor's shapes in the two runs; None if they do not tell, as with two wide axes that stay.

    ``stepped``: each call is a step.
    """
    kinds = _kinds(few, more)
    wide = [axis for axis, kind in enumerate(kinds) if kind == "unit" and few[axis] > 1]
    rows = sorted(kind for kind in kinds if kind != "unit")
    clear = rows == ["batch"] if stepped else rows in (["batch", "time"], [SEQUENCES_END_TO_END])
    return told_axes(" ".join(kinds), few, more, stepped) if clear and len(wide) <= 1 and "unit" in kinds else None


def told_axes(layout: str, few: Shape, more: Shape, stepped: bool) -> Axes | None:
    """The axes in the order of a layout; None where the shapes of the two runs are others."""
    words = layout.split()
    plain = [SEQUENCES_END_TO_END if word == STEPS_END_TO_END else word if word in _ROWS else "unit" for word in words]
    rows = [word for word in ("batch", "time", SEQUENCES_END_TO_END, STEPS_END_TO_END) if word in words]
    if plain != _kinds(few, more) or stepped != (rows == ["batch"]):
        return None
    units = tuple(axis for axis, kind in enumerate(plain) if kind == "unit")
    return Axes(tuple(words.index(word) for word in rows), units, rows[0] if rows[0] in _END_TO_END else "")


def check_layout(layout: str) -> None:
    """Raises ``InputError`` for words that are no layout."""
    words = layout.split()
    rows = sorted(word for word in words if word in _ROWS)
    if rows not in (["batch", "time"], ["batch"], *([word] for word in _END_TO_END)) or len(rows) == len(words):
        raise InputError(
            f"{layout!r} is no layout: name every axis in its order, as in 'batch time unit', 'time batch unit', "
            "'batch head time unit', 'time*batch unit' for steps end to end, or 'batch unit' where each call is a step"
        )


def suggested(few: Shape, more: Shape, stepped: bool) -> str:
    """The layout that the shapes of the two runs suggest; empty where there is no step for each token."""
    layout = " ".join(_kinds(few, more))
    try:
        check_layout(layout)
    except InputError:
        return ""
    return layout if told_axes(layout, few, more, stepped) else ""


def described(few: Shape, more: Shape) -> str:
    """The shapes of the two runs, in words."""
    shapes = ("×".join(map(str, shape)) or "no axes" for shape in (few, more))
    runs = (f"{shape} for {n} sequences of {steps} tokens" for shape, (n, steps) in zip(shapes, DRY_RUNS, strict=True))
    return " and ".join(runs)


def _kinds(few: Shape, more: Shape) -> list[str]:
    """Kind of each axis, as far as the two runs identify it; ``?`` otherwise."""
    batch, time = zip(*DRY_RUNS, strict=True)
    whole = tuple(sequences * steps for sequences, steps in DRY_RUNS)
    known = {batch: "batch", time: "time", whole: SEQUENCES_END_TO_END}
    pairs = zip(few, more, strict=True) if len(few) == len(more) else [(0, 1)]
    return ["unit" if first == second else known.get((first, second), "?") for first, second in pairs]
