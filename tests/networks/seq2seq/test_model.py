"""Both sides of an encoder–decoder, against PyTorch's own layers and cells."""

import pytest
import torch
from torch import nn

from unitscope.corpus.lookup_tables import LookupTables
from unitscope.corpus.pair_corpus import OutputCorpus, PairVocabulary, SourceCorpus
from unitscope.errors import InputError
from unitscope.models.edit import Edit, Resampled, Steps, zero
from unitscope.models.model import Model
from unitscope.models.parity import ParityError
from unitscope.networks.seq2seq.decoder import recomputed
from unitscope.networks.seq2seq.halves import halves
from unitscope.networks.seq2seq.model import Seq2SeqModel
from unitscope.networks.seq2seq.network import Seq2SeqConfig, Seq2SeqNet
from unitscope.source.live import Live

TASK = LookupTables()
PAIRS = [*TASK.splits()["train"][:24], *TASK.longer(3, most=8)["seen"]]
SYMBOLS = PairVocabulary.of([pair for pairs in TASK.splits().values() for pair in pairs])
SOURCE, OUTPUT = SourceCorpus(PAIRS, SYMBOLS), OutputCorpus(PAIRS, SYMBOLS)
EVERYTHING = range(len(PAIRS))


def network(**options):
    torch.manual_seed(0)
    config = {"sources": len(SYMBOLS.sources), "symbols": len(SYMBOLS.targets), "units": 12, "initial_range": 0.7}
    return Seq2SeqNet(Seq2SeqConfig(**{**config, **options}))


def model(forced=False, **options):
    return Seq2SeqModel(network(**options), places=5, forced=forced)


def names(side):
    return [site.name for site in side.sites()]


