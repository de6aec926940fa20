"""Requests of the page that need computation: typed text, units that stand out, passages that match.

Questions come as JSON and are read into the types below, so what is none of them is refused before anything is done.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import msgspec
import numpy as np
from jaxtyping import Float

from unitscope.errors import InputError
from unitscope.matches import Matches, Phrase, match, match_elsewhere
from unitscope.matches.result import Passage, Selected
from unitscope.models.edit import Edit
from unitscope.page.page import section_json
from unitscope.page.parts.match import matches_section
from unitscope.page.run import dressed_section, followed, scale_of_unit
from unitscope.server.typed import Typed, edit_of
from unitscope.server.usual import distances, standing_out
from unitscope.server.viewed import STRIPS, State
from unitscope.views import Field, Table, TokenText, plain, to_json, with_scale

STANDING = 40
"""Units that are told to stand out, or to have changed."""
NEXT = 8
"""Next symbols that are shown."""
PASSAGES = 100
"""Passages of a match, at most."""


class EditAsked(msgspec.Struct, forbid_unknown_fields=True):
    """One unit, and what becomes of it: silence, hold, scale or resample."""

    unit: str
    action: str
    value: float = 0.0


class TypedAsked(msgspec.Struct, forbid_unknown_fields=True):
    """A text, the units whose colours are wanted, edits, and the tokens from ``start`` to before ``stop``."""

    text: str
    units: list[str] = []
    edits: list[EditAsked] = []
    start: int = -1
    stop: int = -1


class StandingAsked(msgspec.Struct, forbid_unknown_fields=True):
    """Tokens of a sequence."""

    sequence: int
    start: int
    stop: int


class MatchAsked(msgspec.Struct, forbid_unknown_fields=True):
    """Tokens of a sequence, or of a typed text, and when a unit counts as on."""

    start: int
    stop: int
    sequence: int | None = None
    text: str = ""
    sites: list[str] = msgspec.field(default_factory=lambda: ["*"])
    threshold: str = "deviations:1"
    left: bool = False
    right: bool = False
    count: int = 20


Asked = TypeVar("Asked")


def asked(body: bytes, kind: type[Asked]) -> Asked:
    """A question. Raises ``InputError`` for what is none."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InputError(f"this is no such question: {error}") from error


def address_of(text: str) -> tuple[str, int]:
    """Site and number of a unit. Raises ``InputError`` for what is no address."""
    site, _, number = text.rpartition("/")
    if not site or not number.isascii() or not number.isdigit() or len(number) > 18:
        raise InputError(f"{text[:80]!r} is no address of a unit, such as rnn.0.hidden/67")
    return site, int(number)


def typed_json(state: State, question: TypedAsked) -> dict[str, Any]:
    """A text as the model reads it, in the colours of some units, and what edits change.

    Raises ``InputError`` for what cannot be read or is not there, ``Busy`` where too many ask.
    """
    units = _units(state, question.units)
    edits = [_edit(state, edit) for edit in question.edits]
    sites = list(state.page.units)
    intact = state.typewriter.read(question.text, sites)
    edited = state.typewriter.read(question.text, sites, edits) if edits else intact
    start, stop = _span(question, len(intact.tokens))
    shown = {site: values[start:stop] for site, values in edited.values.items()}
    return {
        "tokens": list(intact.tokens),
        "start": start,
        "stop": stop,
        "strips": [_strip(state, question.text, edited, site, unit) for site, unit in units],
        "before": [plain(_values(intact, site, unit)) for site, unit in units] if edits else [],
        "standing": _standing(state, shown),
        "next": _next(state, intact, edited, stop - 1),
        "loss": plain({"before": _mean(intact.loss), "after": _mean(edited.loss)}),
        "rise": to_json(_rise(intact, edited)) if edits and np.isfinite(intact.loss).any() else None,
        "changed": _changed(state, intact, edited) if edits else [],
        "python": _python(edits),
    }


