import pytest
from warm import unitscope

from unitscope.fold.resultset import ResultSet

TEXT = "f(a, (b)); g(c)\n" * 60


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A recording of a small network."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "a.txt").write_text(TEXT)
    net, text = str(folder / "net"), str(folder / "a.txt")
    small = ["--hidden", "6", "--epochs", "1", "--steps", "20", "--batch-size", "4"]
    call("train", "text", text, "--out", net, *small)
    call("record", net, text, "--out", str(folder / "run"), "--length", "40")
    return folder / "run"


def call(*words):
    done = unitscope(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_damage_and_dynamics_join_the_table_of_units(run):
    printed = call("ablate", str(run), "--where", "inside-parentheses", "--sequences", "3")
    assert "rise of the loss" in printed
    call("respond", str(run), "--streams", "hidden", "--drive-steps", "60", "--sequences", "2")
    call("analyze", str(run), "moments")
    results = ResultSet.load(run / "results")
    table = results.to_pandas().loc["rnn.0.hidden"]
    damage = "loss damage (at its mean)"
    wanted = {damage, f"{damage}, inside-parentheses", "step settling", "sine gain", "mean"}
    assert wanted <= set(table.columns)
    assert len(table) == 6
    # Gates, in other sequences, in a window, with a curve.
    printed = call(
        *("ablate", str(run), "--sites", "*.forget_gate", "--to", "resampled", "--window", "5:", "--orders", "2"),
        *("--by", "inside-parentheses", "--sequences", "4"),
    )
    assert "area under the curve" in printed
    call("report", str(run), "--out", str(run / "page.json"))
    page = (run / "page.json").read_text()
    assert "number of units ablated: rnn.0.forget_gate" in page
    assert "Response to a step" in page
    table = ResultSet.load(run / "results").to_pandas().loc["rnn.0.forget_gate"]
    assert "loss damage (resampled, seed 0, steps 5:), inside-parentheses = 0" in " ".join(table.columns)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ablate", "--sites", "rnn.9.*"], "no site matches"),
        (["ablate", "--window", "30:90"], "window of steps 30 to 90"),
        (["ablate", "--only", "no-such-thing"], "no-such-thing"),
        (["respond", "--drive", "waltz"], "no drive is called"),
    ],
)
def test_bad_words_are_one_line_and_status_2(run, words, said):
    done = unitscope(words[0], str(run), *words[1:])
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
