"""The small form of benchmarks/calibration.py, and that its bars can fail."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planted_corpora import SCENARIOS
from scipy import stats

from unitscope.asking.ask import ask
from unitscope.corpus.place import DocumentText, Place
from unitscope.models.site import Site
from unitscope.source.arrays import Arrays

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from calibrated import pairs  # noqa: E402
from calibrated.bars import bars_of  # noqa: E402


def test_error_rates_coverage_and_recall_hold():
    """About a minute of one processor."""
    found = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "calibration.py", "--quick"],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.startswith("calibration: ") and found.stdout.count("\n") == 1


def test_a_bar_fails_where_the_interval_over_corpora_misses_what_is_allowed():
    draw = np.random.default_rng(0)
    sums = {
        "p<.05 AR .9": [[float(hits), 100.0] for hits in draw.binomial(100, 0.12, 40)],
        "covered 0": [[float(hits), 100.0] for hits in draw.binomial(100, 0.95, 40)],
        "FDP pairs": [[float(wrong), 1.0] for wrong in draw.uniform(0.1, 0.3, 40)],
        "has a p": [[9.0, 10.0]] * 40,
    }
    held = {bar.what: bar.held for bar in bars_of("pairs", "12 documents", sums)}
    assert held == {"p<.05 AR .9": False, "covered 0": True, "FDP pairs": False, "has a p": False}


def test_a_test_that_counts_tokens_is_caught(monkeypatch):
    """Each token as a piece of evidence is what calls nearly every slow unit significant."""

    def by_tokens(sums, within=False):
        found = honest(sums, within)
        n = sums.n.sum(0)
        with np.errstate(all="ignore"):
            t = found.r * np.sqrt((n - 2) / (1 - found.r**2))
        p = np.where(np.isfinite(found.p), 2 * stats.norm.sf(np.abs(t)), np.nan)
        return replace(found, p=p)

    honest = pairs.correlate
    monkeypatch.setattr(pairs, "correlate", by_tokens)
    records = [pairs.measure("12 documents", seed, 0.25) for seed in range(3)]
    sums = {what: [record.get(what, [0.0, 0.0]) for record in records] for what in records[0]}
    missed = {bar.what for bar in bars_of("pairs", "12 documents", sums, quick=True) if not bar.held}
    assert {"p<.05 AR .99", "p<.05 AR .999", "FDP pairs"} <= missed


@pytest.mark.parametrize("name", ["12 documents", "labels in few documents", "12 documents, 4 copies", "one document"])
def test_the_verb_gives_the_numbers_that_are_calibrated(name):
    planted = SCENARIOS[name].draw(0, 0.25)
    few = len({document.digest for document in planted.documents}) < 6
    cut = [
        (number, start, min(start + step, len(document.units)))
        for number, document in enumerate(planted.documents)
        for step in [pairs.WINDOW if few else len(document.units)]
        for start in range(0, len(document.units), step)
    ]
    labels = [f"label-{k}" for k in range(planted.truth.shape[1])]
    values = [np.concatenate([getattr(d, what) for d in planted.documents]) for what in ("units", "labels")]
    source = Arrays(
        {Site("made", len(planted.truth)): values[0]},
        [stop - start for _, start, stop in cut],
        token_labels={label: values[1][:, k] for k, label in enumerate(labels)},
        documents=[DocumentText(f"file {k}", document.digest) for k, document in enumerate(planted.documents)],
        place_of=[Place(number, start) for number, start, _ in cut],
    )
    answer = ask(source, labels, baselines=0, ablate=False, controls=False)
    found, expected = next(iter(answer.confirmed)), pairs.ask(planted, every=1).confirming
    assert (np.isfinite(found.p) == np.isfinite(expected.p)).all()
    plain = np.isfinite(expected.p) & (np.abs(expected.r) < 0.99)  # a unit that is the label is so to rounding
    for name in ("r", "r_low", "r_high"):
        own = getattr(expected, name.removeprefix("r_") if name != "r" else "r")
        np.testing.assert_allclose(getattr(found, name)[plain], own[plain], atol=1e-5)
    np.testing.assert_allclose(found.p[plain], expected.p[plain], rtol=1e-3, atol=1e-12)
