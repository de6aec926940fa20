"""The small form of benchmarks/calibration.py, and that its bars can fail."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats

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
