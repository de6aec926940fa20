"""Interpretable cells, found by search and not by eye, and the share of all cells that is.

The paper shows cells that its authors noticed, and says that most cannot be read. Here every unit is asked about
every hypothesis, and the share is counted by a stated criterion.
"""

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from unitscope.analyses.moments import Moments, MomentsResult
from unitscope.corpus.text import TextCorpus
from unitscope.errors import InputError
from unitscope.findings.find import find
from unitscope.findings.finding import Findings, Search, adjusted, affinity_of
from unitscope.models.module import ModuleModel
from unitscope.progress import Progress
from unitscope.source.live import Live
from unitscope.view import TokenText

EFFECT = 0.5
"""A unit is interpretable only if it correlates at least so with what it stands for."""
CURVE = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Other such effects, to show what the choice of one does."""
WIDTH = 600
"""Characters of a gallery's passage."""


def states(model: ModuleModel) -> list[str]:
    """The sites that hold what a network remembers: the cells of an LSTM, else the hidden states."""
    names = [site.name for site in model.sites()]
    return [name for name in names if name.endswith(".cell")] or [name for name in names if name.endswith(".hidden")]


@dataclass(frozen=True, eq=False)
class Cells:
    """What the units of one network stand for."""

    name: str
    findings: Findings
    strength: Float[np.ndarray, " unit"]
    """|r| on the confirming half with the hypothesis that the unit follows best on the choosing half; 0 where the sign
    changes, the pair is not significant, or an untrained twin's best unit is within reach."""
    hypothesis: Sequence[str]
    """That hypothesis, for each unit; empty for a constant unit."""
    address: Sequence[str]
    """``site/unit`` of each unit."""

    def share(self, effect: float = EFFECT) -> float:
        """Of the units that are interpretable at an effect."""
        return float((self.strength >= effect).mean())

    def typical(self, count: int, seed: int = 0) -> list[str]:
        """Addresses of random units among those that are not interpretable."""
        rest = np.flatnonzero(self.strength < EFFECT)
        drawn = np.random.default_rng(seed).permutation(rest)[:count]
        return [self.address[unit] for unit in drawn.tolist()]


def cells(
    model: ModuleModel,
    corpus: TextCorpus,
    search: Search,
    sequences: Sequence[int],
    folder: Path,
    progress: Progress | None = None,
) -> Cells:
    """Ask every unit about every hypothesis; chosen, confirmed, controlled, ablated. Kept in ``folder``.

    Raises ``InputError`` for a text that is too short to be halved.
    """
    findings = _found(folder, model, corpus, search, sequences, progress)
    key = findings.affinity_key()
    q = adjusted(findings.confirmed, key)
    reach = _reach(findings)
    strengths, hypotheses, addresses = [], [], []
    for site in states(model):
        chosen, there = affinity_of(findings.chosen, key, site), affinity_of(findings.confirmed, key, site)
        best, r_chosen = chosen.best()
        unit = np.arange(chosen.units)
        r, low, high = (table[unit, best] for table in (there.r, there.r_low, there.r_high))
        weakest = np.where(r > 0, low, -high)
        passed = (best >= 0) & (r * r_chosen > 0) & (q[site][unit, best] <= search.fdr) & (weakest > reach[best])
        strengths.append(np.where(passed, np.abs(np.nan_to_num(r)), 0.0))
        hypotheses += [search.hypotheses[k] if k >= 0 else "" for k in best.tolist()]
        addresses += [f"{site}/{u}" for u in range(chosen.units)]
    return Cells(model.name, findings, np.concatenate(strengths), hypotheses, addresses)


def _found(
    folder: Path,
    model: ModuleModel,
    corpus: TextCorpus,
    search: Search,
    sequences: Sequence[int],
    progress: Progress | None,
) -> Findings:
    source = Live(model, corpus, sequences=sequences)
    asked = hashlib.sha256(f"{source.fingerprint} {search} {list(sequences)}".encode()).hexdigest()
    kept = folder / asked[:16]
    if (kept / "findings.json").exists():
        with contextlib.suppress(InputError):  # a version that kept other results
            return Findings.load(kept)
    findings = find(source, search, model, corpus, progress)
    findings.save(kept)
    return findings


def _reach(findings: Findings) -> Float[np.ndarray, " hypothesis"]:
    """How strong the best unit of the untrained twin may be, for each hypothesis; infinite where there is none."""
    reach = dict.fromkeys(findings.search.hypotheses, np.inf)
    for f in findings.findings:
        strongest = f.twin_high if f.twin_r > 0 else -f.twin_low
        reach[f.hypothesis] = strongest if np.isfinite(strongest) else np.inf
    return np.array(list(reach.values()))


def mean_of(findings: Findings, site: str) -> Float[np.ndarray, " unit"]:
    """The mean activation of each unit on the half that chose."""
    result = findings.chosen[site, Moments().key]
    assert isinstance(result, MomentsResult)
    return result.mean


def passage(model: ModuleModel, corpus: TextCorpus, address: str, hypothesis: str = "") -> TokenText:
    """Text coloured by one unit: where the hypothesis changes most often, or at random where there is none.

    A cell is coloured by its tanh, as in the paper (the author's blog colours the hidden state).
    """
    site, _, unit = address.rpartition("/")
    number, first = _liveliest(corpus, hypothesis) if hypothesis else (len(corpus) // 2, 0)
    (chunks,) = Live(model, corpus).chunks([site], (), [number])
    rows = slice(first, first + WIDTH)
    values = chunks[site].activations[rows, int(unit)].numpy()
    cell = site.endswith(".cell")
    symbols = chunks[site].vocabulary.decode(chunks[site].tokens[rows].tolist())
    title = f"{hypothesis or 'not interpretable'}: {model.name}, {address}"
    shown = (np.tanh(values) if cell else values).tolist()
    return TokenText(title, symbols, shown, -1.0, 1.0, note="tanh of the cell" if cell else "hidden state")


def _liveliest(corpus: TextCorpus, hypothesis: str) -> tuple[int, int]:
    """The sequence, of up to 64 spread over the text, and the place in it where a label changes most."""
    best, most = (0, 0), -1.0
    for number in range(0, len(corpus), max(1, len(corpus) // 64)):
        label = corpus.labels(hypothesis, number).nan_to_num().numpy()
        changes = np.abs(np.diff((label > np.median(label)).astype(np.float64), prepend=0.0))
        window = np.convolve(changes, np.ones(min(WIDTH, len(changes))), "valid")
        if window.max() > most:
            best, most = (number, int(window.argmax())), float(window.max())
    return best
