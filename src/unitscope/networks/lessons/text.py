"""Language models of a text: carried state, truncated back-propagation."""

import dataclasses
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from unitscope.corpus.dialect import Dialect
from unitscope.corpus.documents import Unit
from unitscope.corpus.open import open_corpus
from unitscope.corpus.splits import Split, SplitKind
from unitscope.corpus.text import TextCorpus
from unitscope.errors import InputError
from unitscope.networks import training
from unitscope.networks.card import Card
from unitscope.networks.char import Cell, CharConfig
from unitscope.networks.checkpoint import Carried
from unitscope.networks.context import ContextConfig
from unitscope.networks.evaluate import LanguageModel, evaluate
from unitscope.networks.lessons.command import command
from unitscope.networks.recipes import RECIPES, Modern, Paper
from unitscope.networks.stream import Stream, stream_of
from unitscope.networks.training import NATS, Run, Trained, Watch

MANY_FILES = 20
"""From so many files on, whole documents are held out by default."""


@dataclass(frozen=True)
class TrainOptions:
    """Options of a training. None takes the value of the recipe."""

    text: tuple[str, ...] = field(
        default=("stdlib",), metadata={"help": "files or folders, - for standard input, or stdlib"}
    )
    out: str = "net"
    unit: Unit = field(default="bytes", metadata={"flag": "--symbols", "help": "what a symbol is: bytes or characters"})
    pattern: str = "*"
    encoding: str = ""
    split: SplitKind | None = field(
        default=None,
        metadata={
            "help": "contiguous, interleaved or documents; without it documents for 20 files or more, else contiguous"
        },
    )
    fractions: tuple[float, float, float] = field(
        default=(0.8, 0.1, 0.1), metadata={"help": "shares of train, validation and test"}
    )
    split_rows: int | None = field(
        default=None, metadata={"help": "stretches of an interleaved split, if not as many as rows are read at once"}
    )
    split_steps: int | None = field(
        default=None, metadata={"help": "symbols that an interleaved split keeps together, if not as many as steps"}
    )
    at_least: int = field(
        default=1, metadata={"help": "symbols that are rarer than this are read as one unknown symbol"}
    )
    cell: Cell = "lstm"
    layers: int = field(default=1, metadata={"help": "recurrent layers"})
    units: int = field(default=256, metadata={"flag": "--hidden"})
    dropout: float = field(default=0.0, metadata={"help": "share of units dropped above each layer"})
    recipe: str = field(
        default="modern", metadata={"help": "modern (AdamW, cosine) or paper (Karpathy et al. 2015: RMSProp)"}
    )
    epochs: int | None = None
    rows: int | None = field(default=None, metadata={"flag": "--batch-size"})
    steps: int | None = field(default=None, metadata={"help": "steps of truncated back-propagation"})
    rate: float | None = None
    initial_range: float | None = field(
        default=None, metadata={"help": "first weights are drawn uniformly between minus and plus this"}
    )
    forget_bias: float | None = field(
        default=None, metadata={"help": "first value of an LSTM's forget biases; 0 draws them like the others"}
    )
    patience: int | None = None
    seed: int = 123
    device: str = "cpu"
    keep: tuple[float, ...] = field(default=(), metadata={"flag": "--snapshot"})
    checkpoint_seconds: float = 60.0
    restart: bool = False

    @classmethod
    def from_json(cls, values: dict[str, Any], **changes: Any) -> "TrainOptions":
        """The options that a ``Card`` keeps, so that a network can be made again (``out`` is to be given)."""
        plain: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**{**plain, **changes})

    def command(self) -> str:
        """The command line that asks for the same."""
        return command("text", self)


class Lesson:
    """A text read in many parallel rows, each from left to right with the state carried."""

    def __init__(
        self,
        fingerprint: str,
        train: Stream,
        validation: Stream,
        test: Stream | None,
        rows: int,
        steps: int,
    ) -> None:
        self.fingerprint = fingerprint
        self.validation, self.test = validation, test
        self.rows, self.steps = rows, steps
        if len(train) < rows * steps:
            raise InputError(
                f"the train part has {len(train):,} symbols, too few for {rows} rows of {steps} steps; give more text, "
                "or fewer rows or steps"
            )
        self._rows = train.rows(rows)

    def batches(self, epoch: int) -> Sequence[int]:
        """The first column of each window; fewer columns than a window's at the end are left out."""
        return range(0, len(self._rows) - self.steps + 1, self.steps)

    def fresh(self, net: LanguageModel) -> Carried:
        return net.fresh_state(self.rows)

    def loss(self, net: LanguageModel, first: int, carried: Carried) -> tuple[Tensor, Carried]:
        """The state goes on, the gradient does not."""
        ids, targets = self._rows.window(first, self.steps, net.device)
        logits, state = net.carry(ids, carried)
        loss = nn.functional.cross_entropy(
            logits.float().flatten(0, 1), targets.flatten(), ignore_index=self._rows.none
        )
        return loss, tuple(part.detach() for part in state)

    def validate(self, net: LanguageModel) -> dict[str, int | float]:
        return {NATS: evaluate(net, self.validation, self.rows, self.steps)}

    def metrics(self, net: LanguageModel) -> dict[str, int | float]:
        found: dict[str, int | float] = {}
        parts = {"validation": self.validation} | ({"test": self.test} if self.test is not None else {})
        for part, stream in parts.items():
            nats = evaluate(net, stream, self.rows, self.steps)
            found |= {f"{part} nats": nats, f"{part} bits": nats / math.log(2), f"{part} symbols": len(stream)}
        return found


