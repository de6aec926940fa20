"""A trained network in a folder: ``config.json`` says all that must be known of it, ``model.safetensors`` its weights.

One form for every kind of network. Nothing is ever unpickled, and no class is found by a name that a file gives, but
for those of ``kinds``.
"""

import dataclasses
import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unitscope.corpus.documents import Unit
from unitscope.corpus.splits import Split
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.files.writing import make_folder
from unitscope.models.bounded import shapes_in, sketch
from unitscope.models.pickles import refuse_pickle
from unitscope.networks.files import CONFIG, MEND, WEIGHTS, load_tensors, read_json, save_json, save_tensors
from unitscope.networks.kinds import KINDS

SCHEMA = 2


@dataclass(frozen=True)
class Card:
    """Card of a trained network: everything needed to use it, and to train it again."""

    kind: str
    """One of ``kinds``."""
    network: Any
    """The architecture: the dataclass of its kind."""
    symbols: tuple[str, ...] = ()
    """What it reads, by number."""
    targets: tuple[str, ...] = ()
    """What it writes, or the classes it tells apart; none for a language model, which writes what it reads."""
    unit: Unit = "characters"
    """What a symbol is."""
    longest: int = 0
    """Texts are cut after so many symbols; 0 for never."""
    split: Split | None = None
    """Of a text that was divided: its ``train`` part was learnt from."""
    corpus: str = ""
    """Name of what was learnt."""
    corpus_fingerprint: str = ""
    """Its hexadecimal SHA-256."""
    command: str = ""
    """Made it."""
    training: dict[str, Any] = field(default_factory=dict)
    """Options, recipe, losses by epoch, and versions of Python and PyTorch."""
    metrics: dict[str, int | float] = field(default_factory=dict)
    """By part of the data and score, for example ``test nats``."""

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(self.symbols)

    @property
    def history(self) -> list[dict[str, int | float]]:
        """One entry for each epoch: ``train`` and ``validation`` in nats, and what else is known."""
        return list(self.training.get("history", []))

    @property
    def options(self) -> dict[str, Any]:
        """Options of the training."""
        return dict(self.training.get("options", {}))

    def fresh(self, seed: int) -> Any:
        """A network with first weights drawn by a seed; the global generator stays as it is."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return KINDS[self.kind].make(self.network)


def save(folder: Path, net: nn.Module, card: Card) -> None:
    """Write the network; each file is replaced as a whole."""
    values = {item.name: getattr(card, item.name) for item in dataclasses.fields(card)}
    values |= {"network": dataclasses.asdict(card.network), "split": card.split.to_json() if card.split else None}
    make_folder(folder)
    save_tensors(folder / WEIGHTS, {name: value.detach().cpu() for name, value in net.state_dict().items()})
    save_json(folder / CONFIG, {"schema": SCHEMA, **values})


def load(folder: Path, kinds: Collection[str] = tuple(KINDS)) -> tuple[Any, Card]:
    """A network of its kind's class in evaluation mode, and its card.

    Raises ``InputError`` if there is none of these kinds, if it is damaged or of another version, and for a pickle.
    """
    card = read_card(folder, kinds)
    refuse_pickle(folder / WEIGHTS)
    given = shapes_in([folder / WEIGHTS], MEND)
    with _possible(folder / CONFIG):
        drawn = sketch(lambda: KINDS[card.kind].make(card.network), given)
    wanted = {name: tuple(value.shape) for name, value in drawn.state_dict().items()}
    if wanted != given:
        odd = sorted(name for name in wanted.keys() | given.keys() if wanted.get(name) != given.get(name))[0]
        raise InputError(
            f"{folder / WEIGHTS} does not fit {CONFIG}: {odd} has shape {given.get(odd)}, not {wanted.get(odd)}; "
            "the two files belong to different networks"
        )
    with _possible(folder / CONFIG):
        net = KINDS[card.kind].make(card.network)
    net.load_state_dict(load_tensors(folder / WEIGHTS))
    return net.eval(), card


@contextmanager
def _possible(path: Path) -> Iterator[None]:
    """Whatever a network cannot be made of, PyTorch's words for it are an ``InputError`` that names the file."""
    try:
        yield
    except InputError:
        raise
    except (ValueError, TypeError, ArithmeticError, RuntimeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} describes no network that can be ({reason}); {MEND}") from error


def read_card(folder: Path, kinds: Collection[str] = tuple(KINDS)) -> Card:
    """Card of a network's folder. Raises ``InputError`` as ``load`` does."""
    config = read_json(folder)
    path, kind = folder / CONFIG, str(config.get("kind") or "")
    if kind not in kinds:
        raise InputError(
            f"{path} describes {kind or 'something else'}, not {' or '.join(kinds)}; "
            f"train one with {' or '.join(sorted({KINDS[name].command for name in kinds}))}"
        )
    if config.pop("schema", None) != SCHEMA:
        raise InputError(f"{path} is of another version than {SCHEMA}; train the network again")
    try:
        shaped = {name: tuple(v) if isinstance(v, list) else v for name, v in config["network"].items()}
        lists = {name: tuple(str(symbol) for symbol in config[name]) for name in ("symbols", "targets")}
        split = None if config["split"] is None else Split.from_json(config["split"])
        card = Card(**{**config, **lists, "network": KINDS[kind].config(**shaped), "split": split})
        _check(card)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged: {error!r}; copy it again or train the network again") from error
    return card


def kind_of(folder: Path) -> str | None:
    """Kind of the network in a folder; None where none is described."""
    try:
        kind = read_json(folder).get("kind")
    except InputError:
        return None
    return kind if isinstance(kind, str) else None


def refuse_foreign(folder: Path, kind: str) -> None:
    """Raises ``InputError`` if a folder holds a network that is not of this kind, which writing would destroy."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        foreign = (folder / WEIGHTS).exists()
    except (OSError, ValueError):  # cut short while it was written
        foreign = False
    else:
        foreign = not isinstance(config, dict) or config.get("kind") != kind
    if foreign:
        raise InputError(f"{folder} holds another network, which would be lost; give another folder")


def _check(card: Card) -> None:
    """Raises ``ValueError`` for numbers of symbols that are not the network's."""
    told = {"symbols": len(card.targets if card.kind == "seq2seq" else card.symbols), "sources": len(card.symbols)}
    for name, known in told.items():
        if known and getattr(card.network, name, known) != known:
            raise ValueError(f"{known} {name} for a network of {getattr(card.network, name)}")
    card.vocabulary  # noqa: B018 - refuses symbols that occur twice
    if card.unit not in ("bytes", "characters"):
        raise ValueError(f"symbols are bytes or characters, not {card.unit!r}")
