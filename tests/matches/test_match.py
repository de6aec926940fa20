"""Phrase → units → passages on a text of parentheses, against looking at every stretch of it."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from every_passage import every_passage

from unitscope.corpus.open import open_corpus
from unitscope.errors import InputError
from unitscope.matches import Matches, Phrase, match
from unitscope.matches.phrase import find_phrase
from unitscope.matches.thresholds import thresholds
from unitscope.models.site import Site
from unitscope.recording.record import record
from unitscope.source.live import Live

CPU = torch.device("cpu")
STATE, GATE = Site("rnn.0.hidden", 70, -1.0, 1.0), Site("rnn.0.forget_gate", 5, 0.0, 1.0)
INSIDE, NESTED = 66, 2
"""Units of the hidden state that know parentheses: one above 0 inside them, one below 0 inside two."""


@dataclass(frozen=True)
class Parentheses:
    """Two units that follow the parentheses, and others that follow the letters."""

    checked = None

    fingerprint: str = "ab" * 32
    name: str = "parentheses"
    device: torch.device = CPU

    def sites(self):
        return STATE, GATE

    def run(self, batch, read, edits=()):
        tokens = batch.tokens
        depth = ((tokens == 0).int() - (tokens == 1).int()).cumsum(1)
        phase = tokens[:, :, None] * torch.arange(1, STATE.units + 1) + torch.arange(STATE.units)
        state = torch.sin(phase.float() * 0.7) * 0.9
        state[:, :, INSIDE] = torch.where(depth > 0, 0.8, -0.1)
        state[:, :, NESTED] = torch.where(depth > 1, -0.7, 0.2)
        gate = torch.sigmoid(3 * torch.cos(0.3 * tokens[:, :, None] + torch.arange(GATE.units)))
        return {name: {STATE.name: state, GATE.name: gate}[name] for name in read}

    def untrained(self, seed):
        return self

    def describe(self):
        return {"model": "parentheses"}


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Some hundred letters with parentheses in sequences of 40, in shards of about 120."""
    folder = tmp_path_factory.mktemp("matches")
    dice = np.random.default_rng(0)
    written, depth = [], 0
    for _ in range(320):
        draw = dice.random()
        if draw < 0.15 and depth < 2:
            written.append("(")
            depth += 1
        elif draw < 0.3 and depth > 0:
            written.append(")")
            depth -= 1
        else:
            written.append(dice.choice(list("abcde")))
    (folder / "text").write_text("".join(written))
    corpus = open_corpus(folder / "text", length=40, context=0)
    assert corpus.vocabulary.symbols[:2] == ("(", ")")
    return record(Live(Parentheses(), corpus, 1), folder / "run", shard_tokens=100)


def both_sides(x, t):
    return x >= t, x <= -t


def by_definition(recording, phrase, sites, t, count, left, right, lengths):
    """Selection and ranking over the whole recording as one array."""
    values = {s: np.concatenate([recording.window(s, n) for n in recording.sequences]) for s in sites}
    every = np.concatenate([on for s in sites for on in both_sides(values[s].T, t)])  # [condition step]
    names = [(s, u, sign) for s in sites for sign in (1, -1) for u in range(values[s].shape[1])]
    starts = np.concatenate([[0], np.cumsum(recording.plan.tokens)])
    begins = np.zeros(starts[-1], bool)
    begins[starts[:-1]] = True

    def throughout(a, b):
        on = every[:, a:b].all(1)
        if left and not begins[a]:
            on &= ~every[:, a - 1]
        if right and b < len(begins) and not begins[b]:
            on &= ~every[:, b]
        return on

    offset = int(starts[recording.plan.find(phrase.sequence)])
    itself = (offset + phrase.start, offset + phrase.stop)
    chosen = throughout(*itself)
    found = every_passage(every[chosen], begins, 1, lengths, left, right)
    used = np.zeros(len(begins), bool)
    used[itself[0] : itself[1]] = True
    kept = []
    for a, b, score in sorted(found, key=lambda p: (-p[2], p[0] - p[1], p[0])):
        if score and not used[a:b].any():
            used[a:b] = True
            union = int((throughout(a, b) | chosen).sum())
            kept.append((-score, union, a - b, a, b))
    ranked = []
    for score, union, _, a, b in sorted(kept)[:count]:
        row = int(np.searchsorted(starts, a, side="right")) - 1
        ranked.append((int(recording.plan.sequence[row]), a - starts[row], b - starts[row], -score, union))
    return {name for name, on in zip(names, chosen, strict=True) if on}, ranked


