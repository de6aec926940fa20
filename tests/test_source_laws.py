"""The laws of sources, for every kind of source."""

import copy
import dataclasses
import random

import numpy as np
import pytest
import torch
from planted import LETTERS, planted
from torch import nn
from toys import GATE, HIDDEN, SUM, ToyCorpus, ToyModel

from unitscope.analyses.moments import Moments
from unitscope.corpus.drives import DriveCorpus, each_channel, step
from unitscope.corpus.open import open_corpus
from unitscope.corpus.pair_corpus import OutputCorpus, PairVocabulary
from unitscope.corpus.pairs import Pair
from unitscope.corpus.place import DocumentText, Place
from unitscope.errors import InputError
from unitscope.fold.analyze import analyze
from unitscope.interventions.ablated import Ablated
from unitscope.interventions.driven import Driven
from unitscope.models.edit import zero
from unitscope.models.module import ModuleModel
from unitscope.models.site import Site
from unitscope.networks.char import CharConfig, CharNet
from unitscope.networks.seq2seq.model import Seq2SeqModel
from unitscope.networks.seq2seq.network import Seq2SeqConfig, Seq2SeqNet
from unitscope.recording.record import record
from unitscope.source.arrays import Arrays
from unitscope.source.live import Live
from unitscope.source.recipe import open_source
from unitscope.source.relabelled import Relabelled, Shifted
from unitscope.source.subset import Subset
from unitscope.source.with_labels import with_labels
from unitscope.source.without_text import without_text


def live_text(folder, **more):
    (folder / "text").mkdir(exist_ok=True)
    for number, text in enumerate(("Ada said so. ", "(no) 12, 34; ", "One more line\nand another. ")):
        (folder / "text" / f"{number}.txt").write_text(text * 3)
    corpus = open_corpus(folder / "text", length=16, context=4)
    torch.manual_seed(0)
    net = CharNet(CharConfig(len(corpus.vocabulary), "lstm", 1, 6))
    return Live(ModuleModel(net, name="net"), corpus, 3, **more)


def live_pairs():
    pairs = [Pair(tuple("abc")[: 1 + n % 3], tuple("xyz")[: 1 + n % 2]) for n in range(7)]
    symbols = PairVocabulary.of(pairs)
    torch.manual_seed(0)
    net = Seq2SeqNet(Seq2SeqConfig(len(symbols.sources), len(symbols.targets), units=5, embedding=4))
    return Live(Seq2SeqModel(net, places=3).decoder, OutputCorpus(pairs, symbols), 2)


def arrays(texts=False):
    lengths = [5, 3, 9, 4, 1, 7]
    tokens = torch.randint(0, 26, (sum(lengths),), generator=torch.Generator().manual_seed(1))
    more = {}
    if texts:
        whole = "".join(LETTERS.decode(tokens.tolist()))
        more = {
            "documents": [DocumentText("a", "d1", whole[:17]), DocumentText("b", "d2", whole[17:])],
            "place_of": [Place(0, 0), Place(0, 5), Place(0, 8), Place(1, 0), Place(1, 4), Place(1, 5)],
        }
    values = torch.randn(sum(lengths), 4, generator=torch.Generator().manual_seed(0))
    own = {"odd": (torch.arange(sum(lengths)) % 2).float()}
    return planted({Site("area.rate", 4): values}, lengths, tokens, token_labels=own, **more)


def live_toys(**more):
    return Live(ToyModel(), ToyCorpus(12), 4, **more)


def driven():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Embedding(7, 3), nn.Linear(3, 4))
    model = ModuleModel(net, hooked=["*"])
    site = next(s for s in model.sites() if s.name.startswith("0"))
    ends = each_channel(torch.randn(40, site.units, generator=torch.Generator().manual_seed(0)))
    return Driven(model, site.name, DriveCorpus([step(12, 4)], ends))


KINDS = {
    "model over a text": live_text,
    "model over toys": lambda _: live_toys(),
    "edited model": lambda folder: live_text(folder, edits=(zero("rnn.0.hidden", [1, 2]),)),
    "pairs": lambda _: live_pairs(),
    "drives": lambda _: driven(),
    "ablated": lambda folder: Ablated(live_text(folder).model, live_text(folder).corpus, "rnn.0.hidden", batch_size=3),
    "arrays": lambda _: arrays(),
    "arrays with texts": lambda _: arrays(texts=True),
    "recording": lambda folder: record(live_text(folder), folder / "kept", ["rnn.*"], "float16", shard_tokens=40),
    "subset": lambda _: Subset(live_toys(), [1, 4, 5, 9], "some"),
    "relabelled": lambda _: Relabelled(arrays(), lambda name, n: 1 - arrays().labels(name, n), "turned round"),
    "shifted": lambda _: Shifted(arrays(), 3),
    "without its text": lambda folder: without_text(live_text(folder)),
    "without its tokens": lambda folder: without_text(live_text(folder), tokens=False, labels=["digit"]),
    "with labels": lambda _: with_labels(
        arrays(), {"side": list("lrlrrl"), "first": lambda tokens: tokens == tokens[0]}
    ),
}


