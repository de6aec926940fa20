"""A question by several processes, stopped and begun again: the same answer, to the last bit."""

import pytest

from unitscope.asking import ask
from unitscope.asking.columns import columns
from unitscope.asking.units import Units, chosen_units
from unitscope.asking.work import Crew, Desk
from unitscope.errors import InputError
from unitscope.fold.state import Packed
from unitscope.networks.files import SHIPPED
from unitscope.opening.inputs import Inputs
from unitscope.source.label_table import LabelTable
from unitscope.source.live import Live

ASKED = {
    "labels": ("digit", "inside-parentheses", "upper-case"),
    "units": ("rnn.0.hidden/0-79", "rnn.0.cell_gate/0-31"),
    "baselines": 5,
    "ablation_sequences": 6,
}


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """Documents in which a few units of the bundled network surely follow something."""
    folder = tmp_path_factory.mktemp("texts")
    for number in range(12):
        lines = [f"VALUE_{number}_{line} = round(max({line * number}, key({line})), {line})\n" for line in range(9)]
        (folder / f"{number}.py").write_text("".join(lines))
    return Inputs(str(SHIPPED), (str(folder),)).live()


def whole(answer) -> str:
    return f"{answer.to_pandas().to_csv()} {answer.controls} {answer.untrained} {answer.loss}"


@pytest.fixture(scope="module")
def expected(live):
    answer = ask(live, **ASKED)
    assert answer.networks == 5
    assert any(found.damage for found in answer.found)
    return whole(answer)


def test_two_processes_answer_the_same(live, expected):
    assert whole(ask(live, **ASKED, workers=2)) == expected


def test_a_question_that_was_stopped_goes_on(live, expected, tmp_path):
    store = str(tmp_path / "states")

    def stop(what, done, total):
        if what == "untrained networks" and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(live, **ASKED, store=store, progress=stop)
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "states").iterdir()}
    assert whole(ask(live, **ASKED, store=store)) == expected
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "states").iterdir()}
    assert kept.items() < after.items()
    assert whole(ask(live, **ASKED, store=store)) == expected
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "states").iterdir()} == after


def test_what_no_other_process_can_open_is_said(live):
    made = Live(live.model, live.corpus)
    with pytest.raises(InputError, match="made in this process"):
        ask(made, **ASKED, workers=2)
    with pytest.raises(InputError, match="at least 1 worker"):
        ask(made, **ASKED, workers=0)


def test_outcomes_are_held_one_at_a_time(live):
    began = []

    class Counted:
        def key(self, desk):
            return ""

        def done(self, desk):
            began.append(desk)
            return Packed({}, len(began))

    with columns(LabelTable(["digit"], live, live.corpus), live, [0]) as kept:
        desk = Desk(Units(live, chosen_units(live, ["rnn.0.hidden"])), None, None, kept)
        found = Crew(desk, 1, None, ("", "")).each([Counted(), Counted(), Counted()], lambda _: None)
        assert (next(found).plain, len(began)) == (1, 1)
        assert ([packed.plain for packed in found], len(began)) == ([2, 3], 3)
