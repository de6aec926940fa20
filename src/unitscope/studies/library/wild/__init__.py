"""Networks in the wild: what unitscope says of three networks that others trained."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unitscope.asking import ask
from unitscope.asking.answer import Answer
from unitscope.asking.ask import suggested
from unitscope.corpus.open import open_corpus
from unitscope.corpus.symbol_lists import SymbolLists
from unitscope.corpus.targets import with_targets
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.files.digest import digest_of
from unitscope.models.module import ModuleModel
from unitscope.models.predictions import LOSS
from unitscope.source.live import Live
from unitscope.source.pieces import pieces_of
from unitscope.studies import (
    Here,
    Numbers,
    Options,
    Outcomes,
    Part,
    Run,
    Study,
)
from unitscope.studies.library.wild import networks
from unitscope.studies.library.wild.claims import LONGEST, claims
from unitscope.studies.library.wild.networks import LETTERS, WINDOW, WRITTEN, found

EACH = 50
"""Symbols of each passage that the generator is read at, about."""
VOWELS = frozenset("aeiouy")
LEADING, TONES = frozenset("เแโใไ"), frozenset("่้๊๋")
"""Thai vowels that are written before their consonant, and marks of tone."""


@dataclass(frozen=True)
class Asked(Options):
    """Options of the study."""

    generator: Path | None = field(default=None, metadata={"help": "folder of the unpacked package textgenrnn 2.0.0"})
    text: Path | None = field(default=None, metadata={"help": "English text that the generator reads"})
    pronouncer: Path | None = field(default=None, metadata={"help": "folder of the unpacked package g2p_en 2.1.0"})
    words: Path | None = field(default=None, metadata={"help": "cmudict.dict: English words with their phonemes"})
    segmenter: Path | None = field(default=None, metadata={"help": "folder of the unpacked package attacut 1.0.6"})
    thai: Path | None = field(default=None, metadata={"help": "Thai words with their frequencies, tnc_freq.txt"})
    untrained: int = field(default=20, metadata={"help": "untrained networks beside each"})
    size: int = field(default=20000, metadata={"help": "symbols that each network reads, about"})


def runs(options: Asked) -> list[Run]:
    """A run for each network and side that is given. Raises ``InputError`` where none is, or one without its text."""
    made = []
    few = {"labels": 2, "units": "*hidden"} if options.quick else {"labels": 0, "units": "*"}
    size, blanks = (min(options.size, 1200), 5) if options.quick else (options.size, options.untrained)
    for name, do, folder, data, file, option in (
        ("generator", generate, options.generator, options.text, "textgenrnn_weights.hdf5", "--text"),
        ("pronouncer reads", pronounce, options.pronouncer, options.words, "checkpoint20.npz", "--words"),
        ("pronouncer writes", pronounce, options.pronouncer, options.words, "checkpoint20.npz", "--words"),
        ("segmenter", segment, options.segmenter, options.thai, "attacut-c/model.pth", "--thai"),
    ):
        if folder is None:
            continue
        if data is None:
            raise InputError(f"the {name.split()[0]} reads nothing; give {option} as well")
        settings = {"network": name, "size": size, "untrained": blanks, **few}
        print_of = f"{digest_of(found(folder, file))} {digest_of(data)}"
        made.append(Run(name, settings, partial(do, folder, data), fingerprint=print_of))
    if not made:
        raise InputError("no network is given; pip download textgenrnn, g2p_en or attacut, unpack, and give its folder")
    return made


def generate(folder: Path, text: Path, settings: dict[str, Any], here: Here) -> dict[str, Any]:
    """Read a text in the windows that the generator was trained on, and in longer ones."""
    net, symbols = networks.generator(folder)
    model = ModuleModel(net, name="generator")
    vocabulary = Vocabulary(tuple(symbols))
    passages = (" ".join(part.split()) for part in text.read_text(encoding="utf-8").replace("\r", "").split("\n\n"))
    every = [passage for passage in passages if len(passage) >= 2 * LONGEST]
    long = every[:: max(1, len(every) * EACH // settings["size"])]

    def live(length: int, context: int, count: int) -> Live:
        corpus = open_corpus(
            iter(long), unit="characters", vocabulary=vocabulary, length=length, context=context, name=text.name
        )
        numbers = [n for n in range(len(corpus)) if corpus.place(n).start >= context]
        return Live(model, corpus, sequences=numbers[:: max(1, len(numbers) // count)])

    own = live(1, WINDOW - 1, settings["size"])
    longer = {str(n): _loss(live(n, n, max(2, settings["size"] // n // 8))) for n in (40, LONGEST)}
    ids = own.corpus.batch(own.sequences[:1]).tokens
    values = model.run(own.corpus.batch(own.sequences[:1]), ["first.0.hidden", "second.0.hidden"])
    with torch.no_grad():
        one = networks.lstm(net.first, net.embed(ids)[0].double().numpy())
    two = networks.lstm(net.second, one)
    apart = max(_apart(values["first.0.hidden"][0], one), _apart(values["second.0.hidden"][0], two))
    labels = suggested(own)[: settings["labels"] or None]
    answer = ask(own, labels, units=settings["units"], baselines=settings["untrained"], progress=here.show)
    return {"loss": _loss(own), "longer": longer, "difference": apart, **_told(own, answer)}


def pronounce(folder: Path, words: Path, settings: dict[str, Any], here: Here) -> dict[str, Any]:
    """Read words letter by letter, or write their phonemes."""
    net = networks.pronouncer(folder)
    lines = [line.split("#")[0].split() for line in words.read_text(encoding="utf-8").splitlines()]
    known = [(w, said) for w, *said in lines if w.isalpha() and w.isascii() and set(said) <= set(WRITTEN)]
    draw = np.random.default_rng(0).permutation(len(known))[: max(30, settings["size"] // 8)]
    pairs = [known[n] for n in draw]
    spelled = [[*word, "</s>"] for word, _ in pairs]
    sources = SymbolLists(spelled, Vocabulary(tuple(LETTERS)), labels=_spelling(spelled), name="words")
    said = [["<s>", *phonemes, "</s>"] for _, phonemes in pairs]
    # The network has one number for a phoneme that its list names twice, and none for one that it does not name
    outputs = SymbolLists(said, Vocabulary(tuple(WRITTEN)), labels=_sounds(said), name="phonemes")
    lengths = torch.tensor(sources.lengths(range(len(sources))))
    if settings["network"] == "pronouncer reads":
        call = lambda net, batch: net.encode(batch.tokens)  # noqa: E731
        model = ModuleModel(net, call=call, logits=lambda _: None, name="pronouncer, reading")
        source, layer, embed = Live(model, sources), net.encoder, net.letters
        begin = np.zeros(layer.hidden_size)
    else:
        forward = lambda net, batch: net(sources.of(batch), lengths[batch.sequence], batch.tokens)  # noqa: E731
        model = ModuleModel(net, call=forward, logits=lambda output: output, name="pronouncer, writing")
        source, layer, embed = Live(model, outputs), net.decoder, net.phonemes
        with torch.no_grad():
            begin = net.encode(sources.batch([0]).tokens)[0, -1].double().numpy()
    batch = source.corpus.batch([0])
    site = f"{'encoder' if layer is net.encoder else 'decoder'}.0.hidden"
    with torch.no_grad():
        second = networks.gru(layer, embed(batch.tokens)[0].double().numpy(), begin)
    apart = _apart(model.run(batch, [site])[site][0], second)
    part = f"{'encoder' if layer is net.encoder else 'decoder'}.{settings['units']}"
    answer = ask(source, list(source.annotations), units=part, baselines=settings["untrained"], progress=here.show)
    found = {"loss": _loss(source)} if layer is net.decoder else {}
    return {**found, "difference": apart, **_told(source, answer)}


def segment(folder: Path, thai: Path, settings: dict[str, Any], here: Here) -> dict[str, Any]:
    """Read Thai words, drawn by their frequency and written without spaces, and say where each begins."""
    net, symbols = networks.segmenter(folder)
    rows = [line.split("\t") for line in thai.read_text(encoding="utf-8").splitlines() if "\t" in line]
    kept = [(word, int(count)) for word, count in rows if set(word) <= set(symbols)]
    draw, shares = np.random.default_rng(0), np.array([count for _, count in kept], float)
    texts: list[list[str]] = []
    begins: list[Any] = []
    while sum(map(len, texts)) < settings["size"]:
        drawn = [kept[n][0] for n in draw.choice(len(kept), 12, p=shares / shares.sum())]
        texts.append(list("".join(drawn)))
        begins.append(np.concatenate([np.arange(len(word)) == 0 for word in drawn]).astype(int))
    labels = {
        "word begins": begins,
        "vowel before its consonant": [[symbol in LEADING for symbol in text] for text in texts],
        "mark of tone": [[symbol in TONES for symbol in text] for text in texts],
        "after a mark of tone": [[False, *(symbol in TONES for symbol in text[:-1])] for text in texts],
        "position in text": [np.arange(len(text)) for text in texts],
    }
    plain = SymbolLists(texts, Vocabulary(tuple(symbols)), labels=labels, name="Thai words")
    corpus = with_targets(plain, begins, ["inside", "word begins"])
    model = ModuleModel(net, classes=corpus.classes, name="segmenter")
    source = Live(model, corpus)
    with torch.no_grad():
        said = [net(corpus.batch([n]).tokens)[0, :, 0] > 0 for n in range(len(texts))]
    right = [
        bool(a) == bool(b) for ours, theirs in zip(said, begins, strict=True) for a, b in zip(ours, theirs, strict=True)
    ]
    answer = ask(
        source, list(labels)[: settings["labels"] or None], baselines=settings["untrained"], progress=here.show
    )
    return {
        "loss": _loss(source),
        "accuracy": float(np.mean(right)),
        "majority": float(1 - np.concatenate(begins).mean()),
        **_told(source, answer),
    }


def _spelling(words: Sequence[Sequence[str]]) -> dict[str, Any]:
    """What a letter is."""
    every: dict[str, Callable[[Sequence[str], int], float]] = {
        "vowel letter": lambda w, n: w[n] in VOWELS,
        "doubled letter": lambda w, n: n > 0 and w[n] == w[n - 1],
        "th, sh, ch, ph": lambda w, n: n > 0 and w[n] == "h" and w[n - 1] in "tscp",
        "e at the end": lambda w, n: n == len(w) - 1 and w[n - 1] == "e",
        "end of the word": lambda w, n: n == len(w) - 1,
        "letters so far": lambda _, n: n,
        "vowels so far": lambda w, n: sum(letter in VOWELS for letter in w[: n + 1]),
    }
    return {name: [[rule(word, n) for n in range(len(word))] for word in words] for name, rule in every.items()}


def _sounds(words: Sequence[Sequence[str]]) -> dict[str, Any]:
    """What a phoneme is, and what comes next."""
    every: dict[str, Callable[[str], bool]] = {
        "vowel": lambda sound: sound[-1].isdigit(),
        "vowel with the main stress": lambda sound: sound.endswith("1"),
        "nasal": lambda sound: sound in {"M", "N", "NG"},
        "stop": lambda sound: sound in {"B", "D", "G", "K", "P", "T"},
    }
    made: dict[str, Any] = {}
    for name, test in every.items():
        made[name] = [[test(sound) for sound in word] for word in words]
        made[f"{name} next"] = [[*map(test, word[1:]), False] for word in words]
    made["end next"] = [[n == len(word) - 2 for n in range(len(word))] for word in words]
    made["sounds so far"] = [list(range(len(word))) for word in words]
    return made


def _apart(ours: torch.Tensor, theirs: np.ndarray) -> float:
    return float(np.abs(ours.double().numpy()[: len(theirs)] - theirs).max())


def _loss(source: Live) -> dict[str, Any]:
    """The loss of each piece of evidence in sum, its tokens, and what the frequencies of these very targets cost."""
    groups = pieces_of(source)
    piece = dict(zip(source.sequences, groups.piece.tolist(), strict=True))
    sums, counts = np.zeros(len(groups)), np.zeros(len(groups))
    for chunk in source.chunks([LOSS]):
        one = chunk[LOSS]
        at = np.array([piece[sequence] for sequence in one.sequence.tolist()])
        loss = one.activations[:, 0].double().numpy()
        there = np.isfinite(loss)
        np.add.at(sums, at[there], loss[there])
        np.add.at(counts, at[there], 1)
    batches = (source.corpus.batch([number]) for number in source.sequences)
    targets = np.concatenate([batch.targets[batch.has_target].numpy() for batch in batches])
    share = np.unique(targets, return_counts=True)[1] / len(targets)
    return {"sums": sums, "counts": counts, "unigrams": float(-(share * np.log(share)).sum())}


def _told(source: Live, answer: Answer) -> dict[str, Any]:
    """The answer as plain data."""
    confirmed = {id(one) for one in answer.confirmed_findings()}
    return {
        "labels": len({one.label for one in answer.found}),
        "units": sum(site.units for site in source.sites if any(site.name == name for name in answer.numbers)),
        "controls": dict(answer.controls),
        "pairs": answer.tests,
        "found": [
            {
                "label": one.label, "unit": one.address, "r": one.r, "low": one.r_low, "high": one.r_high,
                "untrained": one.untrained, "confirmed": id(one) in confirmed, "used": one.used,
                "cost": one.damage.overall.mean if one.damage else float("nan"),
            }
            for one in answer.found
        ],
    }  # fmt: skip


def answers(o: Outcomes) -> dict[str, Numbers]:
    """Every label of every network."""
    made: dict[str, Numbers] = {
        "Every network": {
            one.name: {
                "loss, nats": one["loss/sums"].sum() / one["loss/counts"].sum() if one.has("loss") else float("nan"),
                "frequencies": one["loss/unigrams"] if one.has("loss") else float("nan"),
                **{n: one[n] for n in ("accuracy", "majority") if one.has(n)},
                "units": one.outcome["units"],
                "labels": one.outcome["labels"],
                "pairs": one["pairs"],
                **{f"significant under {name}": count for name, count in one["controls"].items()},
            }
            for one in o
        }
    }
    for one in o:
        made[one.name] = {
            f["label"]: {
                "unit": f["unit"],
                "r": f"{f['r']:.2f} ({f['low']:.2f} to {f['high']:.2f})",
                "untrained": f["untrained"],
                "confirmed": "yes" if f["confirmed"] else "no",
                "used": f["used"],
                "cost, nats": f["cost"],
            }
            for f in sorted(one["found"], key=lambda f: -abs(f["r"]))
        }
    return made


STUDY = Study(
    name="wild",
    paper="nobody's: networks that others trained and published in packages",
    text="""What does unitscope say of three networks that others trained?

A generator of titles, which reads forty symbols at a time; a pronouncer, whose encoder reads letters and whose decoder
writes phonemes; a segmenter of Thai, which says where words begin. Each is rebuilt from the weights in its package and
compared with a second computation; then all its units are asked about labels, with untrained networks, labels that mean
nothing, and ablations. Packages and texts are given; those that are not are left out.""",
    runs=runs,
    parts=[Part("Networks and their units", tables=answers)],
    claims=claims(),
    options=Asked,
)
