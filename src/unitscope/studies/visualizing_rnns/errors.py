"""The part of the study on errors: every analysis of them on one text, as chapters of the page and as checks.

    found = errors_of(held_out, scores, sizes, held_out.ngram_scores(ngram), word_counts(...), {3: nnn_scores}, path)
    found.sections(), found.figures(), checks_of_errors(found, reference)

``scores`` are log-probabilities of networks by name, ``sizes`` their numbers of weights.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import spearmanr

from unitscope.errors import InputError
from unitscope.page.page import Section
from unitscope.studies.check import Check
from unitscope.studies.visualizing_rnns.closing import Closing, closing
from unitscope.studies.visualizing_rnns.dynamics import Resemblance
from unitscope.studies.visualizing_rnns.error_sets import ErrorSets, error_sets
from unitscope.studies.visualizing_rnns.gains import Gains, gains
from unitscope.studies.visualizing_rnns.held_out import Estimate, HeldOut, estimate
from unitscope.studies.visualizing_rnns.onion import KINDS, Onion, onion
from unitscope.studies.visualizing_rnns.published import KERNEL, WAR_AND_PEACE, Reference
from unitscope.view import Field, Table

PAPER = "Karpathy et al. 2015, from memory"
CALIBRATION = "calibration runs"
OWN = "our inference"
EARLY = 3.0
"""Epochs of the training dynamics that the paper looks at."""
SPREAD = 0.1
"""Nats between the best and the worst network below which their order says little."""
TOLD = ("\r", "\n", " ", "\t", '"', "{", "}")
"""Symbols on which every network is told."""
BRACES = 100
"""Closing brackets below which their distances are not looked at."""


@dataclass(frozen=True, eq=False)
class Errors:
    """Everything on errors. Networks stand in the order of their losses, the best one first."""

    best: str
    smallest: str
    baseline: str
    """The n-gram of the longest context."""
    losses: Mapping[str, float]
    """Of every model that is compared, nats per character."""
    sizes: Mapping[str, int]
    sets: ErrorSets
    trio: Sequence[str]
    """The best network, the best n-gram and the best n-NN."""
    gains: Gains
    each: Mapping[str, Mapping[str, Estimate]]
    """The gain of every network over the baseline on the symbols of ``TOLD``, as far as they occur."""
    closing: Closing | None
    onions: Mapping[str, Onion]
    path: Resemblance | None

    def sections(self) -> list[Section]:
        """Chapters of a page."""
        made = [
            Section("errors", "Errors", SETS, self.sets.views(self.trio)),
            Section("gains", "Symbol by symbol", GAINS, [*self.gains.views(self.best, self.baseline), self._each()]),
        ]
        if self.closing:
            made.append(Section("braces", "Closing braces", BRACE, self.closing.views(self.best, self.baseline)))
        shown = self.onions[self.best].views(self.best)
        if self.smallest != self.best:
            shown += self.onions[self.smallest].views(self.smallest)
            shown.append(self.onions[self.smallest].against(self.onions[self.best], self.smallest, self.best))
        made.append(Section("onion", "What explains the errors", ONION, shown))
        if self.path:
            made.append(Section("dynamics", "What a learning network resembles", PATH, self.path.views()))
        return made

    def figures(self) -> dict[str, Any]:
        """The numbers behind the page, as JSON holds them."""
        rates = self.sets.rates()
        return {
            "loss": dict(self.losses),
            "errors": {name: [rate.mean, rate.low, rate.high] for name, rate in rates.items()},
            "gain": {
                symbol: [self.gains.model[at], self.gains.baseline[at], self.gains.low[at], self.gains.high[at]]
                for at, symbol in enumerate(self.gains.symbols)
                if self.gains.count[at]
            },
            "braces": {
                "edges": list(self.closing.edges),
                "count": self.closing.count.tolist(),
                "means": {name: means.tolist() for name, means in self.closing.means.items()},
                "gain": [[g.mean, g.low, g.high] for g in self.closing.gain(self.best, self.baseline)],
            }
            if self.closing
            else None,
            "onion": {
                name: {kind: share.mean for kind, share in peeled.shares().items()}
                for name, peeled in self.onions.items()
            },
        }

    def _each(self) -> Table:
        symbols = list(self.each)
        fields = [Field("network", "text"), *(Field(repr(symbol), "text") for symbol in symbols)]
        rows = [
            [name, *(f"{g.mean:+.3f} ({g.low:+.3f} to {g.high:+.3f})" for g in (self.each[s][name] for s in symbols))]
            for name in self.onions
        ]
        note = "difference of mean probabilities, with 95 % intervals; networks in the order of their losses"
        return Table(f"Gain of every network over the {self.baseline}", fields, rows, note)


def errors_of(
    held_out: HeldOut,
    scores: Mapping[str, Float[np.ndarray, "stretch character"]],
    sizes: Mapping[str, int],
    ngrams: Float[np.ndarray, "context stretch character"],
    words: Mapping[str, int],
    fixed: Mapping[int, Float[np.ndarray, "stretch character"]] | None = None,
    path: Resemblance | None = None,
) -> Errors:
    """``ngrams`` by context from 0 on; ``fixed`` are n-NNs by context. Raises ``InputError`` without a network."""
    if not scores:
        raise InputError("no network was scored; errors of at least one are looked at")
    ordered = dict(sorted(scores.items(), key=lambda item: -float(item[1].mean(dtype=np.float64))))
    best, smallest = next(iter(ordered)), min(scores, key=lambda name: sizes[name])
    baseline = f"{len(ngrams) - 1}-gram"
    models = {best: scores[best], smallest: scores[smallest], baseline: ngrams[-1]}
    trio = [best]
    for kind, others in (("gram", dict(enumerate(ngrams))), ("NN", dict(fixed or {}))):
        if others:
            n = max(others, key=lambda n: float(others[n].mean(dtype=np.float64)))
            models[f"{n}-{kind}"] = others[n]
            trio.append(f"{n}-{kind}")
    ids = held_out.vocabulary.ids
    braces = {"{", "}"} <= set(ids) and int((held_out.targets == ids["}"]).sum()) >= BRACES
    every = {**ordered, **models, **{f"{n}-NN": values for n, values in (fixed or {}).items()}}
    return Errors(
        best=best,
        smallest=smallest,
        baseline=baseline,
        losses={name: -float(values.mean(dtype=np.float64)) for name, values in every.items()},
        sizes=sizes,
        sets=error_sets(models),
        trio=trio,
        gains=gains(held_out, scores[best], ngrams[-1]),
        each=_each_network(held_out, ordered, ngrams[-1]),
        closing=closing(held_out, {best: scores[best], baseline: ngrams[-1]}) if braces else None,
        onions={name: onion(held_out, values, ngrams, words) for name, values in ordered.items()},
        path=path,
    )


def _each_network(
    held_out: HeldOut,
    scores: Mapping[str, Float[np.ndarray, "stretch character"]],
    baseline: Float[np.ndarray, "stretch character"],
) -> dict[str, dict[str, Estimate]]:
    places = {s: held_out.targets == held_out.vocabulary.ids[s] for s in TOLD if s in held_out.vocabulary.ids}
    found: dict[str, dict[str, Estimate]] = {s: {} for s, where in places.items() if where.any()}
    for name, values in scores.items():
        difference = np.exp(values.astype(np.float64)) - np.exp(baseline.astype(np.float64))
        for symbol, made in found.items():
            made[name] = estimate(difference, places[symbol])
    return found


def checks_of_errors(found: Errors, reference: Reference | None) -> list[Check]:
    """7, 8 and 12. Anchors are compared on the two texts of the paper only."""
    return [*_symbols(found, reference), *_sets(found, reference), *_early(found)]


def _symbols(found: Errors, reference: Reference | None) -> list[Check]:
    checks = []
    for symbol in ("\r",) if reference is WAR_AND_PEACE else ("}", "\t", "\n"):
        statement = f"{found.best} is ahead of the {found.baseline} on {symbol!r}"
        try:
            gain = found.gains.of(symbol)
        except InputError:
            continue
        met = gain.low > 0
        checks.append(Check(f"7, {symbol!r}", statement, str(gain), "above 0, interval too", PAPER, met, _loss(found)))
        if len(found.onions) > 1:
            ahead = [name for name, gain in found.each[symbol].items() if gain.low > 0]
            statement = f"networks that are surely ahead of the {found.baseline} on {symbol!r}"
            share = f"{len(ahead)} of {len(found.onions)}"
            note = ", ".join(ahead)
            checks.append(Check(f"7, {symbol!r}, any", statement, share, "some", PAPER, bool(ahead), note))
    for known, symbol, expected in ((WAR_AND_PEACE, "\r", 0.289), (KERNEL, "}", 0.387)):
        if reference is known and found.baseline == "20-gram":
            value = float(found.gains.baseline[found.gains.symbols.index(symbol)])
            statement = f"mean probability of {symbol!r} by the 20-gram"
            met = abs(value - expected) <= 0.005
            checks.append(Check(f"7, anchor {symbol!r}", statement, value, f"{expected}", CALIBRATION, met))
    if found.closing:
        gain_of = found.closing.gain(found.best, found.baseline)
        for (low, high), gain in zip(itertools.pairwise(found.closing.edges), gain_of, strict=True):
            if low >= 20 and high <= 60:
                statement = f"ahead on '}}' that was opened {low} to {high} characters before"
                met = gain.low > 0
                expects = "above 0, interval too"
                checks.append(Check(f"7, braces {low}", statement, str(gain), expects, PAPER, met, _loss(found)))
    return checks


def _sets(found: Errors, reference: Reference | None) -> list[Check]:
    checks = []
    rates = found.sets.rates()
    for known, expected in ((WAR_AND_PEACE, 0.465), (KERNEL, 0.317)):
        if reference is known and found.baseline == "20-gram":
            rate = rates["20-gram"]
            met = abs(rate.mean - expected) <= 0.003
            checks.append(Check("8, 20-gram", "errors of the 20-gram", rate.mean, f"{expected}", CALIBRATION, met))
    if reference is WAR_AND_PEACE:
        rate = rates[found.best]
        statement = f"errors of the best network, {found.best}"
        note = f"{_loss(found)}; the paper's best LSTM lost 1.08"
        met = abs(rate.mean - 0.42) <= 0.02
        checks.append(Check("8, best", statement, str(rate), "about 0.42", PAPER, met, note))
    overlap = found.sets.jaccard(found.best, found.baseline)
    statement = f"{found.best} and the {found.baseline} err on the same characters"
    checks.append(Check("8, overlap", statement, str(overlap), "Jaccard above 0.5", OWN, overlap.low > 0.5))
    if found.smallest != found.best:
        small, large = (found.onions[name].shares()["n-gram"] for name in (found.smallest, found.best))
        value = f"{small.mean:.3f} of {found.smallest}, {large.mean:.3f} of {found.best}"
        statement = "short n-grams explain more of a small network's errors than of the best one's"
        # Of the paper's two networks one had 26 times the weights of the other.
        comparable = found.sizes[found.best] >= 2 * found.sizes[found.smallest]
        note = "" if comparable else "not tested: the best network is not twice as large as the smallest"
        held = bool(small.low > large.high) if comparable else None
        checks.append(Check("8, n-gram oracle", statement, value, "about 0.33 and 0.18", PAPER, held, note))
    losses = [found.losses[name] for name in found.onions]
    if len(losses) > 3 and max(losses) - min(losses) > SPREAD:
        shares = [found.onions[name].shares()["n-gram"].mean for name in found.onions]
        rho = float(spearmanr(shares, losses).statistic)
        statement = f"the more {len(shares)} networks lose, the more of their errors short n-grams explain"
        checks.append(Check("8, n-gram and loss", statement, rho, "rank correlation above 0.5", OWN, rho > 0.5))
    return checks


def _early(found: Errors) -> list[Check]:
    statement = "in the first 3 epochs a network is nearest to n-grams of ever longer contexts, by KL(network ‖ n-gram)"
    if found.path is None:
        return [Check("12", statement, "no snapshots", "never falls", PAPER, None)]
    path = found.path
    early = [at for at, epoch in enumerate(path.epochs) if epoch <= EARLY]
    checks = []
    for kind in ("gram", "NN"):
        if path.of(kind):
            nearest = path.nearest(kind)[early]
            sure = float(path.sure(kind)[early].min())
            value = ", ".join(map(str, nearest.tolist()))
            said = statement.replace("gram", kind) if kind == "NN" else statement
            met = bool((np.diff(nearest) >= 0).all())
            note = (
                f"after {', '.join(f'{path.epochs[at]:g}' for at in early)} epochs; each in {sure:.0%} of draws or more"
            )
            checks.append(Check(f"12, n-{kind}", said, value, "never falls", PAPER, met, note))
    return checks


def _loss(found: Errors) -> str:
    ours, theirs = found.losses[found.best], found.losses[found.baseline]
    return f"{found.best} loses {ours:.3f} nats, the {found.baseline} {theirs:.3f}"


SETS = """A character is an error if the model gave it less than one half. The three that are set against each other
are the best network, the best n-gram and the best network of a fixed context (n-NN), by their loss on the same text."""
GAINS = """How probable each symbol was to a model where it is the truth, on average: where the network knows more than
counts of the last characters do, and where it knows less. A network can lose more overall and still be ahead on what
hangs on the far past, such as the end of a line."""
BRACE = """A closing brace can be foreseen only by who remembers that one was opened. An n-gram of 20 characters can see
no further back; what it knows beyond is the typical look of the end of a block."""
ONION = f"""Oracles take errors away one after another, in the order {", ".join(KINDS)}. Each explains what it could
know itself: short n-grams are right where the network is not; the word stood a little before; the word is rare in the
training text; the character begins a word, which is a matter of what is said and not of spelling; it is a punctuation
mark; and the rest by how much more probability would have done."""
PATH = """The network at several times of its training, against n-grams and n-NNs of different contexts, on whole
predictions. The nearest is the one whose predictions it resembles most."""