@pytest.fixture(params=KINDS, ids=lambda kind: kind.replace(" ", "-"))
def source(request, tmp_path):
    return KINDS[request.param](tmp_path)


def names(source):
    return [site.name for site in source.sites]


def rows(source, sequences=None, batch=None):
    """Everything that chunks say, laid end to end."""
    parts = list(source.chunks(names(source), source.annotations, sequences))
    if not parts:
        return None
    found = {f"values {site}": torch.cat([part[site].activations for part in parts]) for site in names(source)}
    firsts = [next(iter(part.values())) for part in parts]
    for name in ("tokens", "sequence", "position"):
        found[name] = torch.cat([getattr(chunk, name) for chunk in firsts])
    return found | {f"label {name}": torch.cat([c.labels[name] for c in firsts]) for name in source.annotations}


def assert_same_rows(found, expected, tolerance=0.0):
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        torch.testing.assert_close(found[name], values, rtol=tolerance, atol=tolerance, equal_nan=True, msg=name)


def test_no_sequences_are_none(source):
    assert list(source.chunks(names(source), source.annotations, [])) == []
    none = Subset(source, [], "none")
    assert list(none.chunks(names(source))) == []
    assert none.lengths([]) == []
    with pytest.raises(InputError, match="no sequences"):
        analyze(none, [Moments()])


@pytest.mark.parametrize("seed", range(3))
def test_chunks_of_any_division_are_the_whole(source, seed):
    dice = random.Random(seed)
    numbers, parts = list(source.sequences), []
    while numbers:
        taken = dice.randint(1, len(numbers))
        parts.append(rows(source, numbers[:taken]))
        numbers = numbers[taken:]
    joined = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    assert_same_rows(joined, rows(source), tolerance=1e-5)


def test_chunks_lengths_tokens_and_labels_agree(source):
    for chunks in source.chunks(names(source), source.annotations):
        for site in source.sites:
            chunk = chunks[site.name]
            assert chunk.activations.shape == (len(chunk.tokens), site.units)
            for (first, last), number in zip(chunk.spans(), chunk.sequence.unique_consecutive().tolist(), strict=True):
                assert source.lengths([number]) == [last - first]
                np.testing.assert_array_equal(source.tokens(number), chunk.tokens[first:last])
                assert chunk.position[first:last].tolist() == list(range(last - first))
                for name in source.annotations:
                    own = source.labels(name, number).float()
                    torch.testing.assert_close(own, chunk.labels[name][first:last].float(), equal_nan=True)


def test_every_sequence_stands_in_a_document(source):
    for number in source.sequences:
        place = source.place(number)
        document = source.document(place.document)
        assert document.name
        assert document.digest
        if document.text is not None:
            assert place.start + source.lengths([number])[0] <= len(document.text)
            text = document.text[place.start :][: source.lengths([number])[0]]
            assert "".join(source.vocabulary.decode(source.tokens(number).tolist())) == text


def test_names_and_origins_say_something(source):
    assert len(repr(source)) < 250
    assert source.name
    assert len(source.fingerprint) == 64
    assert source.model_origin.fingerprint
    assert source.describe()
    with pytest.raises(InputError, match="there are"):
        source.site_named("no.such.site")


def test_it_survives_being_written_down(source, tmp_path):
    kept = record(source, tmp_path / "again", dtype="float32", shard_tokens=20)
    assert_same_rows(rows(kept), rows(source))
    assert kept.annotations == tuple(source.annotations)
    assert kept.vocabulary == source.vocabulary
    assert list(kept.sequences) == sorted(source.sequences)
    for number in source.sequences:
        assert kept.place(number) == source.place(number)
        assert kept.document(kept.place(number).document) == source.document(source.place(number).document)
    labelled = source.document(source.place(source.sequences[0]).document).text is not None
    for name in ("digit", "white-space") if labelled else ():
        assert torch.equal(kept.labels(name, source.sequences[0]), source.labels(name, source.sequences[0]))
    for key, value in source.describe().items():
        assert kept.describe()[key] == value or key == "precision"


def test_another_process_opens_it_or_its_recording(source, tmp_path):
    if not source.kind or isinstance(getattr(source, "whole", source), (Live, Arrays)):
        with pytest.raises(InputError, match="record it"):
            source.recipe()
        source = record(source, tmp_path / "kept")
    recipe = source.recipe()
    again = open_source(recipe)
    assert again.fingerprint == source.fingerprint
    assert_same_rows(rows(again), rows(source))


def test_fingerprints_differ_where_content_differs(source):
    found = {source.fingerprint}
    for part in ([source.sequences[0]], list(source.sequences[1:])):
        found.add(Subset(source, part, "part").fingerprint)
    found.add(Shifted(source, 1).fingerprint)
    found.add(Shifted(source, 2).fingerprint)
    assert len(found) == 5