@pytest.mark.parametrize("flanks", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("sites", [[STATE.name], [STATE.name, GATE.name]])
@pytest.mark.parametrize("place", ["3:10-13", "0:0-2", "7:36-40"])
def test_the_answer_of_brute_force(recording, place, sites, flanks):
    phrase = Phrase.parse(place)
    left, right = flanks
    for count, longest in ((1000, None), (5, 3)):
        units, ranked = by_definition(recording, phrase, sites, 0.5, count, left, right, (2, longest or 10**6))
        if not units:
            with pytest.raises(InputError, match="no unit"):
                match(recording, phrase, sites, 0.5, left=left, right=right)
            continue
        found = match(recording, phrase, sites, 0.5, left=left, right=right, count=count, longest=longest)
        assert {(u.site, u.unit, u.sign) for u in found.selected} == units
        assert [(p.sequence, p.start, p.stop, p.intersection, p.union) for p in found.passages] == ranked
        assert found.exact


def test_the_unit_of_parentheses_finds_parentheses(recording):
    pairs = {(number, *pair) for number in recording.sequences for pair in outermost(text_of(recording, number))}
    number, start, stop = next(p for p in sorted(pairs) if p[1] > 0 and p[2] - p[1] >= 4 and p[2] < 40)
    found = match(recording, Phrase(number, start, stop), threshold=0.5, left=True, right=True, count=500)
    place = [(u.site, u.unit, u.sign) for u in found.selected].index((STATE.name, INSIDE, 1))
    matched = {(p.sequence, p.start, p.stop) for p in found.passages if place in p.units}
    assert matched == {p for p in pairs if p[2] - p[1] > 1} - {(number, start, stop)}


def outermost(text):
    """From each opening parenthesis at the outermost level to before the one that closes it, or to the end."""
    pairs, depth, start = [], 0, 0
    for place, symbol in enumerate(text):
        before, depth = depth, depth + {"(": 1, ")": -1}.get(symbol, 0)
        if before <= 0 < depth:
            start = place
        if depth <= 0 < before:
            pairs.append((start, place))
    return pairs + ([(start, len(text))] if depth > 0 else [])


def text_of(recording, sequence):
    return "".join(recording.vocabulary.decode(recording.tokens(sequence).tolist()))


def test_what_is_returned_can_be_shown_and_kept(recording, tmp_path):
    found = match(recording, "ab", ["*"], 0.3, count=5)
    frame = found.to_pandas()
    assert list(frame["text"]) == [p.text for p in found.passages]
    for passage in found.passages:
        assert passage.text == text_of(recording, passage.sequence)[passage.start : passage.stop]
        inside = passage.share[passage.before : passage.before + passage.length]
        assert min(inside) >= passage.intersection / len(found.selected) - 1e-6
        assert len(passage.tokens) == len(passage.share)
        assert len(passage.units) == passage.intersection
    assert (frame["jaccard"] == frame["intersection"] / frame["union"]).all()
    assert found.units()["passages"].sum() == frame["intersection"].sum()
    assert found.phrase.text == "ab"
    assert len(found.views()) == 4 + len(found.passages)
    found.save(tmp_path / "matches.json")
    again = Matches.load(tmp_path / "matches.json")
    assert again == replace(found, recording=again.recording)
    assert again.to_pandas().equals(frame)
    (tmp_path / "matches.json").write_text('{"phrase": 1}')
    with pytest.raises(InputError, match="ask for the matches again"):
        Matches.load(tmp_path / "matches.json")


def test_few_candidates_are_admitted(recording):
    whole = match(recording, "ab", threshold=0.3, count=3)
    assert whole.exact
    assert not match(recording, "ab", threshold=0.8, count=3, candidates=3).exact


def test_thresholds_may_be_given(recording):
    sites = ["*.hidden", "*.forget_gate"]
    proposed = match(recording, Phrase(1, 3, 5), sites)
    given = match(recording, Phrase(1, 3, 5), sites, thresholds(recording, (STATE, GATE), "deviations:1"))
    assert replace(given, threshold=proposed.threshold) == proposed


def test_proposed_thresholds(recording):
    made = thresholds(recording, [STATE, GATE], "deviations:1")
    values = np.concatenate([recording.window(STATE.name, n) for n in recording.sequences]).astype(np.float64)
    high = values.mean(0) + values.std(0)
    seen = np.isfinite(made[STATE.name].high)
    np.testing.assert_allclose(made[STATE.name].high[seen], high[seen], rtol=1e-5)
    assert made[STATE.name].low[NESTED] > -0.7
    made = thresholds(recording, [STATE, GATE], "quantile:0.05")
    on = (values >= made[STATE.name].high).mean(0)
    assert on[seen & np.isfinite(made[STATE.name].high)].max() < 0.4
    # Inside parentheses more than half of the time or not, one side of a unit of two values is its median.
    assert np.isinf(made[STATE.name].high[INSIDE]) != np.isinf(made[STATE.name].low[INSIDE])
    with pytest.raises(InputError, match="one of"):
        thresholds(recording, [STATE], "quantile:0.123")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"phrase": "zz"}, "not in one sequence"),
        ({"phrase": Phrase(0, 5, 99)}, "tokens 0 to 39"),
        ({"phrase": Phrase(99, 0, 1)}, "sequence 99"),
        ({"phrase": "a", "occurrence": 10_000}, "only"),
        ({"phrase": "a", "sites": ["*.cell"]}, "no site matches"),
        ({"phrase": "a", "threshold": -0.5}, "above 0"),
        ({"phrase": "a", "threshold": "nan"}, "above 0"),
        ({"phrase": "a", "threshold": "otsu"}, "no threshold is called"),
        ({"phrase": "a", "threshold": 0.99}, "no unit"),
        ({"phrase": "a", "longest": 1}, "at least 1"),
    ],
)
def test_what_cannot_be_asked(recording, words, said):
    with pytest.raises(InputError, match=said):
        match(recording, **words)


def test_a_place_is_written_with_a_colon():
    assert Phrase.parse("12:30-41") == Phrase(12, 30, 41)
    with pytest.raises(InputError, match="SEQUENCE:START-STOP"):
        Phrase.parse("12:30")


def test_text_beyond_ascii_is_found_in_bytes(tmp_path):
    (tmp_path / "text").write_text("caf\u00e9 caf\u00e9 (ab)", encoding="utf-8")
    corpus = open_corpus(tmp_path / "text", length=40, context=0)
    recording = record(Live(Parentheses(), corpus), tmp_path / "run")
    assert find_phrase(recording, "\u00e9", 1) == Phrase(0, 9, 11)