def effects_json(state: State, site: str, unit: int) -> dict[str, Any]:
    """Which next symbols a unit raises and lowers at once, from the lowest to the highest hundredth of its values."""
    state.check_unit(site, unit)
    low, _, high = state.usual.scales(site)[:, unit].tolist()
    try:
        found = state.typewriter.effects(site, unit, low, high)
    except InputError as error:  # most recordings have no model at hand, which is no fault of who looks
        return {"views": [], "why": str(error)}
    rows = [[symbol, change] for symbol, change in sorted(found.items(), key=lambda item: -item[1])]
    heads = [Field("next symbol", "text"), Field("change", help="of the logarithm of its probability")]
    note = f"unit at {high:.3g} and not at {low:.3g}, in the last step of some passages alone".replace("-", "−")
    half = len(rows) // 2
    sides = {"It raises": rows[:half], "It lowers": rows[half:][::-1]}
    return {"views": [to_json(Table(title, heads, some, note)) for title, some in sides.items()], "why": ""}


def standing_json(state: State, question: StandingAsked) -> dict[str, Any]:
    """The units that are furthest from their usual throughout some tokens of a sequence."""
    count = question.stop - question.start
    state.check_tokens(question.sequence, question.start, count)
    sites = list(state.page.units)
    recording, span = state.recording, (question.sequence, question.start, question.stop)
    found = {site: recording.part(site, range(recording.site_named(site).units), *span) for site in sites}
    return {"standing": _standing(state, found)}


def match_json(state: State, question: MatchAsked) -> dict[str, Any]:
    """Where else the units are on together that are on throughout a phrase: a section of the page."""
    if not 0 < question.count <= PASSAGES:
        raise InputError(f"ask for 1 to {PASSAGES} passages")
    limits = state.limits(question.sites, question.threshold)
    if question.sequence is not None:
        phrase = Phrase(question.sequence, question.start, question.stop)
        found = match(
            state.recording, phrase, list(limits), limits,
            left=question.left, right=question.right, count=question.count,
        )  # fmt: skip
    else:
        typed = state.typewriter.read(question.text, list(state.page.units))
        if not 0 <= question.start < question.stop <= len(typed.tokens):
            raise InputError(f"the text has {len(typed.tokens)} tokens")
        found = _elsewhere(state, typed, question)
    found = replace(found, threshold=question.threshold)
    section = dressed_section(state.recording, matches_section(found, shown=question.count))
    made = section_json(section)
    for view in made["views"]:
        for field in view.get("fields", []):
            field["kind"] = "unit" if field["name"] == "unit" else field["kind"]
    return made


def _elsewhere(state: State, typed: Typed, question: MatchAsked) -> Matches:
    limits = state.limits(question.sites, question.threshold)
    selected = []
    for site, limit in limits.items():
        if site not in typed.values:
            continue
        rows = typed.values[site][question.start : question.stop]
        for sign, edge, on in ((1, limit.high, rows >= limit.high), (-1, limit.low, rows <= limit.low)):
            selected += [Selected(site, u, sign, float(edge[u])) for u in np.flatnonzero(on.all(0)).tolist()]
    phrase = Passage(
        sequence=-1, start=question.start, stop=question.stop, intersection=len(selected), union=len(selected),
        tokens=list(typed.tokens), share=[1.0] * len(typed.tokens), before=question.start,
        units=list(range(len(selected))),
    )  # fmt: skip
    return match_elsewhere(state.recording, phrase, selected, limits, count=question.count)


def _units(state: State, addresses: Sequence[str]) -> list[tuple[str, int]]:
    if len(addresses) > STRIPS:
        raise InputError(f"give at most {STRIPS} units")
    units = [address_of(address) for address in addresses]
    for unit in units:
        state.check_unit(*unit)
    return units


def _edit(state: State, given: EditAsked) -> Edit:
    site, unit = address_of(given.unit)
    state.check_unit(site, unit)
    return edit_of(site, unit, given.action, given.value)


