"""Formulas as a measure: the logical form over everything that was asked that tells best when a unit is active.

A unit is active on its highest (or lowest) 0.5 % of the tokens, as in Network Dissection. The form is searched on one
half of the documents, where it is the best of very many, and scored on the other; only that score says anything.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from unitscope.concepts.formulas import Formula, Mask, Primitives, packed, search, search_exactly
from unitscope.concepts.measures import TAIL
from unitscope.concepts.pairs import Hypotheses
from unitscope.errors import InputError

TOKENS = 50_000
"""Of each half, at most: enough for 250 on which a unit is active."""
LOOKED = 300_000
"""Forms that an exact search looks at for one unit before the beam decides; some seconds."""
HELD = 1
SILENT = "the unit is never beyond its highest or lowest 0.5 %"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Form:
    """How a formula is looked for."""

    name: str
    help: str
    sign: int
    exactly: bool

    @property
    def chosen(self) -> str:
        """The name of the score where the formula was searched."""
        return f"{self.name}-chosen"


_SAYS = "the best logical form of all that is asked (AND, OR, AND NOT) for the unit's {} 0.5 %: IoU on the other half{}"
FORMS = {
    form.name: form
    for form in (
        Form("formula", _SAYS.format("highest", "; search by beam"), 1, False),
        Form("formula-below", _SAYS.format("lowest", "; search by beam"), -1, False),
        Form("formula-exact", _SAYS.format("highest", "; of all forms the best"), 1, True),
        Form("formula-below-exact", _SAYS.format("lowest", "; of all forms the best"), -1, True),
    )
}
"""Measures by name."""


@dataclass
class Tail:
    """The tokens with the largest values of every unit, and the threshold above which a stated share of all lies."""

    most: int
    values: Float[Tensor, "kept unit"] | None = None
    rows: Int[Tensor, "kept unit"] | None = None

    def add(self, x: Float[Tensor, "token unit"], first: int) -> None:
        """Tokens by their numbers from ``first``."""
        rows = torch.arange(first, first + len(x), device=x.device)[:, None].expand(-1, x.shape[1])
        if self.values is not None and self.rows is not None:
            x, rows = torch.cat([self.values, x]), torch.cat([self.rows, rows])
        self.values, order = x.topk(min(self.most, len(x)), dim=0)
        self.rows = rows.gather(0, order)

    def active(self, unit: int, tokens: int) -> Bool[np.ndarray, " token"]:
        """Where the unit is beyond the quantile: fewer tokens than its share where values are equal."""
        assert self.values is not None
        assert self.rows is not None
        count = tokens - int((1 - TAIL) * tokens)
        values, found = self.values[:, unit].cpu(), np.zeros(tokens, bool)
        found[self.rows[:, unit].cpu()[values > values[count - 1]].numpy()] = True
        return found


@dataclass
class Half:
    """Labels and tails of the tokens of one half."""

    flags: list[UInt8[np.ndarray, "item byte"]] = field(default_factory=list)
    """Packed, eight tokens to a byte; the tokens that are left over wait in ``rest``."""
    rest: Bool[np.ndarray, "token item"] | None = None
    batches: list[Int[np.ndarray, " token"]] = field(default_factory=list)
    tails: dict[tuple[str, int], Tail] = field(default_factory=dict)
    tokens: int = 0

    def add(self, batch: int, flags: Bool[np.ndarray, "token item"]) -> None:
        """The labels of some tokens."""
        self.tokens += len(flags)
        self.batches.append(np.full(len(flags), batch))
        flags = flags if self.rest is None else np.concatenate([self.rest, flags])
        whole = len(flags) // 8 * 8
        self.flags.append(packed(flags[:whole]))
        self.rest = flags[whole:]

    def primitives(self, names: Sequence[str]) -> Primitives:
        """What formulas are made of."""
        assert self.rest is not None
        return Primitives(tuple(names), np.concatenate([*self.flags, packed(self.rest)], axis=1))


class Formulas:
    """A formula for every unit, of the hypotheses that are flags. Keeps ``TOKENS`` of either half of the documents."""

    def __init__(
        self,
        names: Sequence[str],
        hypotheses: Hypotheses,
        units: Mapping[str, Int[np.ndarray, " unit"]],
        sequences: int,
        length: int,
        progress: Progress,
    ) -> None:
        """Of so many sequences in all. Raises ``InputError`` where nothing that is asked is a flag."""
        self.flags = np.flatnonzero(hypotheses.is_flag)
        if not len(self.flags):
            raise InputError(f"{names[0]} joins flags, and none is asked; ask one, for example regex:[0-9]")
        if length < 1:
            raise InputError(f"a formula has one concept at least, not {length}")
        self.forms = [FORMS[name] for name in names]
        self.names = [hypotheses.names[k] for k in self.flags]
        self.units = units
        self.sequences = sequences
        self.length = length
        self.progress = progress
        self.halves = (Half(), Half())
        self.taken = 0

    @property
    def full(self) -> bool:
        return all(half.tokens >= TOKENS for half in self.halves)

    def take(
        self,
        batch: int,
        sequence: Int[Tensor, " token"],
        x: Mapping[str, Float[Tensor, "token unit"]],
        y: Float[Tensor, "token hypothesis"],
    ) -> None:
        """Every other batch is for searching."""
        half = self.halves[batch % 2]
        room = TOKENS - half.tokens
        if not room:
            return
        for sign in {form.sign for form in self.forms}:
            for site, values in x.items():
                tail = half.tails.setdefault((site, sign), Tail(TOKENS - int((1 - TAIL) * TOKENS)))
                tail.add(sign * values[:room], half.tokens)
        half.add(batch, (y[:room, self.flags] > 0.5).cpu().numpy())
        self.taken += len(torch.unique_consecutive(sequence))

    def table(self) -> pd.DataFrame:
        """Two rows for each unit and form: the IoU on the half that was not searched, and where it was."""
        if not all(half.tokens for half in self.halves):
            raise InputError("there are too few documents to search a formula on one half and score it on the other")
        searched, held = (half.primitives(self.names) for half in self.halves)
        rows: list[dict[str, object]] = []
        total = sum(map(len, self.units.values())) * len(self.forms)
        for form in self.forms:
            for site, numbers in self.units.items():
                for at, unit in enumerate(numbers.tolist()):
                    here, there = (half.tails[site, form.sign].active(at, half.tokens) for half in self.halves)
                    rows += self._rows(form, packed(here[:, None])[0], there, searched, held, site, unit)
                    self.progress("formulas", len(rows) // 2, total)
        return pd.DataFrame(rows).assign(p=np.nan, read=self.taken / self.sequences)

    def _rows(
        self,
        form: Form,
        active: Mask,
        unseen: Bool[np.ndarray, " token"],
        searched: Primitives,
        held: Primitives,
        site: str,
        unit: int,
    ) -> list[dict[str, object]]:
        found, note = self._search(form, active, searched)
        row = {"site": site, "unit": unit, "hypothesis": str(found or ""), "note": note}
        if found is None:
            return [{**row, "measure": name, "value": np.nan} for name in (form.name, form.chosen)]
        holds = np.unpackbits(found.mask(held))[: len(unseen)] > 0
        value = _overlap(holds, unseen)
        if np.isnan(value):
            note = SILENT
        return [
            {
                **row,
                "measure": form.name,
                "value": value,
                "note": note,
            },
            {**row, "measure": form.chosen, "value": found.iou},
        ]

    def _search(self, form: Form, active: Mask, searched: Primitives) -> tuple[Formula | None, str]:
        if not active.any():
            return None, SILENT
        if not form.exactly:
            return search(active, searched, self.length), ""
        try:
            return search_exactly(active, searched, self.length, most=LOOKED), ""
        except InputError:
            return search(active, searched, self.length), "too many forms for an exact search: by beam"


def _overlap(holds: Bool[np.ndarray, " token"], active: Bool[np.ndarray, " token"]) -> float:
    """IoU; NaN where the unit is never active."""
    return float((holds & active).sum() / (holds | active).sum()) if active.any() else float("nan")
