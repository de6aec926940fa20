"""A text that somebody types, read by the model that was recorded: every unit at once, and what edits change."""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from unitscope.corpus.passages import Passages
from unitscope.corpus.reading import Reading
from unitscope.errors import InputError
from unitscope.labels.library import names
from unitscope.models.bind import bind, check_edits
from unitscope.models.edit import Edit, Resampled, Scaled, Steps
from unitscope.models.model import Model
from unitscope.models.predictions import LOG_PROB, LOSS

LONGEST = 2_000
"""Characters of a text."""
EDITS = 64
"""Units that are edited at once."""
WAITING = 8
"""Requests that wait for the model; more are told to come again."""
KEPT = 1 << 26
"""Values of texts that stay in memory."""
SYMBOLS = 128
"""Likeliest next symbols that are kept of each step."""

EFFECT_PASSAGES, EFFECT_STEPS, EFFECTS = 64, 32, 20
"""Passages, their tokens, and symbols that are told of what a unit does at once."""

Opener = Callable[[], tuple[Model, Reading]]
"""Opens the model of a recording, and tells how it reads a text. Raises ``InputError`` where that cannot be."""


class Busy(Exception):
    """Too many wait for the model."""


@dataclass(frozen=True)
class Typed:
    """A text as a model read it."""

    tokens: Sequence[str]
    values: Mapping[str, Float[np.ndarray, "token unit"]]
    """By site."""
    loss: Float[np.ndarray, " token"]
    """Nats of the token that follows each; NaN after the last, and where the model predicts no symbols."""
    likeliest: Int[np.ndarray, "token rank"]
    """Symbols that the model expects next, the likeliest first; none where it predicts no symbols."""
    chances: Float[np.ndarray, "token rank"]
    """How likely each is."""

    @property
    def size(self) -> int:
        return sum(values.size for values in self.values.values()) + 2 * self.chances.size

    def next(self, token: int) -> dict[int, float]:
        """Chances of the likeliest symbols after a token."""
        return dict(zip(self.likeliest[token].tolist(), self.chances[token].tolist(), strict=True))


