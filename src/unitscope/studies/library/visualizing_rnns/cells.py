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

from unitscope.asking import Answer, Question, ask
from unitscope.corpus.text import TextCorpus
from unitscope.errors import InputError
from unitscope.evidence.fdr import adjusted
from unitscope.models.module import ModuleModel
from unitscope.progress import Progress, silent
from unitscope.source.live import Live
from unitscope.views import TokenText

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
    """Labels of the units of one network."""

    name: str
    findings: Answer
    strength: Float[np.ndarray, " unit"]
    """|r| where units are not chosen with the label that the unit follows best where they are; 0 where the sign
    changes, the pair is not significant, or the best unit of an untrained network is as good."""
    hypothesis: Sequence[str]
    """That hypothesis, for each unit; empty for a constant unit."""
    address: Sequence[str]
    """``site/unit`` of each unit."""

    def share(self, effect: float = EFFECT) -> float:
        """Share of the units that are interpretable at an effect."""
        return float((self.strength >= effect).mean())

    def typical(self, count: int, seed: int = 0) -> list[str]:
        """Addresses of random units among those that are not interpretable."""
        rest = np.flatnonzero(self.strength < EFFECT)
        drawn = np.random.default_rng(seed).permutation(rest)[:count]
        return [self.address[unit] for unit in drawn.tolist()]


def cells(
    model: ModuleModel,
    corpus: TextCorpus,
    search: Question,
    sequences: Sequence[int],
    folder: Path,
    progress: Progress = silent,
) -> Cells:
    """Ask every unit about every hypothesis; chosen, confirmed, controlled, ablated. Kept in ``folder``.

    Raises ``InputError`` for a text that is too short to be halved.
    """
    findings = _found(folder, model, corpus, search, sequences, progress)
    tables = {site: findings.association(site) for site in states(model)}
    q = adjusted(np.concatenate([tables[site].p for site in tables]))
    reach = np.nan_to_num(np.array(findings.untrained), nan=np.inf)
    strengths, hypotheses, addresses = [], [], []
    for site, there in tables.items():
        best, r_chosen = findings.association(site, chosen=True).best()
        unit = np.arange(there.units)
        r, own = there.r[unit, best], q[: there.units][unit, best]
        q = q[there.units :]
        passed = (best >= 0) & (r * r_chosen > 0) & (own <= search.fdr) & (np.abs(r) > reach[best])
        strengths.append(np.where(passed, np.abs(np.nan_to_num(r)), 0.0))
        hypotheses += [search.labels[k] if k >= 0 else "" for k in best.tolist()]
        addresses += [f"{site}/{u}" for u in range(there.units)]
    return Cells(model.name, findings, np.concatenate(strengths), hypotheses, addresses)


def _found(
    folder: Path,
    model: ModuleModel,
    corpus: TextCorpus,
    search: Question,
    sequences: Sequence[int],
    progress: Progress,
) -> Answer:
    source = Live(model, corpus, sequences=sequences)
    asked = hashlib.sha256(f"{source.fingerprint} {search} {list(sequences)}".encode()).hexdigest()
    kept = folder / asked[:16]
    if (kept / "answer.json").exists():
        with contextlib.suppress(InputError):  # a version that kept other results
            return Answer.load(kept)
    findings = ask(
        source,
        search.labels,
        units=search.units,
        fdr=search.fdr,
        baselines=search.baselines,
        share=search.share,
        ablation_sequences=search.ablation_sequences,
        seed=search.seed,
        progress=progress,
    )
    findings.save(kept)
    return findings


def mean_of(findings: Answer, site: str) -> Float[np.ndarray, " unit"]:
    """The mean activation of each unit where units are chosen."""
    return findings.association(site, chosen=True).mean


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