def train(options: TrainOptions, watch: Watch | None = None) -> Trained:
    """Train, or go on where a run into the same folder was stopped; the folder keeps the best weights on validation.

    A run that was killed and started again gives the weights of one that was not. A run that is finished is loaded.
    Raises ``InputError`` for options that do not fit together or the text, if the folder holds a run with other
    options, and if the loss explodes.
    """
    recipe = recipe_of(options)
    corpus = _corpus(options, recipe)
    network = CharConfig(
        symbols=len(corpus.vocabulary),
        cell=options.cell,
        layers=options.layers,
        units=options.units,
        dropout=options.dropout,
        initial_range=recipe.initial_range,
        forget_bias=recipe.forget_bias,
    )
    card = Card(
        kind="char",
        network=network,
        symbols=corpus.vocabulary.symbols,
        unit=options.unit,
        split=corpus.split,
        corpus=corpus.name,
        command=options.command(),
    )
    validation, test = (stream_of(corpus.part(part)) for part in ("validation", "test"))
    lesson = Lesson(corpus.documents.fingerprint, stream_of(corpus), validation, test, recipe.rows, recipe.steps)
    run = Run(
        Path(options.out),
        _comparable(options),
        options.seed,
        options.device,
        keep=options.keep,
        checkpoint_seconds=options.checkpoint_seconds,
        restart=options.restart,
    )
    return training.train(lesson, card, recipe, run, watch)


def train_context(
    train: Stream,
    validation: Stream,
    config: ContextConfig,
    recipe: Paper | Modern,
    seed: int = 0,
    folder: Path | None = None,
    watch: Watch | None = None,
) -> Trained:
    """Train an n-NN, in batches of as many rows and steps as a recurrent network; the best epoch is kept.

    Raises ``InputError`` for a text that is too short.
    """
    digest = hashlib.sha256(train.ids.tobytes())
    digest.update(validation.ids.tobytes())
    lesson = Lesson(digest.hexdigest(), train, validation, None, recipe.rows, recipe.steps)
    options = {"network": dataclasses.asdict(config), "recipe": dataclasses.asdict(recipe), "seed": seed}
    return training.train(lesson, Card("context", config), recipe, Run(folder, options, seed), watch)


def recipe_of(options: TrainOptions) -> Paper | Modern:
    """The recipe with what the options change. Raises ``InputError`` for values that make no sense."""
    if options.recipe not in RECIPES:
        raise InputError(f"no recipe is called {options.recipe!r}; there are: {', '.join(RECIPES)}")
    changes = {
        name: value
        for name in ("epochs", "rows", "steps", "rate", "initial_range", "forget_bias", "patience")
        if (value := getattr(options, name)) is not None
    }
    recipe = dataclasses.replace(RECIPES[options.recipe](), **changes)
    if min(recipe.epochs, recipe.rows, recipe.steps) < 1 or recipe.rate <= 0:
        raise InputError(
            f"training needs at least one epoch, row and step and a rate above 0, not {recipe.epochs}, {recipe.rows}, "
            f"{recipe.steps} and {recipe.rate}"
        )
    return recipe


def _corpus(options: TrainOptions, recipe: Paper | Modern) -> TextCorpus:
    dialect = Dialect(options.encoding)
    whole = open_corpus(
        options.text, unit=options.unit, pattern=options.pattern, at_least=options.at_least, dialect=dialect
    )
    kind = options.split or ("documents" if whole.documents.files >= MANY_FILES else "contiguous")
    rows, steps = options.split_rows or recipe.rows, options.split_steps or recipe.steps
    split = Split(kind, "train", options.fractions, rows, steps)
    return TextCorpus(whole.documents, whole.name, split, whole.vocabulary)


def _comparable(options: TrainOptions) -> dict[str, Any]:
    """The options that change what comes out, as JSON holds them."""
    values = dataclasses.asdict(options)
    for name in ("out", "keep", "checkpoint_seconds", "restart"):
        del values[name]
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