class Typewriter:
    """The model of a recording, opened when the first text is typed; it runs once at a time."""

    def __init__(self, opener: Opener, fingerprint: str, resampled: str = "") -> None:
        self._opener, self._fingerprint = opener, fingerprint
        self._resampled = resampled
        """The text whose values ``resample`` puts in place of those of the typed one."""
        self._opened: tuple[Model, Reading] | None = None
        self._turn = threading.Lock()
        self._waiting = threading.BoundedSemaphore(WAITING)
        self._kept: OrderedDict[tuple[str, tuple[Edit, ...], tuple[str, ...]], Typed] = OrderedDict()

    def read(self, text: str, sites: Sequence[str], edits: Sequence[Edit] = ()) -> Typed:
        """Run of the model over a text. Raises ``InputError`` for a text that it cannot read, and for such edits."""
        if not text or len(text) > LONGEST:
            raise InputError(f"type between 1 and {LONGEST:,} characters")
        if len(edits) > EDITS:
            raise InputError(f"edit at most {EDITS} units at once")
        key = (text, tuple(edits), tuple(sites))
        with self._a_turn():
            if key not in self._kept:
                self._kept[key] = self._run(text, sites, tuple(edits))
                while len(self._kept) > 1 and sum(typed.size for typed in self._kept.values()) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]

    @contextmanager
    def _a_turn(self) -> Iterator[None]:
        if not self._waiting.acquire(blocking=False):
            raise Busy
        try:
            with self._turn:
                yield
        finally:
            self._waiting.release()

    def _open(self) -> tuple[Model, Reading]:
        if self._opened is None:
            model, reading = self._opener()
            if model.fingerprint != self._fingerprint:
                raise InputError(f"{model.name} is not the model that was recorded; give that one with --model")
            self._opened = model, reading
        return self._opened

    def _run(self, text: str, sites: Sequence[str], edits: tuple[Edit, ...]) -> Typed:
        model, reading = self._open()
        around = len(reading.before) + len(reading.after)
        longest = None if reading.limit is None else reading.limit - around
        texts = [text, self._resampled] if any(isinstance(edit.values, Resampled) for edit in edits) else [text]
        corpus = Passages(texts, "typed", reading, longest=longest)
        check_edits(edits, model, corpus, [0])
        batch = corpus.batch([0]).to(model.device)
        known = {site.name: site.units for site in model.sites()}
        # A classifier's classes are no symbols of the text.
        predicts = LOSS in known and known.get(LOG_PROB, 0) >= len(corpus.vocabulary)
        wanted = [name for name in sites if name in known]
        found = model.run(batch, [*wanted, *([LOG_PROB, LOSS] if predicts else [])], bind(edits, model, batch, corpus))
        counted, tokens = batch.counted[0], batch.tokens[0]
        ids = tokens[counted].tolist()
        values = {name: found[name][0][counted].float().cpu().numpy() for name in wanted}
        loss = np.full(len(ids), math.nan)
        likeliest, chances = np.zeros((len(ids), 0), np.int64), np.zeros((len(ids), 0))
        if predicts:
            there = batch.has_target[0][counted].cpu().numpy()
            loss = np.where(there, found[LOSS][0][counted][:, 0].double().cpu().numpy(), math.nan)
            step = found[LOG_PROB][0][counted]
            best = step.topk(min(SYMBOLS, step.shape[1]))
            likeliest, chances = best.indices.cpu().numpy(), best.values.double().exp().cpu().numpy()
        return Typed(corpus.vocabulary.decode(ids), values, loss, likeliest, chances)

    def effects(self, site: str, unit: int, low: float, high: float) -> dict[str, float]:
        """Effect of a unit on the next symbol: the change of each symbol's log-probability, in the mean over
        passages, when the unit stands at ``high`` and not at ``low`` in their last step alone.

        Raises ``InputError`` where there is no text to try it on, or the model predicts no symbols.
        """
        with self._a_turn():
            model, reading = self._open()
            step = EFFECT_STEPS - 1
            pieces = _pieces(self._resampled, EFFECT_STEPS * 8, EFFECT_PASSAGES)
            if not pieces:
                raise InputError("there is no text on which to try what a unit does")
            corpus = Passages(pieces, "passages", reading, longest=EFFECT_STEPS)
            whole = [n for n, tokens in enumerate(corpus.lengths(range(len(corpus)))) if tokens == EFFECT_STEPS]
            known = {found.name: found.units for found in model.sites()}
            if not whole or site not in known or known.get(LOG_PROB, 0) < len(corpus.vocabulary):
                raise InputError(f"{model.name} predicts no next symbol that {site} could change")
            batch = corpus.batch(whole).to(model.device)
            place = len(reading.before) + step

            def at(value: float) -> Float[np.ndarray, "passage symbol"]:
                edit = Edit(site, (unit,), (value,), Steps(step, EFFECT_STEPS))
                found = model.run(batch, [LOG_PROB], bind([edit], model, batch, corpus))[LOG_PROB][:, place]
                values: Float[np.ndarray, "passage symbol"] = found.double().cpu().numpy()
                return values

            change = (at(high) - at(low)).mean(0)[: len(corpus.vocabulary)]
            order = np.argsort(change, kind="stable")
            chosen = [*order[: EFFECTS // 2].tolist(), *order[-(EFFECTS // 2) :].tolist()]
            names = corpus.vocabulary.decode(chosen)
            return {name: float(change[number]) for name, number in zip(names, chosen, strict=True)}

    def truth(self, text: str, label: str) -> list[float]:
        """Values of a label for the tokens of a text that was read; empty for one that is not of the library."""
        if label not in names():
            return []
        assert self._opened is not None
        found: list[float] = Passages([text], "typed", self._opened[1]).labels(label, 0).tolist()
        return found

    def symbols(self, numbers: Sequence[int]) -> list[str]:
        """Symbols of the model's vocabulary."""
        assert self._opened is not None
        return self._opened[1].vocabulary.decode(list(numbers))


def _pieces(text: str, width: int, most: int) -> list[str]:
    """Stretches of a text, spread over it."""
    starts = range(0, max(1, len(text) - width // 4), max(1, len(text) // most))
    return [piece for start in starts if (piece := text[start : start + width])][:most]


def edit_of(site: str, unit: int, action: str, value: float) -> Edit:
    """One edit, as the page writes it. Raises ``InputError`` for an action or a value that is none."""
    if not math.isfinite(value) or abs(value) > 1e6:
        raise InputError("an edit's value is a number of at most a million")
    match action:
        case "silence":
            return Edit(site, (unit,), (0.0,))
        case "hold":
            return Edit(site, (unit,), (value,))
        case "scale":
            return Edit(site, (unit,), Scaled((value,)))
        case "resample":
            return Edit(site, (unit,), Resampled())
    raise InputError(f"no edit is called {action[:40]!r}; there are: silence, hold, scale, resample")
