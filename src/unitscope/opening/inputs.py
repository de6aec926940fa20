"""The model and the text that a command is about, and how to find them again."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from unitscope.corpus.chats import chat_corpus, is_chats, read_chats
from unitscope.corpus.corpus import Corpus
from unitscope.corpus.dialect import Dialect, Notes
from unitscope.corpus.documents import Unit
from unitscope.corpus.download import named
from unitscope.corpus.formats.which import holds_sentences
from unitscope.corpus.labelled import LabelledTexts, texts_of
from unitscope.corpus.open import open_corpus
from unitscope.corpus.opening import STANDARD_INPUT
from unitscope.corpus.passages import Passages
from unitscope.corpus.reading import Characters, Reading, Subwords
from unitscope.corpus.rows import split_name
from unitscope.corpus.sentence import Sentence
from unitscope.corpus.sentences import Sentences
from unitscope.corpus.splits import Part
from unitscope.corpus.subwords import SubwordCorpus
from unitscope.corpus.text import CONTEXT, LENGTH, TextCorpus
from unitscope.corpus.treebank import TreebankCorpus, read_treebank
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.files.jsons import read_json
from unitscope.models.building import MARK, build
from unitscope.models.hub import ADAPTER, PREFIX, chat_template, moved, open_adapted, open_transformer
from unitscope.models.module import ModuleModel
from unitscope.models.site import Site
from unitscope.models.transformers import BY_DEFAULT, longest
from unitscope.networks.card import Card, kind_of, load
from unitscope.networks.files import SHIPPED
from unitscope.networks.kinds import KINDS, kinds
from unitscope.networks.models import encoder_model, model_of
from unitscope.recording.known import INPUTS, is_known
from unitscope.recording.recording import Recording
from unitscope.source.live import Live
from unitscope.source.source import BATCH

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TEXTS = (*kinds("classes"), *kinds("translation"))
"""Networks that read whole texts."""
Read = TextCorpus | SubwordCorpus | TreebankCorpus | Passages | LabelledTexts
"""A text as a model reads it."""


@dataclass(frozen=True)
class Inputs:
    """A trained network and the text it reads, as the user named them; kept beside a recording."""

    model: str = SHIPPED.name
    text: tuple[str, ...] = ("stdlib",)
    part: str = ""
    """Which part of the text; empty for the test part of the network's own text, and for all of any other."""
    sequences: int = 0
    """How many sequences, spread evenly over the text; 0 for all."""
    length: int = LENGTH
    context: int = CONTEXT
    pattern: str = "*"
    stand_in: str = "?"
    """Read in place of a symbol of a treebank that the network does not know; empty to refuse it."""
    layouts: tuple[str, ...] = ()
    """``PATTERN=AXES``: the axes, in their order, of what the modules whose sites match give."""
    dialect: Dialect = field(default_factory=Dialect)
    """How the files are written."""
    device: str = ""
    """Where the model runs; empty for the processor, ``auto`` to split it over what there is."""
    weights: str = ""
    """A file with weights for what a function of the user's own builds; empty for those that it comes with."""
    precision: str = "auto"
    """Of the model's weights; ``auto`` for that of its files."""
    arguments: tuple[str, ...] = ()
    """``NAME=VALUE``, for a function of the user's own that builds the model."""

    @property
    def is_treebank(self) -> bool:
        """Whether the text is annotated sentences."""
        names = [file for name in self.text for file in [f.name for _, f in named(name)] or [name]]
        return bool(names) and all(holds_sentences(name, self.dialect) for name in names)

    @property
    def is_transformer(self) -> bool:
        """Whether the model is one of the Transformers library."""
        return self.model.startswith((PREFIX, ADAPTER))

    @property
    def is_own(self) -> bool:
        """Whether a function of the user's own builds the model."""
        return not self.is_transformer and MARK in self.model

    @property
    def reads_pairs(self) -> bool:
        """Whether the model is an encoder–decoder, which reads pairs and no text."""
        return not self.is_transformer and not self.is_own and kind_of(Path(self.model)) == "seq2seq"

    @property
    def reads_texts(self) -> bool:
        """Whether the model is a classifier or translator, whose sequences are whole texts."""
        return not self.is_transformer and not self.is_own and kind_of(Path(self.model)) in TEXTS

    def open(self) -> tuple[ModuleModel, Read]:
        """The model and the text as it reads it. Raises ``InputError`` if there is none or it cannot be read."""
        self._check_weights()
        if self.is_own:
            return self.open_treebank() if self.is_treebank else self._open_own()
        if self.reads_pairs:
            raise InputError(
                f"{self.model} is an encoder–decoder, which reads pairs and no text: record it, then unitscope "
                "analyze, compare and report take its recordings; labels of a text cannot be asked of it"
            )
        if self.reads_texts:
            return self.open_texts()
        if self.is_treebank:
            return self.open_treebank()
        if not self.is_transformer:
            model, card = self.open_model()
            return model, self.open_corpus(card)
        if self.part not in ("", "all"):
            raise InputError("a text of sub-words has no parts; give the part that is wanted as a file of its own")
        model, tokenizer = self.open_transformer()
        return model, self._subwords(model, tokenizer)

    def _subwords(self, model: ModuleModel, tokenizer: "Tokenizer") -> SubwordCorpus:
        """The text in the tokens of a tokenizer, as long as the model reads them where nobody says how long."""
        chats = [is_chats(name, self.dialect) for name in self.text]
        around = Subwords(tokenizer)
        special = 0 if all(chats) else len(around.before) + len(around.after)
        limit = _limit(model)
        length, context = self.length, self.context
        if limit is not None and length + context + special > limit:
            fitting = max(1, limit - limit // 4 - special), limit // 4
            if (length, context) != (LENGTH, CONTEXT):
                raise InputError(
                    f"{model.name} reads {limit} sub-words at a time, and {length} after {context} with special "
                    f"tokens are {length + context + special}; give, for example, --length {fitting[0]} --context "
                    f"{fitting[1]}"
                )
            length, context = fitting
        if not any(chats):
            text = open_corpus(self.text, unit="characters", pattern=self.pattern, dialect=self.dialect)
            return SubwordCorpus(text, tokenizer, length, context)
        if not all(chats) or not self.is_transformer:
            raise InputError(
                f"{self.text[chats.index(True)]} holds chats, which models of Transformers read (hf:FOLDER), by "
                "themselves and not among other texts; give those alone, or a column of texts, as TABLE:COLUMN"
            )
        notes = Notes()
        read = chain.from_iterable(read_chats(name, self.dialect, notes) for name in self.text)
        named = ", ".join(Path(name).name for name in self.text)
        template = chat_template(self.model.partition(":")[2])
        return chat_corpus(read, template, tokenizer, length, context, named)

    def _open_own(self) -> tuple[ModuleModel, Read]:
        """A model that a function of the user's builds, and the text as it says that the model reads it."""
        model, reads = self._built()
        if not isinstance(reads, Vocabulary):
            return model, self._subwords(model, reads)
        corpus = open_corpus(
            self.text, unit="characters", vocabulary=reads, length=self.length, context=self.context,
            pattern=self.pattern, dialect=self.dialect,
        )  # fmt: skip
        return model, corpus

    def _built(self) -> "tuple[ModuleModel, Vocabulary | Tokenizer]":
        """The same, where it has to read text."""
        model, reads = self._build()
        if reads is None:
            raise InputError(
                f"{self.model} does not say how its model reads text; return (model, tokenizer), or (model, symbols) "
                "with all symbols in the order of their numbers"
            )
        return model, reads

    def _build(self) -> "tuple[ModuleModel, Vocabulary | Tokenizer | None]":
        model, reads = build(self.model, self.arguments, self.device, self.precision, self.weights)
        return self._with_layouts(model), reads

    def live(self, batch_size: int = BATCH) -> Live:
        """The model over the text; another process can open the same, and so does who has a recording of it."""
        model, corpus = self.open()
        once = STANDARD_INPUT in self.text or any(Path(name).is_fifo() for name in self.text)  # read once and gone
        opened = None if once else asdict(self.placed())
        return Live(model, corpus, batch_size, sequences=self.chosen(corpus), opened=opened)

    def open_reading(self) -> tuple[ModuleModel, Reading]:
        """The model, and how it reads a text that somebody types. Raises ``InputError`` if there is none."""
        self._check_weights()
        if self.is_transformer or self.is_own:
            model, reads = self.open_transformer() if self.is_transformer else self._built()
            if not isinstance(reads, Vocabulary):
                return model, Subwords(reads, _limit(model))
            stand_in = self.stand_in if reads.unknown is None and self.stand_in in reads.ids else None
            return model, Characters(reads, "characters", stand_in)
        if kind_of(Path(self.model)) == "seq2seq":
            raise InputError(f"{self.model} is an encoder–decoder, which reads pairs and no text")
        model, card = self.open_text_network() if self.reads_texts else self.open_model()
        replaced = self.stand_in if card.vocabulary.unknown is None and self.stand_in in card.vocabulary.ids else None
        return model, Characters(card.vocabulary, card.unit, replaced, card.longest or None)

    def open_treebank(self) -> tuple[ModuleModel, TreebankCorpus | Passages]:
        """The model, and annotated sentences as it reads them: each after so many tokens of the same document."""
        if self.part not in ("", "all"):
            raise InputError("a treebank has no parts; give the file of the part that is wanted")
        notes = Notes()
        sentences = self._sentences(notes)
        name = ", ".join(Path(name).stem for name in self.text)
        self._check_weights()
        unit: Unit = "characters"
        reads: Vocabulary | Tokenizer
        if self.is_transformer or self.is_own:
            model, reads = self.open_transformer() if self.is_transformer else self._built()
        else:
            model, card = self.open_model()
            reads, unit = card.vocabulary, card.unit
        if not isinstance(reads, Vocabulary):
            return model, Passages(sentences, name, Subwords(reads, _limit(model)), self.context, notes=notes)
        missing = self.stand_in == Inputs.stand_in and self.stand_in not in reads.ids
        unknown = None if reads.unknown is not None or missing else self.stand_in or None
        return model, TreebankCorpus(sentences, name, unit, reads, self.context, unknown, notes)

    def _sentences(self, notes: Notes) -> Sequence[Sentence]:
        parts = (read_treebank(Path(name), self.dialect, notes) for name in self.text)
        return next(parts) if len(self.text) == 1 else Sentences(chain.from_iterable(parts))

    def open_texts(self) -> tuple[ModuleModel, LabelledTexts | Passages]:
        """A classifier, or the encoder of a translator, and texts: one a line, or the sentences of a treebank.

        Where every line begins with a class of the network, or a table or LABEL=FILE says it, texts have classes.
        """
        model, card = self.open_text_network()
        name = ", ".join(Path(name).name for name in self.text)
        notes = Notes()
        if self.is_treebank:
            sentences, reading = self._sentences(notes), Characters(card.vocabulary)
            return model, Passages(sentences, name, reading, longest=card.longest or None, notes=notes)
        classes = card.targets if KINDS[card.kind].learns == "classes" else ()
        texts, labels = texts_of(self.text, classes, replace(self.dialect, part=self.part), notes)
        return model, LabelledTexts(
            texts, labels if classes else (),
            name=name, vocabulary=card.vocabulary, classes=classes, longest=card.longest, notes=notes,
        )  # fmt: skip

    def open_text_network(self) -> tuple[ModuleModel, Card]:
        """A classifier, or the encoder of a translator."""
        folder = Path(self.model)
        net, card = load(folder, TEXTS)
        made = encoder_model if KINDS[card.kind].learns == "translation" else model_of
        return self._with_layouts(made(moved(net, self.device, self.precision), card, folder.name)), card

    def open_model(self) -> tuple[ModuleModel, Card]:
        """A network of unitscope's own. Raises ``InputError`` if there is none."""
        if self.is_transformer:
            raise InputError(f"this works on character-level networks, and {self.model} is one of Transformers")
        folder = SHIPPED if self.model == SHIPPED.name and not Path(self.model).exists() else Path(self.model)
        net, card = load(folder, kinds("text"))
        return self._with_layouts(ModuleModel(moved(net, self.device, self.precision), name=folder.name)), card

    def _check_weights(self) -> None:
        if self.weights and not self.is_own:
            raise InputError(
                f"{self.model} has weights of its own; --weights is for a function that builds a model, "
                "model.py:function"
            )

    def open_network(self) -> ModuleModel:
        """The model alone, of whatever kind. Raises ``InputError`` if there is none, and for an encoder–decoder."""
        self._check_weights()
        if self.is_transformer:
            return self.open_transformer()[0]
        if self.is_own:
            return self._build()[0]
        return self.open_text_network()[0] if self.reads_texts else self.open_model()[0]

    def open_transformer(self) -> tuple[ModuleModel, "Tokenizer"]:
        """A model of Transformers and its tokenizer. Raises ``InputError`` if there is none."""
        form, _, where = self.model.partition(":")
        opening = open_transformer if f"{form}:" == PREFIX else open_adapted
        model, tokenizer = opening(where, self.device, self.precision)
        return self._with_layouts(model), tokenizer

    def _with_layouts(self, model: ModuleModel) -> ModuleModel:
        """The model with the layouts that were told. Raises ``InputError`` for what is none, or fits nothing."""
        if not self.layouts:
            return model
        told = dict(text.partition("=")[::2] for text in self.layouts)
        if not all(told.values()):
            raise InputError(
                f"--layout is PATTERN=AXES, as in 'encoder.*.output=time batch unit', not {self.layouts[0]!r}"
            )
        model = model.with_layouts(told)
        model.sites()  # what does not fit is said before anything is read
        return model

    def open_corpus(self, card: Card) -> TextCorpus:
        """The text, in the symbols of the network. Raises ``InputError`` if it cannot be read so."""
        if self.part and self.part not in get_args(Part):
            raise InputError(f"no part of a text is called {self.part!r}; there are: {', '.join(get_args(Part))}")
        whole = open_corpus(
            self.text,
            unit=card.unit,
            split=card.split.of("all") if card.split else None,
            vocabulary=card.vocabulary,
            length=self.length,
            context=self.context,
            pattern=self.pattern,
            dialect=self.dialect,
        )
        own = self.text == (card.corpus,) or whole.documents.fingerprint == card.corpus_fingerprint
        part = self.part or ("test" if own else "all")
        return whole if part == "all" else whole.part(cast(Part, part))

    def chosen(self, corpus: Corpus) -> Sequence[int]:
        """The numbers of the sequences that are read."""
        if not 0 < self.sequences < len(corpus):
            return range(len(corpus))
        return [number * len(corpus) // self.sequences for number in range(self.sequences)]

    def placed(self) -> "Inputs":
        """The same by absolute paths."""
        prefix = next((form for form in (PREFIX, ADAPTER) if self.model.startswith(form)), "")
        place, mark, function = self.model.removeprefix(prefix).partition(MARK) if self.is_own else (
            self.model.removeprefix(prefix), "", "",
        )  # fmt: skip
        where = Path(f"{place}{mark.removesuffix(':')}")
        after = f":{function}" if mark else ""
        model = f"{prefix}{where.resolve()}{after}" if where.exists() else self.model
        text = tuple(
            str(Path(name).resolve()) if Path(name).exists() or split_name(name) else name for name in self.text
        )
        weights = str(Path(self.weights).resolve()) if self.weights else ""
        return replace(self, model=model, text=text, weights=weights)

    @classmethod
    def load(cls, folder: Path, device: str = "") -> "Inputs":
        """Inputs of a recording, to run on a device; by default on that of the recording.

        Raises ``InputError`` if it does not say, and where it was made by somebody else, who may name anything.
        """
        if not (folder / INPUTS).exists():
            raise InputError(
                f"{folder} does not say which network and text it was made from: the network was made in Python; "
                "record it anew by a name that opens it, unitscope record model.py:function TEXT"
            )
        inputs = read_json(folder / INPUTS, cls, "record it again", halves=True)  # in names of files
        ships = inputs.model == SHIPPED.name and not Path(inputs.model).exists() and inputs.text == cls.text
        if not ships and not is_known(folder, folder / INPUTS):
            raise InputError(
                f"{folder} was not made here, so the model that it names ({inputs.model}) and the text "
                f"({', '.join(inputs.text)}) are not opened; if you trust who made it, write: unitscope --trust …"
            )
        return replace(inputs, device=device or inputs.device)


def _limit(model: ModuleModel) -> int | None:
    """Tokens that a model of Transformers reads at most."""
    return longest(model.module) if hasattr(model.module, "config") else None


def of_recording(folder: Path, device: str = "") -> tuple[Recording, ModuleModel | None, Read | None, "Inputs | None"]:
    """The recording of a folder, the network and the text that it was made from, and how these are opened.

    All three are None where the recording names none, such as one of activations from elsewhere. Raises ``InputError``
    where they have changed since.
    """
    recording = Recording.open(folder)
    if not (folder / INPUTS).exists():
        return recording, None, None, None
    inputs = Inputs.load(folder, device)
    network, corpus = inputs.open()
    manifest = recording.manifest
    if (network.fingerprint, corpus.fingerprint) != (manifest.model.fingerprint, manifest.corpus.fingerprint):
        drawn = inputs.is_own and not inputs.weights
        seed = f" ({inputs.model} gives the same weights each time after torch.manual_seed, or by --weights)"
        changed = f"the network or the text of {folder} has changed since it was recorded{seed if drawn else ''}"
        raise InputError(f"{changed}; record it again")
    return recording, network, corpus, inputs


def by_default(sites: Sequence[Site]) -> list[str]:
    """The names of the sites that are recorded where none are asked for: everything inside, or of Transformers the
    residual stream, the heads' outputs and the MLP's neurons."""
    inside = [site for site in sites if site.kind != "prediction"]
    usual = [site for site in inside if any(fnmatchcase(site.alias, pattern) for pattern in BY_DEFAULT)]
    return [site.name for site in usual or inside]
