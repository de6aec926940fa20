"""A study of one's own in a file, from its runs to its page and results."""

import json
import math

import numpy as np
import pytest
from typer.testing import CliRunner

from unitscope.cli.app import app
from unitscope.errors import InputError
from unitscope.studies import Run, Study, runner
from unitscope.studies.outcome_files import keep, kept
from unitscope.studies.results import read_rows
from unitscope.views import Field, Group, Heatmap, Scatter, Table, to_json

MINE = """
from dataclasses import dataclass, field

import numpy as np

from unitscope.studies import OURS, Claim, Options, Part, Run, Source, Study, above, below, of_runs

CALLS = []


@dataclass(frozen=True)
class Mine(Options):
    scale: float = field(default=1.0, metadata={"help": "how large"})


def base(settings, here):
    (here.folder / "called").touch()
    return {"values": np.arange(3.0) * settings["scale"], "none": float("nan")}


def look(settings, here):
    with open(here.folder / "calls", "a") as file:
        file.write("x")
    values = here.needs["base"]["values"]
    return {"r": float(values.sum()) + settings["seed"] / 100, "word": "yes", "nested": {"deep": [1, 2]}}


def runs(options):
    seeds = 1 if options.quick else options.seeds
    looks = [Run(f"seed {s}", {"seed": s}, look, needs=("base",)) for s in range(seeds)]
    return [*looks, Run("base", {"scale": options.scale}, base)]


STUDY = Study(
    name="mine",
    paper="nobody",
    text="Does it count?",
    runs=runs,
    parts=[Part("counts", tables=lambda o: {"all": {one.name: {"r": one["r"]} for one in o.having("r")}})],
    claims=[
        Claim("large", "it is large", OURS, "3", lambda o: of_runs(o.all("r")), above(1)),
        Claim("small", "small", Source("published, read", "page 1"), "0", lambda o: of_runs(o.all("r")), below(1)),
        Claim("other", "nobody asked", OURS, "", lambda o: None, above(1)),
    ],
    options=Mine,
)
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def do(mine, out, **values):
    study = runner.load_study(str(mine))
    return runner.do(str(mine), runner.options_of(study, values), out)


def calls(out):
    return {path.parent.name: len(path.read_text()) for path in out.glob("runs/*/calls")}


def test_from_a_file_to_a_page(mine, tmp_path):
    done = do(mine, tmp_path / "out", scale=2.0)
    assert [(one.claim.id, one.verdict) for one in done.claims] == [("large", "holds"), ("small", "does not hold")]
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["options"] == {"quick": False, "seeds": 3, "scale": 2.0}
    assert results["seeds"] == [0, 1, 2]
    assert results["tables"]["counts"]["all"]["seed 1"]["r"] == pytest.approx(6.01)
    assert {"unitscope", "python", "torch"} <= results["versions"].keys()
    assert [row.verdict for row in read_rows(tmp_path / "out" / "results.json")] == ["holds", "does not hold"]
    assert (tmp_path / "out" / "index.html").exists()


def test_what_was_done_is_not_done_again(mine, tmp_path):
    do(mine, tmp_path / "out", seeds=2)
    do(mine, tmp_path / "out", seeds=3)
    assert calls(tmp_path / "out") == {"seed-0": 1, "seed-1": 1, "seed-2": 1}
    do(mine, tmp_path / "out", seeds=3, scale=3.0)  # what they need has changed
    assert calls(tmp_path / "out") == {"seed-0": 2, "seed-1": 2, "seed-2": 2}
    head = tmp_path / "out" / "runs" / "seed-1" / "outcome.json"
    head.write_bytes(head.read_bytes()[:-9])  # cut short: done again, and no other
    do(mine, tmp_path / "out", seeds=3, scale=3.0)
    assert calls(tmp_path / "out") == {"seed-0": 2, "seed-1": 3, "seed-2": 2}


def test_processes_share_the_runs(mine, tmp_path):
    study = runner.load_study(str(mine))
    alone = do(mine, tmp_path / "alone").outcomes.all("r")
    options = runner.options_of(study, {})
    shared = runner.do(str(mine), options, tmp_path / "shared", workers=2).outcomes.all("r")
    assert shared == alone
    plan = runner.plan(study, options, tmp_path / "shared")
    assert len(plan) == 4 and all(run.done and run.seconds is not None for run in plan)
    assert [(run.done, run.seconds) for run in runner.plan(study, options, tmp_path / "nothing")] == [(False, None)] * 4


def test_the_command_line_does_it_and_lists(mine, tmp_path):
    out = str(tmp_path / "out")
    done = CliRunner().invoke(app, ["study", str(mine), "--out", out, "--seeds", "2", "--scale", "2"])
    assert done.exit_code == 0, done.output
    assert "does not hold" in done.output.replace("\n", " ")
    again = CliRunner().invoke(app, ["study", str(mine), "--out", out, "--seeds", "2", "--scale", "2"])
    assert "3 of 3 runs are done already" in again.output
    assert "fixed-points" in CliRunner().invoke(app, ["study", "--help"]).output
    assert "how large" in CliRunner().invoke(app, ["study", str(mine), "--help"]).output


def test_one_table_of_all_studies(mine, tmp_path):
    do(mine, tmp_path / "results" / "mine")
    shown = CliRunner().invoke(app, ["study", "table", str(tmp_path / "results")]).output
    assert "published, read" in shown.replace("\n", " ")
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- claims -->\nformer table\n<!-- end of claims -->\nafter\n")
    CliRunner().invoke(app, ["study", "table", str(tmp_path / "results"), "--out", str(page)])
    text = page.read_text()
    assert text.startswith("before\n<!-- claims -->\n\n| study |")
    assert text.endswith("<!-- end of claims -->\nafter\n")
    assert "| mine | 2 | 1 | 1 | 0 |" in text
    assert "former table" not in text
    assert "**does not hold**" in text


def test_wrong_studies_are_refused(tmp_path):
    (tmp_path / "none.py").write_text("X = 1\n")
    with pytest.raises(InputError, match="holds no STUDY"):
        runner.load_study(str(tmp_path / "none.py"))
    with pytest.raises(InputError, match="there is no file"):
        runner.load_study("nowhere.py")
    with pytest.raises(InputError, match=r"no study is called 'odd'; there are: .*fixed-points"):
        runner.load_study("odd")
    run = Run("a", {}, print)  # type: ignore[arg-type]
    for runs, message in (
        ([run, run], "two runs"),
        ([Run("a", {}, print, needs=("b",))], "which is no run"),  # type: ignore[arg-type]
        ([Run("a", {}, print, needs=("b",)), Run("b", {}, print, needs=("a",))], "needs itself"),  # type: ignore[arg-type]
    ):
        with pytest.raises(InputError, match=message):
            runner.in_order(runs)
    study = Study("x", "", "", lambda options: [])
    with pytest.raises(InputError, match="has no option 'scale'"):
        runner.options_of(study, {"scale": 1})


def test_outcomes_are_kept_whole(tmp_path):
    outcome = {
        "array": np.arange(6, dtype=np.float32).reshape(2, 3),
        "deep": [{"nan": math.nan, "whole": 3, "word": "é", "none": None, "yes": True, "many": np.array([1, 2])}],
        "number": np.float64(0.5),
        "views": [
            Table("t", [Field("a"), Field("b", "text")], [[math.nan, "x"]]),
            Scatter("s", [Group("g", [1.0], [2.0], ["p"])], "x", "y", xrange=(0.0, 1.0)),
            Heatmap("h", ["r"], ["c"], [[0.5]], 0.0, 1.0),
        ],
    }
    keep(tmp_path, "key", outcome)
    found = kept(tmp_path, "key")
    assert found is not None
    np.testing.assert_array_equal(found["array"], outcome["array"])
    assert found["array"].dtype == np.float32
    assert math.isnan(found["deep"][0].pop("nan"))
    assert found["deep"][0].pop("many").tolist() == [1, 2]
    assert found["deep"] == [{"whole": 3, "word": "é", "none": None, "yes": True}]
    assert found["number"] == 0.5
    assert [to_json(view) for view in found["views"]] == [to_json(view) for view in outcome["views"]]
    assert found["views"][1] == outcome["views"][1]
    assert kept(tmp_path, "another key") is None
    assert kept(tmp_path / "nothing", "key") is None
