"""A trained network on disk: a folder with ``config.json`` and ``model.safetensors``. Nothing is ever unpickled."""

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from unitscope.corpus.documents import Unit
from unitscope.corpus.splits import Split
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.networks.char import CharConfig, CharNet

SCHEMA = 1
KIND = "CharNet"
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
HISTORY = "history.json"
SHIPPED = Path(str(files("unitscope"))) / "assets" / "stdlib-lstm256"
"""The network that comes with the package, trained on the source of Python's standard library."""

Net = TypeVar("Net", bound=nn.Module)


@dataclass(frozen=True)
class Card:
    """What must be known to use a trained network again, and to make it again."""

    network: CharConfig
    vocabulary: Vocabulary
    unit: Unit
    """What a symbol is."""
    split: Split
    """Its ``train`` part was learnt from."""
    corpus: str
    """Name of the text."""
    corpus_fingerprint: str
    """SHA-256 of the whole text."""
    command: str = ""
    """Made it."""
    training: dict[str, Any] = field(default_factory=dict)
    """Options, recipe, losses by epoch, and versions of Python and PyTorch."""
    metrics: dict[str, int | float] = field(default_factory=dict)
    """Losses in nats and bits per symbol, by part of the text."""


def save(folder: Path, net: CharNet, card: Card) -> None:
    """Write the network; each file is replaced as a whole."""
    config = {
        "schema": SCHEMA,
        "kind": KIND,
        "network": asdict(card.network),
        "unit": card.unit,
        "vocabulary": list(card.vocabulary.symbols),
        "corpus": {"name": card.corpus, "fingerprint": card.corpus_fingerprint, "split": card.split.to_json()},
        "command": card.command,
        "training": card.training,
        "metrics": card.metrics,
    }
    write_network(folder, net, config)


def load(folder: Path) -> tuple[CharNet, Card]:
    """A network in evaluation mode, and its card.

    Raises ``InputError`` if there is none, if it is damaged or of another version, and for a pickle.
    """
    config = read_config(folder, (KIND,), SCHEMA, "unitscope train")
    card = _card(config, folder / CONFIG)
    return filled(CharNet(card.network), folder), card


def write_network(folder: Path, net: nn.Module, config: Mapping[str, Any]) -> None:
    """Weights and ``config.json``, which says kind and schema; each file is replaced as a whole."""
    make_folder(folder)
    save_tensors(folder / WEIGHTS, {name: value.detach().cpu() for name, value in net.state_dict().items()})
    save_json(folder / CONFIG, config)


def read_config(folder: Path, kinds: Collection[str], schema: int, command: str) -> dict[str, Any]:
    """What ``config.json`` says of a network of one of these kinds; ``command`` trains one.

    Raises ``InputError`` if there is none, if it is of another kind or version, and for a pickle.
    """
    refuse_pickle(folder)
    path = folder / CONFIG
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder} holds no network: {CONFIG} cannot be read ({error}); train one with {command}"
        ) from error
    config: dict[str, Any] = read if isinstance(read, dict) else {}
    kind = config.get("kind")
    if kind not in kinds:
        raise InputError(
            f"{path} describes {kind or 'something else'}, not {' or '.join(kinds)}; train one with {command}"
        )
    if config.get("schema") != schema:
        raise InputError(f"{path} has schema {config.get('schema')!r}; this version of unitscope reads {schema}")
    return config


def filled(net: Net, folder: Path) -> Net:
    """The network with the folder's weights, in evaluation mode. Raises ``InputError`` if they are another's."""
    tensors = load_tensors(folder / WEIGHTS)
    wanted = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in tensors.items()}
    if wanted != given:
        odd = sorted(name for name in wanted.keys() | given.keys() if wanted.get(name) != given.get(name))[0]
        raise InputError(
            f"{folder / WEIGHTS} does not fit {CONFIG}: {odd} has shape {given.get(odd)}, not {wanted.get(odd)}; "
            "the two files belong to different networks"
        )
    net.load_state_dict(tensors)
    net.eval()
    return net


def _card(config: Mapping[str, Any], path: Path) -> Card:
    try:
        vocabulary = Vocabulary(tuple(str(symbol) for symbol in config["vocabulary"]))
        network = CharConfig(**config["network"])
        if network.symbols != len(vocabulary) or config["unit"] not in ("bytes", "characters"):
            raise ValueError(f"{len(vocabulary)} symbols in {config['unit']!r} for a network of {network.symbols}")
        return Card(
            network=network,
            vocabulary=vocabulary,
            unit=config["unit"],
            split=Split.from_json(config["corpus"]["split"]),
            corpus=config["corpus"]["name"],
            corpus_fingerprint=config["corpus"]["fingerprint"],
            command=config["command"],
            training=config["training"],
            metrics=config["metrics"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged: {error!r}; copy it again or train the network again") from error


def refuse_pickle(path: Path) -> None:
    """Raises ``InputError`` if a path is a pickled network, or a folder that has nothing else, and says what to do."""
    pickles = (".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt")
    found = path if path.is_file() else None
    if path.is_dir() and not (path / WEIGHTS).exists():
        found = next((file for file in sorted(path.iterdir()) if file.suffix in pickles), None)
    if found is None or (found.suffix not in pickles and not _looks_pickled(found)):
        return
    raise InputError(
        f"{found} is a pickle, which can run any code when it is opened, so it is not read; convert it where you trust "
        "it: safetensors.torch.save_file(torch.load(path, weights_only=True), 'model.safetensors')"
    )


def _looks_pickled(path: Path) -> bool:
    """A pickle of protocol 2 or later, or the zip archive that ``torch.save`` makes.

    A safetensors file may begin with any byte, since it begins with a length; its ninth opens a JSON object.
    """
    with path.open("rb") as file:
        start = file.read(9)
    return start[8:] != b"{" and (start[:1] == b"\x80" or start[:4] == b"PK\x03\x04")


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file; an interruption leaves the old one. Raises ``InputError`` if the disk refuses."""
    # Not save_file: its files can be read by nobody else.
    _replace(path, to_bytes({name: value.contiguous() for name, value in tensors.items()}, dict(metadata or {})))


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file. Raises ``InputError`` if it is missing, truncated or something else."""
    refuse_pickle(path)
    try:
        return load_file(path)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; copy it again or train the network again") from error
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} is truncated or no safetensors file ({error}); copy it again") from error


def save_json(path: Path, value: Any) -> None:
    """Write a JSON file; an interruption leaves the old one. Raises ``InputError`` if the disk refuses."""
    _replace(path, (json.dumps(value, indent=1) + "\n").encode())


def make_folder(folder: Path) -> None:
    """Make a folder and those above it. Raises ``InputError`` if that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}; give another folder") from error


def kind_of(folder: Path) -> str | None:
    """Of which kind the network in a folder is; None where none is described."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return str(config.get("kind")) if isinstance(config, dict) else None


def refuse_foreign(folder: Path, kind: str = KIND) -> None:
    """Raises ``InputError`` if a folder holds a network that is not of this kind, which writing would destroy."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        foreign = (folder / WEIGHTS).exists()
    except (OSError, ValueError):
        foreign = False
    else:
        foreign = not isinstance(config, dict) or config.get("kind") != kind
    if foreign:
        raise InputError(f"{folder} holds another network, which would be lost; give another folder")


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"{path} cannot be written: {error.strerror}; what was there before is kept") from error
