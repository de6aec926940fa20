"""Activations from elsewhere, from import to report, by the commands."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from unitscope.cli.app import app
from unitscope.page.parts.answer import Asked
from unitscope.probing.table import ProbeTable
from unitscope.recording.recording import Recording

TRIALS, STEPS, UNITS = 40, 12, 5
KNOWS = 3


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Trials in which one unit follows the side, and the side is told by a word for each trial."""
    rng = np.random.default_rng(0)
    side = rng.integers(0, 2, TRIALS)
    rate = rng.normal(size=(TRIALS, STEPS, UNITS)).astype(np.float32)
    rate[:, :, KNOWS] += 3 * side[:, None]
    np.savez(tmp_path / "trials.npz", rate=rate, side=np.array(["left", "right"])[side], coherence=side * 0.5)
    assert done("import", tmp_path / "trials.npz", "--out", tmp_path / "run")
    return tmp_path / "run"


def done(*arguments: object) -> str:
    outcome = CliRunner().invoke(app, [str(each) for each in arguments])
    assert outcome.exit_code == 0, (outcome.output, outcome.exception)
    return outcome.output


def test_asked_without_a_network(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    told = done("ask", run, "--label", "side")
    assert f"rate/{KNOWS} side=" in told
    assert "significant where they were not chosen" in told
    assert "none was compared" in told
    source = Recording.open(run)
    (part,) = Asked.load(run)
    said = part.says("rate", KNOWS)
    assert said.startswith("It follows `side=") and "no untrained network" in said and "confirmed" not in said
    names = [field.name for field, _ in part.columns(source)["rate"]]
    assert "significant elsewhere" in names and "confirmed" not in names
    assert part.cards(source) and not any(card.text for card in part.cards(source))  # without words, no strips
    assert "coherence" in done("ask", run)  # what it keeps, if nothing is asked


def test_probed_without_a_treebank(run: Path) -> None:
    done("probe", run, "--label", "side", "--no-codelength")
    done("probe", run, "--label", "side", "--label", "coherence", "--level", "sentence", "--no-codelength")
    table = ProbeTable.load(run)
    assert [row.label for row in table.rows] == ["side", "sentence side", "sentence coherence"]
    assert all(row.accuracy > row.majority for row in table.rows)
    assert np.isnan(table.rows[0].control)  # steps have no types that a control could be a function of
    outcome = CliRunner().invoke(app, ["probe", str(run)])
    assert "It keeps: " in str(outcome.exception)
    done("analyze", run, "moments")
    done("report", run)
