"""Planted units are found where they are, and nothing is found where nothing is."""

import numpy as np
import pytest
import torch
from planted import one_site
from scipy import signal, stats
from wired import COUNTER, INSIDE, corpus, wired

from unitscope.errors import InputError
from unitscope.findings import Findings, Search, find
from unitscope.source.live import Live

ASKED = ("inside-parentheses", "position-in-line", "next-is-newline", "vowel")


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> Findings:
    text, model = corpus(tmp_path_factory.mktemp("wired")), wired()
    # The hidden state only: the cell and some gates of a planted unit tell the same.
    search = Search(hypotheses=ASKED, sites=("rnn.0.hidden",), random_units=4, ablation_sequences=24)
    return find(Live(model, text), search, model, text)


def of(found, hypothesis):
    return next(finding for finding in found.findings if finding.hypothesis == hypothesis)


def test_the_planted_units_are_found_and_confirmed(found):
    inside, counter = of(found, "inside-parentheses"), of(found, "position-in-line")
    assert (inside.unit, counter.unit) == (INSIDE, COUNTER)
    for finding in (inside, counter):
        assert finding.confirmed(0.05)
        assert abs(finding.r) > 0.9
        assert finding.r_low < finding.r < finding.r_high
        assert finding.q < 1e-6
    assert inside.auc > 0.99
    assert abs(inside.twin_r) < 0.8 * inside.r


def test_the_planted_units_are_used_where_they_hold(found):
    inside, counter = of(found, "inside-parentheses"), of(found, "position-in-line")
    assert inside.used
    assert counter.used
    assert inside.damage.symbols[0].symbol == ")"
    assert counter.damage.symbols[0].symbol == "\n"
    # The double dissociation: each costs its own symbol, not the other's.
    own = {s.symbol: s.change for s in inside.damage.symbols}
    other = {s.symbol: s.change for s in counter.damage.symbols}
    assert own[")"] > 10 * own.get("\n", 0.0)
    assert other["\n"] > 10 * other.get(")", 0.0)
    assert max(inside.random_damage) < inside.damage.where["inside-parentheses"].mean / 3


def test_findings_come_back_from_disk(found, tmp_path):
    found.save(tmp_path)
    again = Findings.load(tmp_path)
    assert again.findings == found.findings
    assert (again.search, again.tests, again.significant) == (found.search, found.tests, found.significant)
    frame = again.to_pandas()
    assert list(frame["hypothesis"]) == [finding.hypothesis for finding in found.findings]
    assert bool(frame.set_index("hypothesis").loc["inside-parentheses", "confirmed"])


def test_an_untrained_net_has_no_confirmed_units(tmp_path):
    text = corpus(tmp_path)
    model = wired().untrained(seed=7)
    confirmed = 0
    for seed in range(3):
        search = Search(hypotheses=ASKED, sites=("rnn.0.hidden", "rnn.0.cell"), seed=seed)
        found = find(Live(model, text), search, model, text)
        confirmed += len([f for f in found.confirmed_findings() if f.used])
    assert confirmed <= 1


def processes(count, columns, seed, length=80):
    noise = np.random.default_rng(seed).normal(size=(count, length, columns))
    noise[:, 1:] *= (1 - 0.95**2) ** 0.5
    return torch.from_numpy(signal.lfilter([1.0], [1.0, -0.95], noise, axis=1).reshape(-1, columns)).float()


def test_under_shifted_labels_no_more_is_found_than_the_rate_allows():
    """Units do follow the labels; shifted round, over 20 seeds, the whole procedure finds what 5 % allows."""
    count = 64
    labels = processes(count, 6, 1)
    x = processes(count, 20, 2)
    x[:, :6] += 2 * labels
    names = [f"label {k}" for k in range(6)]
    said = {name: labels[:, k] for k, name in enumerate(names)}
    source = one_site(x, [80] * count, low=-np.inf, high=np.inf, token_labels=said, batch=64)
    seeds_with_any = 0
    for seed in range(20):
        found = find(source, Search(hypotheses=tuple(names), seed=seed))
        seeds_with_any += found.shifted_significant > 0
        assert found.significant >= 6
    # With nothing to find, the chance that a seed has any discovery is at most the rate.
    assert stats.binom.sf(seeds_with_any - 1, 20, 0.05) > 1e-3


def test_what_counts_from_the_beginning_of_every_text_is_no_finding_under_shifted_labels():
    """Units follow the position in texts of one length; a turn that all texts share would leave much of that."""
    position = torch.arange(30).repeat(60)
    late = (position > 20).float()
    draw = torch.Generator().manual_seed(0)
    x = position[:, None] / 30 + 0.1 * torch.randn(1_800, 5, generator=draw)
    source = one_site(x, [30] * 60, low=-np.inf, high=np.inf, token_labels={"position": position, "late": late})
    found = [find(source, Search(hypotheses=("position", "late"), seed=seed)) for seed in range(4)]
    assert {f.significant for f in found} == {10}
    assert sum(f.shifted_significant > 0 for f in found) <= 1


def test_without_a_model_nothing_is_confirmed_but_scores_stand(tmp_path):
    text, model = corpus(tmp_path, lines=120), wired()
    found = find(Live(model, text), Search(hypotheses=ASKED[:1], sites=("rnn.0.hidden",)))
    assert found.loss is None
    assert found.findings[0].used is None
    assert not found.confirmed_findings()
    assert found.findings[0].r > 0.9


def test_what_cannot_be_asked_is_an_error(tmp_path):
    text, model = corpus(tmp_path, lines=120), wired()
    with pytest.raises(InputError, match=r"no label is called 'inside-parenthesis'.*inside-parentheses"):
        find(Live(model, text), Search(hypotheses=("inside-parenthesis",)))
    with pytest.raises(InputError, match=r"no site matches 'rnn\.1\.hidden'"):
        find(Live(model, text), Search(hypotheses=ASKED, sites=("rnn.1.hidden",)))
    with pytest.raises(InputError, match="too few"):
        find(Live(model, text, sequences=[0, 1, 2, 3]), Search(hypotheses=ASKED))
