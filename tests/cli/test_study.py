import re
from pathlib import Path
from typing import Annotated

import typer
from typer.testing import CliRunner

from unitscope.cli.main import app
from unitscope.cli.study import command
from unitscope.progress import Progress
from unitscope.studies.check import Check


def run(out: Path, show: Progress, *, nets: Annotated[int, "networks of each kind"] = 2) -> list[Check]:
    """Count networks."""
    show("counting", nets, nets)
    out.mkdir()
    return [Check("nets", "there are networks", nets, "at least one", "", nets > 0)]


def test_parameters_become_options_with_their_help(tmp_path: Path) -> None:
    alone = typer.Typer()
    alone.command()(command(run))
    helped = CliRunner().invoke(alone, ["--help"])
    assert "Count networks." in helped.output
    assert "--nets" in helped.output
    assert "networks of each kind" in re.sub(r"\W+", " ", helped.output)
    done = CliRunner().invoke(alone, ["--out", str(tmp_path / "made"), "--nets", "3"])
    assert done.exit_code == 0
    assert (tmp_path / "made").is_dir()
    assert "there are networks" in re.sub(r"\s+", " ", done.output)


def test_every_study_is_a_command() -> None:
    assert "response-characterization" in CliRunner().invoke(app, ["study", "--help"]).output
    assert CliRunner().invoke(app, ["study", "nothing"]).exit_code == 2