KINDS = [
    {"cell": "gru"},
    {"cell": "lstm"},
    {"cell": "lstm", "full_focus": False, "method": "general"},
    {"cell": "gru", "full_focus": False, "attention": "post-rnn", "method": "dot"},
    {"cell": "lstm", "full_focus": False, "attention": "post-rnn", "method": "concat"},
    {"cell": "gru", "method": "hard"},
]


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_reading_changes_nothing_and_reads_the_run_itself(options):
    whole = model(**options)
    assert isinstance(whole.encoder, Model)
    assert isinstance(whole.decoder, Model)
    batch = OUTPUT.batch(EVERYTHING)
    alone = whole.decoder.run(batch, ["output.log_prob"])["output.log_prob"]
    read = whole.decoder.run(batch, [*names(whole.encoder), *names(whole.decoder)])
    assert torch.equal(alone, read["output.log_prob"])  # bit by bit
    half = halves(batch, whole.net.config.sources, whole.net.config.symbols)
    with torch.no_grad():
        plain = whole.net(half.sources, half.lengths, half.targets.shape[1], attend=half.attend)
    first, count = len(PAIRS[0].source), len(PAIRS[0].target)
    plain_log_prob = plain.logits[0, :count].log_softmax(1)
    assert torch.equal(read["output.log_prob"][0, first : first + count], plain_log_prob)
    attention = read["decoder.attention"][batch.counted]
    torch.testing.assert_close(attention.sum(1), torch.ones(len(attention)))


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@torch.no_grad()
def test_the_encoder_is_pytorchs_own_layer(cell):
    whole = model(cell=cell)
    read = whole.encoder.run(SOURCE.batch(EVERYTHING), names(whole.encoder))
    for number, pair in enumerate(PAIRS):
        ids = torch.tensor([[SYMBOLS.sources.index(symbol) for symbol in pair.source]])
        output, last = whole.net.encoder(whole.net.read(ids))
        found = read["encoder.hidden"][number, : len(pair.source)]
        torch.testing.assert_close(found, output[0], rtol=0, atol=1e-6)
        if cell == "lstm":
            torch.testing.assert_close(
                read["encoder.cell"][number, len(pair.source) - 1], last[1][0, 0], rtol=0, atol=1e-6
            )
            i, o, c = (read[f"encoder.{stream}"][number, 0] for stream in ("input_gate", "output_gate", "cell"))
            torch.testing.assert_close(found[0], o * c.tanh(), rtol=0, atol=1e-6)
            torch.testing.assert_close(c, i * read["encoder.cell_gate"][number, 0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("forced", [False, True])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
@torch.no_grad()
def test_the_decoder_starts_from_all_of_the_encoders_state_and_is_pytorchs_own_cell(cell, forced):
    whole = model(cell=cell, forced=forced)
    net = whole.net
    stock = {"gru": nn.GRUCell, "lstm": nn.LSTMCell}[cell](12, 12)
    stock.load_state_dict({name.removesuffix("_l0"): weight for name, weight in net.decoder.state_dict().items()})
    streams = names(whole.decoder)
    read = whole.decoder.run(OUTPUT.batch(EVERYTHING), streams)
    for number, pair in enumerate(PAIRS):
        ids = torch.tensor([[SYMBOLS.sources.index(symbol) for symbol in pair.source]])
        memory, last = net.encoder(net.read(ids))
        state = tuple(part[0] for part in last) if cell == "lstm" else last[0]  # (h, c), not (h, h)
        symbol = torch.tensor([len(SYMBOLS.targets)])
        for step, target in enumerate(pair.target):
            place = len(pair.source) + step
            h = state[0] if cell == "lstm" else state
            joined = torch.cat([memory[0], h.expand(len(pair.source), -1)], dim=1)
            mlp = net.attend
            weight = torch.cat([mlp.of_memory.weight, mlp.of_query.weight], dim=1)
            scores = torch.relu(joined @ weight.t() + mlp.of_memory.bias) @ mlp.score.weight[0] + mlp.score.bias
            a = scores.softmax(0)
            c = a @ memory[0]
            m = torch.relu(net.focus(torch.cat([c, net.feedback(symbol)[0]])))
            state = stock((c * m)[None], state)
            h = state[0] if cell == "lstm" else state
            logits = net.readout(h)[0]
            for name, value in (("attention", a), ("context", c), ("hidden", h[0])):
                found = read[f"decoder.{name}"][number, place, : len(value)]
                torch.testing.assert_close(found, value, rtol=0, atol=1e-6)
            torch.testing.assert_close(read["output.log_prob"][number, place], logits.log_softmax(0), rtol=0, atol=1e-5)
            wanted = SYMBOLS.target_ids[target]
            assert read["output.correct"][number, place, 0] == float(logits.argmax() == wanted)
            torch.testing.assert_close(read["output.loss"][number, place, 0], -logits.log_softmax(0)[wanted])
            symbol = torch.tensor([wanted]) if forced else logits.argmax()[None]
            if cell == "lstm":
                torch.testing.assert_close(read["decoder.cell"][number, place], state[1][0], rtol=0, atol=1e-6)


@torch.no_grad()
def test_recomputed_gates_recombine_and_a_wrong_start_is_noticed():
    whole = model(cell="gru")
    read = whole.decoder.run(OUTPUT.batch([0]), names(whole.decoder))
    first = len(PAIRS[0].source)
    z, n, h = (read[f"decoder.{stream}"][0, first:] for stream in ("update_gate", "new_gate", "hidden"))
    torch.testing.assert_close(h[1], (1 - z[1]) * n[1] + z[1] * h[0], rtol=0, atol=1e-6)
    half = halves(OUTPUT.batch([0]), whole.net.config.sources, whole.net.config.symbols)
    memory = whole.net.encode(half.sources, half.lengths)
    decoded = whole.net.decode(memory, 3)
    with pytest.raises(ParityError, match=r"decoder\.hidden"):
        recomputed(whole.net, (torch.zeros_like(memory.last[0]),), decoded)


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_a_batch_of_one_is_a_batch_of_many(options):
    whole = model(**options)
    for side, corpus in ((whole.encoder, SOURCE), (whole.decoder, OUTPUT)):
        together = corpus.batch(EVERYTHING)
        many = side.run(together, names(side))
        for number in EVERYTHING:
            batch = corpus.batch([number])
            for name, values in side.run(batch, names(side)).items():
                found = many[name][number][together.counted[number]]
                torch.testing.assert_close(found, values[0][batch.counted[0]], rtol=0, atol=2e-6)


def test_the_encoder_does_not_know_the_output():
    whole = model()
    alone = whole.encoder.run(SOURCE.batch([3]), ["encoder.hidden"])["encoder.hidden"]
    beside = whole.decoder.run(OUTPUT.batch([3]), ["encoder.hidden"])["encoder.hidden"]
    assert torch.equal(alone[0], beside[0, : alone.shape[1]])


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_every_site_can_be_edited_and_reads_back(cell):
    whole = model(cell=cell)
    batch = OUTPUT.batch(EVERYTHING)
    sites = [name for name in whole.sites if not name.startswith("output.")]
    intact = whole.decoder.run(batch, ["output.log_prob"])["output.log_prob"]
    half = halves(batch, whole.net.config.sources, whole.net.config.symbols)
    in_source = torch.arange(batch.tokens.shape[1]) < half.lengths[:, None]
    for site in sites:
        unit = 1
        value = 0.25
        read = whole.decoder.run(batch, [site, "output.log_prob"], [Edit(site, (unit,), (value,))])
        steps = in_source if site.startswith("encoder.") else batch.counted
        assert (read[site][steps][:, unit] == value).all(), site
        assert not torch.equal(read["output.log_prob"], intact), site
    assert torch.equal(whole.decoder.run(batch, ["output.log_prob"])["output.log_prob"], intact)


def test_an_edited_decoder_is_the_plain_one_where_the_edit_changes_nothing():
    for cell in ("gru", "lstm"):
        whole = model(cell=cell)
        batch = OUTPUT.batch(EVERYTHING)
        with torch.no_grad():
            whole.net.decoder.weight_hh_l0[:, 2] = 0
            whole.net.readout.weight[:, 2] = 0
            whole.net.attend.of_query.weight[:, 2] = 0
        plain = whole.decoder.run(batch, ["output.log_prob"])["output.log_prob"]
        edited = whole.decoder.run(batch, ["output.log_prob"], [zero("decoder.hidden", [2])])["output.log_prob"]
        torch.testing.assert_close(plain[batch.counted], edited[batch.counted], rtol=0, atol=1e-5)


def test_silencing_an_encoder_unit_is_setting_it_to_zero_for_the_decoder():
    whole = model(cell="gru")
    batch = OUTPUT.batch([0, 1])
    read = whole.decoder.run(batch, ["encoder.hidden", "decoder.context"], [zero("encoder.hidden", [3, 4])])
    assert (read["decoder.context"][..., [3, 4]] == 0).all()
    assert (read["encoder.hidden"][..., [3, 4]] == 0).all()


def test_a_live_source_of_the_decoder_takes_edits_of_the_encoder():
    whole = model()
    source = Live(whole.decoder, OUTPUT, edits=(zero("encoder.hidden", range(12)),))
    (chunks,) = source.chunks(["decoder.context", "output.correct"])
    assert (chunks["decoder.context"].activations == 0).all()
    with pytest.raises(InputError, match=r"no site 'decoder\.hidden' to edit"):
        Live(whole.encoder, SOURCE, edits=(zero("decoder.hidden", [0]),))
    resampled = Live(whole.decoder, OUTPUT, edits=(Edit("encoder.hidden", (), Resampled()),))
    intact = Live(whole.decoder, OUTPUT)
    (a,), (b,) = (list(live.chunks(["output.log_prob"])) for live in (resampled, intact))
    torch.testing.assert_close(a["output.log_prob"].activations, b["output.log_prob"].activations)


def test_the_encoder_is_edited_at_chosen_steps_of_the_source():
    whole = model(cell="lstm")
    edit = zero("encoder.hidden", [1], Steps(1, 2))
    (chunks,) = Live(whole.encoder, SOURCE, edits=(edit,)).chunks(["encoder.hidden"])
    chunk = chunks["encoder.hidden"]
    assert ((chunk.activations[:, 1] == 0) == (chunk.position == 1)).all()
    (chunks,) = Live(whole.decoder, OUTPUT, edits=(zero("decoder.cell", [1], Steps(1, 2)),)).chunks(["decoder.cell"])
    chunk = chunks["decoder.cell"]
    assert ((chunk.activations[:, 1] == 0) == (chunk.position == 1)).all()


def test_the_twin_has_other_weights_and_another_fingerprint():
    whole = model()
    twin = whole.decoder.untrained(1)
    assert names(twin) == names(whole.decoder)
    assert twin.fingerprint != whole.decoder.fingerprint != whole.encoder.fingerprint
    assert whole.decoder.fingerprint != model(forced=True).decoder.fingerprint
    assert twin.fingerprint == whole.decoder.untrained(1).fingerprint
    assert "targets" in model(forced=True).decoder.describe()["decoder reads"]


def test_what_does_not_fit_is_refused():
    whole = model()
    with pytest.raises(InputError, match=r"no site 'encoder\.colour'"):
        whole.decoder.run(OUTPUT.batch([0]), ["encoder.colour"])
    with pytest.raises(InputError, match="no unit 12"):
        whole.decoder.run(OUTPUT.batch([0]), [], [zero("encoder.hidden", [12])])
    with pytest.raises(InputError, match="cannot be edited"):
        whole.decoder.run(OUTPUT.batch([0]), [], [zero("output.loss", [0])])
    with pytest.raises(InputError, match="no outputs to write"):
        whole.decoder.run(SOURCE.batch([0]), ["output.loss"])
    with pytest.raises(InputError, match="more places"):
        Seq2SeqModel(whole.net, places=3).decoder.run(OUTPUT.batch([0]), ["output.loss"])
    other = OutputCorpus(PAIRS, PairVocabulary(SYMBOLS.sources, (*SYMBOLS.targets, "new")))
    with pytest.raises(InputError, match="in the symbols it was trained on"):
        whole.decoder.run(other.batch([0]), ["output.loss"])
