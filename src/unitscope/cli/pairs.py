"""Encoder–decoders of pairs: ``unitscope train pairs``, how they are recorded, and the lookup tables they read."""

from collections.abc import Sequence
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path

from unitscope.cli import console
from unitscope.cli.fields import from_fields
from unitscope.cli.options import Most, Out, Seed, Tables
from unitscope.cli.training import training_bar
from unitscope.corpus.corpus import Corpus
from unitscope.corpus.lookup_tables import LookupTables
from unitscope.corpus.pair_corpus import OutputCorpus, PairVocabulary, SourceCorpus
from unitscope.corpus.pairs import read_pairs, write_pairs
from unitscope.models.site import choose
from unitscope.networks.card import load
from unitscope.networks.lessons.pairs import Seq2SeqOptions
from unitscope.networks.lessons.pairs import train as train_network
from unitscope.networks.seq2seq.data import LOOKUP, open_pairs
from unitscope.networks.seq2seq.model import Seq2SeqModel, Side
from unitscope.opening.inputs import Inputs
from unitscope.recording.record import record
from unitscope.source.live import Live


@from_fields(Seq2SeqOptions)
def train_pairs(options: Seq2SeqOptions) -> None:
    """Train an encoder–decoder with attention on pairs of sequences.

    Ctrl-C stops it; the same command goes on from the last checkpoint and ends with the same weights.

    For example: `unitscope train pairs --guidance 1 --out guided`
    """
    with training_bar() as show:
        trained = train_network(options, show)
    console.out.print(f"{options.out}: {sum(w.numel() for w in trained.net.parameters()):,} weights")
    metrics = trained.card.metrics
    for name in [key.removesuffix(" sequences") for key in metrics if key.endswith(" sequences")]:
        told, right = metrics[f"{name} attention"], metrics[f"{name} sequences"]
        on_place = "" if told != told else f", attention on its place {told:.2f}"
        console.out.print(f"  {name}: {right:.3f} of the pairs right{on_place}")


def record_pairs(
    model: Path, files: Sequence[str], out: Path, sites: Sequence[str], dtype: str, batch_size: int, forced: bool
) -> None:
    """Record the encoder at each step of the source, and the decoder at each step of the output.

    Without files of pairs, all lookup tables are read, alone and in twos.
    """
    pairs = [Path(name) for name in files if name != LOOKUP]
    net, card = load(model, ("seq2seq",))
    vocabulary = PairVocabulary(card.symbols, card.targets)
    if pairs:
        chosen = [pair for path in pairs for pair in read_pairs(path)]
        name = ", ".join(path.stem for path in pairs)
    else:
        sets = open_pairs(LOOKUP).sets
        chosen = [pair for name, found in sets.items() if not name.startswith("longer") for pair in found]
        name = LOOKUP
    places = max(len(pair.source) for pair in chosen)
    whole = Seq2SeqModel(net, places=places, name=model.name, forced=forced)
    sides: dict[str, tuple[Side, Corpus]] = {
        "encoder": (whole.encoder, SourceCorpus(chosen, vocabulary, name)),
        "decoder": (whole.decoder, OutputCorpus(chosen, vocabulary, name)),
    }
    patterns = {
        side: [p for p in sites if any(fnmatchcase(site.name, p) for site in reader.sites())]
        for side, (reader, _) in sides.items()
    }
    if not any(patterns.values()):
        choose(tuple(whole.sites.values()), sites)  # says what there is
    opened = asdict(Inputs(str(model), tuple(map(str, pairs or (LOOKUP,)))).placed())
    with console.progress_bar() as show:
        for side, (reader, corpus) in sides.items():
            if patterns[side]:
                record(
                    Live(reader, corpus, batch_size, opened=opened), out / side, patterns[side], dtype,
                    progress=console.renamed(show, f"recording the {side}"),
                )  # fmt: skip
                console.out.print(f"{out / side}: {sum(corpus.lengths(range(len(corpus)))):,} steps")


def lookup_tables(
    out: Out = Path("lookup-tables"),
    seed: Seed = 0,
    longest: Tables = 3,
    most: Most = 2000,
) -> None:
    """Write the lookup-table task: pairs of strings and tables to apply, with what comes out.

    One pair a line: source, target, and the places to attend to.
    """
    task = LookupTables()
    sets = task.splits(seed)
    for count in range(3, longest + 1):
        sets |= {f"longer{count}_{name}": pairs for name, pairs in task.longer(count, most, seed).items()}
    for name, pairs in sets.items():
        write_pairs(out / f"{name}.tsv", pairs)
        console.out.print(f"{out / name}.tsv: {len(pairs):,} pairs")
