"""What the page asks of a recording and its model: typed text, edits, units that stand out, passages that match."""

from typing import Any

import numpy as np
import pytest

from unitscope.corpus.passages import Passages
from unitscope.errors import InputError
from unitscope.models.edit import Edit
from unitscope.recording.recording import Recording
from unitscope.server.typed import Typewriter
from unitscope.source.live import Live

pytest.importorskip("uvicorn", reason="pip install 'unitscope[view]'")
TEXT = "sat the cat"
TYPED = "/r/0/api/typed.json"


def own(served: Any, *edits: Edit) -> Live:
    """The same text and model, read without a server."""
    return Live(served.model, Passages([TEXT], "typed", served.reading), edits=edits)


def read(source: Live, site: str) -> np.ndarray:
    (chunks,) = source.chunks([site])
    return chunks[site].activations.numpy()


def test_a_typed_text_is_read_by_the_model(with_model: Any) -> None:
    status, said = with_model.post(TYPED, {"text": TEXT, "units": ["rnn.0.hidden/3", "rnn.0.cell/0"]})
    assert status == 200, said
    source = own(with_model)
    assert "".join(said["tokens"]) == TEXT
    for strip, (site, unit) in zip(said["strips"], (("rnn.0.hidden", 3), ("rnn.0.cell", 0)), strict=True):
        np.testing.assert_allclose(strip["values"], read(source, site)[:, unit], rtol=1e-5, atol=1e-6)
    chances = np.exp(read(source, "output.log_prob")[-1])
    best = source.vocabulary.symbols[int(chances.argmax())]
    assert said["next"][0] == {
        "symbol": best,
        "before": pytest.approx(chances.max()),
        "after": pytest.approx(chances.max()),
    }
    loss = read(source, "output.loss")[:-1, 0].mean()
    assert said["loss"] == {"before": pytest.approx(loss), "after": pytest.approx(loss)}
    far = [abs(unit["distance"]) for unit in said["standing"]]
    assert far == sorted(far, reverse=True) and far[0] > 0


