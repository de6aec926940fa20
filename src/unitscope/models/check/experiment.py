"""The experiment: one small batch, run again and again with one thing changed.

Seven sequences of unequal length, four of them of one length, so that sorting shows. In three runs tokens are changed,
in each sequence in another choice of the three and at another step: which rows of a site move says which sequences they
are, and which steps move says in which order they stand and how far a token reaches. Two sequences run alone. What was
read is put back, and units are edited in one row for each site.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.errors import InputError
from unitscope.models.calling import changed, rows_of
from unitscope.models.check.check import Edits, SiteCheck, Together
from unitscope.models.check.facts import Arrangement, Moved, Time, codes, moved, row_order, spread_of, time_of
from unitscope.models.check.remains import Remains
from unitscope.models.edit import Bound
from unitscope.models.parity import ParityError
from unitscope.models.predictions import OUTPUT
from unitscope.models.raw import Raw
from unitscope.models.site import READ_ONLY, Site

LENGTHS = (5, 9, 3, 9, 6, 9, 9)
CODES = (1, 7, 2, 3, 4, 5, 6)
"""For each row, as bits, the runs in which its token is another."""
STEPS = 9
RUNS = 3
WHOLE = tuple(row for row, length in enumerate(LENGTHS) if length == STEPS)
SHORT, LONG = 2, 1
"""Rows that run alone; the second only where the first shows that sequences of a batch, or padding, reach in."""
UNTRIED = "Edits were not tried."
SLACK, ALONE = 64, 400
"""Units in the last place that are rounding: between two runs of one shape, and of different ones."""
EDITED = 512
"""Sites at most whose units are edited."""
EDIT_STEPS, EDIT_AT = 5, 2

Values = Mapping[str, Float[Tensor, "_ _ _"]]


@dataclass(frozen=True)
class Found:
    """Result of the experiment, except for the meaning of the output."""

    together: Together
    sites: tuple[SiteCheck, ...]
    output: SiteCheck | None
    writes: tuple[str, ...]
    left_out: Mapping[str, str]
    notes: tuple[str, ...]
    forwards: int


class Experiment:
    """Runs a subject, and counts how often."""

    def __init__(self, subject: Raw) -> None:
        self._subject = subject
        self._draw = torch.Generator().manual_seed(0)
        self._writes: tuple[str, ...] = ()
        self._same = False
        """Whether the same batch was seen to give the same twice."""
        self._left_out: dict[str, str] = {}
        self._notes: list[str] = []
        self._expected: set[str] = set()
        """What the first call had."""
        self._short: dict[str, Tensor] = {}
        """The short row alone, where that was read."""
        self._only: set[str] | None = None
        """What is read; everything if None."""
        self.forwards = 0

    def found(self) -> Found:
        """Everything. Raises ``InputError`` where the same batch gives other values each time."""
        together, batch, base = self._begun()
        if together == "alone":
            return self._alone(batch, base)
        changes = self._changes(batch)
        runs = [self._read(changed(batch, steps, self._subject.symbols)) for steps in changes]
        moves = {site: [self._moved(base[site], run[site], SLACK) for run in runs] for site in base}
        given = torch.tensor(CODES)
        orders = {site: row_order(codes(found).cpu(), given) for site, found in moves.items()}
        if any(order is None for order in orders.values()):
            self._same_again(batch, base)
            return self._one_by_one()
        alone = self._short or self._read(self._row(batch, SHORT))
        leaks = {site: not self._is_row(base, alone, orders, site, SHORT, batch) for site in base}
        if any(leaks.values()):  # of padding, or of the other sequences
            one = self._row(batch, LONG)
            alone = self._read(one)
            if not all(self._is_row(base, alone, orders, site, LONG, batch) for site in base):
                self._same_again(batch, base)
                return self._alone(one, alone)
        times = {site: self._time(site, moves[site], changes, orders[site]) for site in base}
        if any(leaks.values()) or any(time.reversed for time in times.values()):
            together = "equal lengths"
        keeps = torch.arange(len(LENGTHS))
        facts = {
            site: SiteCheck(
                site,
                "as given" if order is None or torch.equal(order, keeps) else "moved",
                "reversed" if times[site].reversed else "as given",
                times[site].reach,
                leaks[site] and not times[site].reversed,
            )
            for site, order in orders.items()
        }
        edited: dict[str, Edits] = {}
        if self._put_back(batch, base):
            edited = self._edited(facts)
        else:
            together = "alone"
            self._notes.append(UNTRIED)
        sites = tuple(replace(facts[s.name], edits=edited.get(s.name, "not tried")) for s in self._inside)
        return Found(
            together, sites, facts.get(OUTPUT), self._writes, self._left_out, tuple(self._notes), self.forwards
        )

    def _begun(self) -> tuple[Together, Batch, Values]:
        """The first batch that the module runs on, and what is read there.

        Some modules take sequences of one length only, or only the longest first, and some take one alone.
        """
        kinds: tuple[tuple[Together, Sequence[int]], ...] = (
            ("any", LENGTHS),
            ("equal lengths", [STEPS] * len(LENGTHS)),
            ("alone", [STEPS]),
        )
        failed: Exception | None = None
        for together, lengths in kinds:
            batch = self._batch(lengths)
            self._left_out.clear()
            try:
                base = self._first(batch)
            except (InputError, ParityError):
                raise
            except Exception as error:  # whatever a foreign module raises
                failed = failed or error
                continue
            if together == "alone" or self._inside or not self._subject.inside:
                return together, batch, self._as_it_runs(batch, base)
        raise InputError(
            f"{self._name} does not run on {len(LENGTHS)} sequences of {STEPS} tokens; give a call=lambda module, "
            f"batch: … that runs it ({type(failed).__name__}: {failed})"
        ) from failed

    def _as_it_runs(self, batch: Batch, base: dict[str, Tensor]) -> dict[str, Tensor]:
        """The same, or without patterns of attention, where attention in plain steps makes another network of it."""
        patterns = [site.name for site in self._inside if site.kind == "pattern"]
        if not patterns:
            return base
        # Alone, where there is no padding, kernels may do without the mask that plain steps have.
        one = self._row(batch, min(SHORT, len(batch.lengths) - 1))
        plain = self._short = self._read(one)
        self._only = {*base} - {*patterns}
        own = self._read(one)
        wrong = next((site for site in own if self._moved(plain[site], own[site], ALONE).any()), None)
        if wrong is None:
            self._only = None
            return base
        reason = f"{wrong} is another where attention goes in plain steps, in which alone patterns can be read"
        self._left_out |= dict.fromkeys(patterns, reason)
        self._short = own
        return self._read(batch)

    @property
    def _inside(self) -> list[Site]:
        return [site for site in self._subject.inside if site.name not in self._left_out]

    def _batch(self, lengths: Sequence[int]) -> Batch:
        return self._subject.calling.drawn(lengths, self._subject.symbols, self._draw)

    def _read(self, batch: Batch, edits: Sequence[Bound] = ()) -> dict[str, Tensor]:
        """Every site that has a step for each token, and the output; reasons are noted for the others."""
        self.forwards += 1
        before = Remains(self._subject.calling.module, self._writes) if self._writes else None
        try:
            values = self._subject.read(batch, edits, self._only, self._left_out)
        finally:
            if before:
                before.put_back()
        missing = [name for name in self._expected if name not in values and name in (self._only or self._expected)]
        if missing:
            raise InputError(
                f"{missing[0]} has not a step for each token in every call: {self._name} runs that layer as often as "
                "its input asks, so no value has a place; leave it out (hooked=), or give a call= of one depth"
            )
        self._expected = self._expected or {*values}
        return values

    def _first(self, batch: Batch) -> dict[str, Tensor]:
        """The first run, after which nothing must be another."""
        module = self._subject.calling.module
        before, generator = Remains(module), _generators(self._subject.calling.device)
        try:
            base = self._read(batch)
            draws = not all(map(torch.equal, generator, _generators(self._subject.calling.device)))
            writes = before.changed()
            if draws or writes:
                self._same_again(batch, base, draws, writes)
        finally:
            before.put_back()
        self._writes = writes
        return base

    def _same_again(self, batch: Batch, base: Values, draws: bool = False, writes: Sequence[str] = ()) -> None:
        """Raises ``InputError``, with the cause, if the same batch gives other values."""
        if self._same:
            return
        again = self._read(batch)
        wrong = next((site for site in base if self._moved(base[site], again[site], SLACK).any()), None)
        if wrong is None:
            self._same = True
            return
        begins = (
            f"the same batch reads differently at {wrong} the second time, so no value of {self._name} can be trusted"
        )
        if draws:
            raise InputError(
                f"{begins}: it draws random numbers in every call, in evaluation mode too; give it fixed ones in "
                "call=lambda module, batch: …, for example initial states of zeros"
            )
        if writes:
            raise InputError(
                f"{begins}: it keeps its state from call to call ({', '.join(writes)}); reset that in every call, for "
                f"example ModuleModel(module, call=lambda module, batch: (setattr(module{_owner(writes[0])}, "
                f"{writes[0].rpartition('.')[2]!r}, None), module(batch.tokens))[1])"
            )
        raise InputError(
            f"{begins}: it keeps a state outside the module or draws numbers of its own; give a call=lambda module, "
            "batch: … that resets it"
        )

    @property
    def _name(self) -> str:
        return self._subject.calling.name

    def _moved(self, before: Tensor, after: Tensor, slack: int) -> Moved:
        return moved(before, after, self._subject.precision, slack)

    def _changes(self, batch: Batch) -> list[dict[int, int]]:
        """For each run the step of each row whose token is another; in the whole rows each step has its turn."""
        turn = iter(range(STEPS))
        found: list[dict[int, int]] = [{} for _ in range(RUNS)]
        for row, code in enumerate(CODES):
            for run in range(RUNS):
                if code >> run & 1:
                    found[run][row] = next(turn) if row in WHOLE else int(batch.lengths[row]) // 2
        return found

    def _is_row(
        self,
        base: Values,
        alone: Values,
        orders: Mapping[str, Int[Tensor, " row"] | None],
        site: str,
        row: int,
        batch: Batch,
    ) -> bool:
        """Whether a row of a batch is what it is alone."""
        order = orders[site]
        place = row if order is None else order.tolist().index(row)
        length = int(batch.lengths[row])
        one = alone[site]
        return (
            one.shape[1] >= length
            and not self._moved(base[site][place : place + 1, :length], one[:1, :length], ALONE).any()
        )

    def _time(
        self, site: str, moves: Sequence[Moved], changes: Sequence[Mapping[int, int]], order: Tensor | None
    ) -> Time:
        spread = spread_of(moves, WHOLE, changes, order)
        time = time_of({step: where[:STEPS] for step, where in spread.items()}, STEPS)
        if time is None:
            raise InputError(
                f"the steps of {site} stand in an order that is neither time nor time reversed, so it cannot be said "
                "which token a value belongs to; leave it out (hooked=), or give a call= that keeps the order"
            )
        return time

    def _one_by_one(self) -> Found:
        """Where values of a sequence depend on the others of its batch."""
        batch = self._batch([STEPS])
        return self._alone(batch, self._read(batch))

    def _alone(self, batch: Batch, base: Values) -> Found:
        """Findings from one sequence."""
        spread: dict[str, dict[int, Tensor]] = {site: {} for site in base}
        changes = [{0: step} for step in (1, STEPS - 3)]  # not one the mirror image of the other
        for steps in changes:
            run = self._read(changed(batch, steps, self._subject.symbols))
            for site, found in spread.items():
                found[steps[0]] = self._moved(base[site], run[site], SLACK)[0]
        times = {site: time_of(found, STEPS) or Time(False, "unknown") for site, found in spread.items()}
        facts = {
            site: SiteCheck(site, steps="reversed" if time.reversed else "as given", reach=time.reach)
            for site, time in times.items()
        }
        sites = tuple(facts[site.name] for site in self._inside)
        notes = (*self._notes, UNTRIED)
        return Found("alone", sites, facts.get(OUTPUT), self._writes, self._left_out, notes, self.forwards)

    def _row(self, batch: Batch, row: int) -> Batch:
        """A sequence alone."""
        return rows_of(batch, torch.tensor([row]), int(batch.lengths[row]))

    def _put_back(self, batch: Batch, base: Values) -> bool:
        """Puts every value back where it was read; False where sequences together cannot be edited.

        Raises ``InputError`` where a second run alone changes values.
        """
        edits = [
            Bound(site.name, torch.arange(site.units, device=base[site.name].device), base[site.name])
            for site in self._inside
            if site.kind not in READ_ONLY and not base[site.name].isnan().any()
        ]
        try:
            again = self._read(batch, edits)
        except InputError:  # as where each sequence has a call of its own
            return False
        # What lies inside is computed in another order when it is edited, so more of it is rounding.
        differs = [site for site in base if self._moved(base[site], again[site], ALONE).any()]
        if differs:
            self._same_again(batch, base)
            self._notes.append(f"Putting back what was read changes {', '.join(differs[:3])}, so edits are not exact.")
        return True

    def _edited(self, facts: Mapping[str, SiteCheck]) -> dict[str, Edits]:
        """Edits the units of each site in a row of its own, at one step."""
        sites = [site for site in self._inside if site.kind not in READ_ONLY][:EDITED]
        found: dict[str, Edits] = {s.name: "cannot be made" for s in self._inside if s.kind in READ_ONLY}
        if any(fact.rows == "moved" for fact in facts.values()) or not sites:
            return found
        rows = len(sites) + 1
        one = self._batch([EDIT_STEPS])
        batch = rows_of(one, torch.zeros(rows, dtype=torch.long), EDIT_STEPS)
        arranged = Arrangement({}, {site for site, fact in facts.items() if fact.steps == "reversed"})
        device = batch.tokens.device
        edits = []
        for row, site in enumerate(sites):
            where = torch.zeros(rows, EDIT_STEPS, dtype=torch.bool, device=device)
            where[row, EDIT_AT] = True
            constant = _value(site)
            edits.append(Bound(site.name, torch.arange(site.units, device=device), constant.to(device), None, where))
        values = arranged.values(self._read(batch, arranged.edits(edits)))
        followed = torch.zeros(rows, dtype=torch.long)
        own: dict[str, Moved] = {}
        for name, value in values.items():
            own[name] = self._moved(value[-1:].expand_as(value), value, ALONE).cpu()
            followed += own[name].amax(1) > 0
        for row, site in enumerate(sites):
            there = values[site.name][row, EDIT_AT]
            expected = _value(site).to(there)
            reads = bool(torch.isclose(there, expected, rtol=0.02, atol=0.02).all())
            beyond = int(followed[row]) - bool(own[site.name][row].any()) > 0
            later = bool(own[site.name][row, [s for s in range(EDIT_STEPS) if s != EDIT_AT]].any())
            found[site.name] = (
                "do not read back"
                if not reads
                else "change what follows"
                if beyond or later
                else "change nothing that is read"
            )
        return found


def _value(site: Site) -> Float[Tensor, " unit"]:
    """Something that a unit of the site can be, and hardly is."""
    middle = 0.5 if site.low >= 0 else -0.5 if site.high <= 0 else 0.25
    return torch.full((site.units,), middle)


def _owner(name: str) -> str:
    path = name.rpartition(".")[0]
    return f".get_submodule({path!r})" if path else ""


def _generators(device: torch.device) -> list[Tensor]:
    """The states of the global generators that a module could draw from."""
    states = [torch.get_rng_state()]
    if device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device))
    return states