def _span(question: TypedAsked, tokens: int) -> tuple[int, int]:
    """The tokens that are asked about; the last one where none are."""
    if question.start < 0 or question.start >= tokens:
        return tokens - 1, tokens
    return question.start, max(question.start + 1, min(question.stop, tokens))


def _values(typed: Typed, site: str, unit: int) -> Float[np.ndarray, " token"]:
    if site not in typed.values:
        raise InputError(f"the model does not give {site} when it reads a text alone")
    return typed.values[site][:, unit]


def _strip(state: State, text: str, typed: Typed, site: str, unit: int) -> dict[str, Any]:
    label = followed(state.parts, site, unit)
    truth = state.typewriter.truth(text, label)[: len(typed.tokens)]
    values = _values(typed, site, unit).tolist()
    view = TokenText(f"{site}/{unit}", typed.tokens, values, truth=truth, label=label if truth else "")
    return to_json(with_scale(view, scale_of_unit(state.parts, site, unit) or _usual(state, site, unit)))


def _usual(state: State, site: str, unit: int) -> tuple[float, float, float]:
    low, middle, high = state.usual.scales(site)[:, unit].tolist()
    return low, middle, high


def _standing(state: State, values: Mapping[str, Float[np.ndarray, "token unit"]]) -> list[dict[str, Any]]:
    found = standing_out(values, state.usual, STANDING)
    return [plain({"unit": f"{site}/{unit}", "value": mean, "distance": far}) for site, unit, mean, far in found]


def _changed(state: State, intact: Typed, edited: Typed) -> list[dict[str, Any]]:
    """The units that an edit moves most, as shares of their scale, in the mean over the tokens."""
    found = []
    for site, before in intact.values.items():
        scales = state.usual.scales(site)
        moved = np.abs(distances(edited.values[site], scales) - distances(before, scales)).mean(0)
        best = np.argsort(-moved, kind="stable")[:STANDING]
        found += [(site, int(unit), float(moved[unit])) for unit in best if moved[unit] > 0]
    found.sort(key=lambda unit: -unit[2])
    return [plain({"unit": f"{site}/{unit}", "distance": moved}) for site, unit, moved in found[:STANDING]]


def _next(state: State, intact: Typed, edited: Typed, token: int) -> list[dict[str, Any]]:
    """The likeliest symbols after a token, before and after the edits; a chance that is not known is small."""
    before, after = intact.next(token), edited.next(token)
    most = sorted({*before, *after}, key=lambda symbol: -max(before.get(symbol, 0.0), after.get(symbol, 0.0)))[:NEXT]
    names = state.typewriter.symbols(most) if most else []
    return [
        plain({"symbol": name, "before": before.get(symbol, math.nan), "after": after.get(symbol, math.nan)})
        for symbol, name in zip(most, names, strict=True)
    ]


def _rise(intact: Typed, edited: Typed) -> TokenText:
    """Rise of each token's loss with the edits: the loss of predicting it, computed at the token before it."""
    rise = np.concatenate([[math.nan], (edited.loss - intact.loss)[:-1]])
    most = max(0.1, float(np.nanmax(np.abs(rise))) if np.isfinite(rise).any() else 0.1)
    return TokenText(
        "What the edits cost", intact.tokens, rise.tolist(), -most, most, middle=0.0,
        scale="blue: nats that predicting this symbol costs more with the edits; red: that it costs less",
    )  # fmt: skip


def _mean(values: Float[np.ndarray, " token"]) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else math.nan


def _python(edits: Sequence[Edit]) -> str:
    """The edits in Python: the same may be made over a whole corpus."""
    if not edits:
        return ""
    made = ",\n    ".join(map(repr, edits))
    used = [name for name in ("Edit", "Resampled", "Scaled") if f"{name}(" in made]
    brought = f"from unitscope.models.edit import {', '.join(used)}"
    return f"{brought}\n\nedits = (\n    {made},\n)\nedited = unitscope.Live(model, corpus, edits=edits)"