@pytest.mark.parametrize(
    ("action", "value"), [("silence", 0.0), ("hold", 0.75), ("scale", -2.0)], ids=["silence", "hold", "scale"]
)
def test_edits_change_what_comes_next(with_model: Any, action: str, value: float) -> None:
    edits = [{"unit": "rnn.0.hidden/2", "action": action, "value": value}]
    _, said = with_model.post(TYPED, {"text": TEXT, "units": ["rnn.0.hidden/2", "rnn.0.hidden/4"], "edits": edits})
    made: dict[str, Any] = {}
    exec(said["python"].partition("edited =")[0], made)
    source = own(with_model, *made["edits"])
    np.testing.assert_allclose(said["strips"][1]["values"], read(source, "rnn.0.hidden")[:, 4], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(said["before"][1], read(own(with_model), "rnn.0.hidden")[:, 4], rtol=1e-5, atol=1e-6)
    chances = np.exp(read(source, "output.log_prob")[-1])
    for symbol in said["next"]:
        assert symbol["after"] == pytest.approx(chances[source.vocabulary.ids[symbol["symbol"]]])
    rise = (read(source, "output.loss") - read(own(with_model), "output.loss"))[:-1, 0]
    np.testing.assert_allclose(said["rise"]["values"][1:], rise, atol=1e-5)
    assert said["changed"][0]["unit"].endswith("/2")


def test_another_text_can_lend_its_values(with_model: Any) -> None:
    edits = [{"unit": "rnn.0.hidden/2", "action": "resample"}]
    _, said = with_model.post(TYPED, {"text": TEXT, "units": ["rnn.0.hidden/2"], "edits": edits})
    assert said["strips"][0]["values"] != said["before"][0]


def test_units_that_stand_out(with_model: Any) -> None:
    _, said = with_model.post("/r/0/api/standing.json", {"sequence": 0, "start": 3, "stop": 6})
    site, _, unit = said["standing"][0]["unit"].rpartition("/")
    values = Recording.open(with_model.folder).window(site, 0)[3:6, int(unit)]
    assert said["standing"][0]["value"] == pytest.approx(values.mean(), rel=1e-5)
    assert {np.sign(said["standing"][0]["distance"])} <= {1.0, -1.0}


def test_a_phrase_leads_to_passages(with_model: Any) -> None:
    question = {"sites": ["*.hidden"], "threshold": "deviations:0.5", "start": 4, "stop": 7}
    _, recorded = with_model.post("/r/0/api/match.json", {**question, "sequence": 0})
    units, passages = recorded["views"][1], recorded["views"][2]
    assert units["fields"][0]["kind"] == "unit" and units["rows"] and passages["rows"]
    _, typed = with_model.post("/r/0/api/match.json", {**question, "text": with_model.words[:20]})
    # Read from a fresh start like the recorded sequence, so the same units are on; the phrase itself is found too.
    assert [row[:2] for row in typed["views"][1]["rows"]] == [row[:2] for row in units["rows"]]
    assert [0, 4] in [row[1:3] for row in typed["views"][2]["rows"]]


@pytest.mark.parametrize(
    ("interval", "low", "high"), [("largest", 0.98, 1.0), ("middle", 0.4, 0.6), ("smallest", 0.0, 0.02)]
)
def test_passages_by_value(with_model: Any, interval: str, low: float, high: float) -> None:
    views = with_model.json(f"/r/0/api/examples/rnn.0.cell/1.json?interval={interval}")
    values = Recording.open(with_model.folder).unit("rnn.0.cell", 1)
    edges = np.quantile(values, [low, high])
    assert views and len({view["at"][0] for view in views}) == len(views)
    for view in views:
        assert edges[0] - 1e-6 <= view["values"][view["mark"]] <= edges[1] + 1e-6


def test_what_a_unit_raises_and_lowers_at_once(with_model: Any) -> None:
    raised, lowered = with_model.json("/r/0/api/effects/rnn.0.hidden/3.json")["views"]
    # Of the last hidden state it is the readout's column, up to what all symbols share.
    readout = with_model.model.module.out.weight[:, 3].detach().numpy()
    names = list(with_model.reading.vocabulary.symbols)
    told = raised["rows"] + lowered["rows"]
    direct = [readout[names.index(name)] for name, _ in told]
    assert np.corrcoef([change for _, change in told], direct)[0, 1] > 0.999


def test_notes_are_kept(with_model: Any) -> None:
    status, _ = with_model.post("/r/0/api/note.json", {"unit": "rnn.0.hidden/3", "name": "<script>", "tags": ["a"]})
    assert status == 200
    assert with_model.json("/r/0/api/notes.json")["rnn.0.hidden/3"]["name"] == "<script>"
    refused = {"no unit": {"unit": "rnn.0.hidden/99"}, "at most": {"unit": "rnn.0.hidden/3", "name": "x" * 500}}
    for says, note in refused.items():
        status, said = with_model.post("/r/0/api/note.json", note)
        assert status == 404 and says in said["error"]


def test_places_in_the_text(with_model: Any) -> None:
    assert with_model.json("/r/0/api/sequence/0.json")["later"] == 1
    assert with_model.json("/r/0/api/sequence/99.json")["sequence"] == 1
    assert with_model.json("/r/0/api/find.json?text=cat&occurrence=1")["start"] > 4


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({"text": ""}, "type between"),
        ({"text": "a" * 3000}, "type between"),
        ({"text": "Q"}, "lacks"),
        ({"text": TEXT, "units": ["nowhere/0"]}, "no unit nowhere/0"),
        ({"text": TEXT, "units": ["rnn.0.hidden/-1"]}, "no address"),
        ({"text": TEXT, "units": ["rnn.0.hidden/0"] * 20}, "at most"),
        ({"text": TEXT, "edits": [{"unit": "rnn.0.hidden/0", "action": "explode"}]}, "no edit is called"),
        ({"text": TEXT, "edits": [{"unit": "rnn.0.hidden/0", "action": "hold", "value": 1e99}]}, "at most a million"),
        ({"words": TEXT}, "no such question"),
        (b"[" * 5000, "no such question"),
        (b"\xff", "no such question"),
    ],
)
def test_questions_that_are_none(with_model: Any, question: object, says: str) -> None:
    status, said = with_model.post(TYPED, question)
    assert status == 404 and says in said["error"]


def test_questions_are_small_json_of_the_page_itself(with_model: Any) -> None:
    good = {"text": TEXT}
    assert with_model.post(TYPED, good, Content_Type="text/plain")[0] == 415
    assert with_model.post(TYPED, b"x" * 70_000)[0] == 413
    assert with_model.post(TYPED, good, Origin="http://evil.example")[0] == 403
    assert with_model.post(TYPED, good, Sec_Fetch_Site="cross-site")[0] == 403
    assert with_model.post(TYPED, good, Cookie="unitscope=another")[0] == 403


def test_a_recording_without_its_model_says_so(served: Any) -> None:
    status, said = served.post(TYPED, {"text": "the cat"})
    assert status == 404 and "not known here" in said["error"]


def test_another_model_is_refused(with_model: Any) -> None:
    typewriter = Typewriter(lambda: (with_model.model, with_model.reading), "0" * 64)
    with pytest.raises(InputError, match="not the model that was recorded"):
        typewriter.read("the", ["rnn.0.hidden"])