def test_fingerprints_follow_every_field():
    base = arrays(texts=True)
    others = [
        dataclasses.replace(base, values={site: v + 1e-6 for site, v in base.values.items()}),
        dataclasses.replace(base, values={dataclasses.replace(s, name="b"): v for s, v in base.values.items()}),
        dataclasses.replace(base, token_ids=(base.token_ids + 1) % 26),
        dataclasses.replace(base, token_labels={"odd": 1 - base.token_labels["odd"]}),
        dataclasses.replace(base, token_labels={"even": base.token_labels["odd"]}),
        dataclasses.replace(base, sequence_lengths=[3, 5, 9, 4, 1, 7]),
        dataclasses.replace(base, documents=base.documents[::-1]),
        dataclasses.replace(base, place_of=base.place_of[::-1]),
        dataclasses.replace(base, symbols=type(LETTERS)(LETTERS.symbols[::-1])),
    ]
    assert len({source.fingerprint for source in (base, *others)}) == 1 + len(others)
    assert arrays(texts=True).fingerprint == base.fingerprint
    toys = live_toys()
    lives = [
        live_toys(sequences=[1, 2]),
        live_toys(sequences=[2, 1]),
        live_toys(edits=(zero(SUM.name, [0]),)),
        dataclasses.replace(toys, model=ToyModel("b2" * 32)),
        dataclasses.replace(toys, corpus=ToyCorpus(12, fingerprint="d1" * 32)),
    ]
    assert len({source.fingerprint for source in (toys, *lives)}) == 1 + len(lives)


def test_a_recording_of_an_edited_model_is_another(tmp_path):
    intact = record(live_text(tmp_path), tmp_path / "a", ["rnn.*"])
    edited = record(live_text(tmp_path, edits=(zero("rnn.0.hidden", [1]),)), tmp_path / "b", ["rnn.*"])
    assert intact.fingerprint != edited.fingerprint
    assert "edits" in edited.describe()
    with pytest.raises(InputError, match="begun with another source"):
        record(live_text(tmp_path), tmp_path / "b", ["rnn.*"])


def test_labels_that_are_asked_for_are_kept(tmp_path):
    source = Shifted(live_text(tmp_path), 0)
    kept = record(source, tmp_path / "kept", ["rnn.*"], labels=["digit"])
    for number in source.sequences:
        assert torch.equal(kept.labels("digit", number), source.labels("digit", number))
    with pytest.raises(InputError, match="no text to ask it of"):
        kept.labels("white-space", 0)


@pytest.mark.parametrize("tokens", [True, False])
def test_what_travels_without_its_text_does_not_hold_it(tmp_path, tokens):
    whole = live_text(tmp_path)
    text = whole.document(0).text
    kept = record(without_text(whole, tokens, ["digit"]), tmp_path / "shared", ["rnn.*"])
    assert kept.document(0).text is None
    assert all(text[:12].encode() not in path.read_bytes() for path in kept.folder.rglob("*") if path.is_file())
    assert torch.equal(kept.labels("digit", 0), whole.labels("digit", 0))
    assert (kept.tokens(0).tolist() == whole.tokens(0).tolist()) == tokens
    with pytest.raises(InputError, match="text"):
        kept.labels("regex:a", 0)


def test_reading_leaves_everything_as_it_was(source):
    before = copy.copy(source.fingerprint)
    first = rows(source)
    assert_same_rows(rows(source), first)
    assert source.fingerprint == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sequence_lengths": [4, 3, 9, 4, 1, 7]}, "28 tokens"),
        ({"sequence_lengths": [-1, 9, 9, 4, 1, 7]}, "0 or more"),
        ({"token_ids": torch.zeros(3, dtype=torch.long)}, "token_ids has shape"),
        ({"token_labels": {"odd": torch.zeros(3)}}, "odd has shape"),
        ({"documents": None}, "or neither"),
        ({"place_of": [Place(0, 0)]}, "1 places"),
        ({"place_of": [Place(7, 0)] * 6}, "no 7"),
        ({"values": {}}, "no activations"),
    ],
)
def test_arrays_that_do_not_fit_together(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(arrays(texts=True), **change)


def test_arrays_are_read_from_memory_maps_of_any_number_type(tmp_path):
    base = arrays()
    (site, values), *_ = base.values.items()
    for kind in (">f4", "f8", "f2", "i2"):
        path = tmp_path / f"{kind.strip('>')}.npy"
        np.save(path, values.numpy().astype(kind))
        mapped = dataclasses.replace(base, values={site: np.load(path, mmap_mode="r")})
        expected = torch.from_numpy(values.numpy().astype(kind).astype(np.float64 if kind == "f8" else np.float32))
        torch.testing.assert_close(rows(mapped)[f"values {site.name}"], expected)


def test_sequences_that_there_are_not():
    for wrong in ([12], [-1]):
        with pytest.raises(InputError, match="0 to 11"):
            live_toys(sequences=wrong)


def test_sites_of_toys_are_known():
    assert [site.name for site in live_toys().sites] == [HIDDEN.name, GATE.name, SUM.name]
