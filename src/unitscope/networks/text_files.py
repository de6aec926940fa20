"""Trained classifiers and translators on disk: a folder with ``config.json`` and ``model.safetensors``."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from unitscope.corpus.batch import Batch
from unitscope.corpus.documents import Unit
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.models.module import ModuleModel
from unitscope.networks.bytenet import SIZES as BYTENET_SIZES
from unitscope.networks.bytenet import ByteNet, ByteNetConfig, ByteNetEncoder
from unitscope.networks.files import CONFIG, SCHEMA, filled, kind_of, read_config, write_network
from unitscope.networks.sentence_nets import SIZES as SENTENCE_SIZES
from unitscope.networks.sentence_nets import SentenceConfig, sentence_net
from unitscope.networks.vdcnn import SIZES as VDCNN_SIZES
from unitscope.networks.vdcnn import VDCNN, VDCNNConfig

Config = VDCNNConfig | SentenceConfig | ByteNetConfig


@dataclass(frozen=True)
class Kind:
    """How a network of one kind is made."""

    config: Callable[..., Config]
    make: Callable[[Any], nn.Module]
    sizes: dict[str, dict[str, object]]


KINDS = {
    "vdcnn": Kind(VDCNNConfig, VDCNN, VDCNN_SIZES),
    "lstm": Kind(SentenceConfig, sentence_net, SENTENCE_SIZES),
    "gru": Kind(SentenceConfig, sentence_net, SENTENCE_SIZES),
    "transformer": Kind(SentenceConfig, sentence_net, SENTENCE_SIZES),
    "bytenet": Kind(ByteNetConfig, ByteNet, BYTENET_SIZES),
}


@dataclass(frozen=True)
class TextCard:
    """What must be known to use a trained network again, and to make it again."""

    kind: str
    network: Config
    vocabulary: Vocabulary
    targets: tuple[str, ...]
    """Classes, or the symbols of the translation."""
    unit: Unit = "characters"
    longest: int = 0
    """Texts are cut after so many symbols; 0 for never."""
    corpus: str = ""
    corpus_fingerprint: str = ""
    """SHA-256 of the training texts."""
    command: str = ""
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def translates(self) -> bool:
        return self.kind == "bytenet"


def save(folder: Path, net: nn.Module, card: TextCard) -> None:
    """Write the network; each file is replaced as a whole."""
    values = {item.name: getattr(card, item.name) for item in dataclasses.fields(card)}
    values |= {"network": dataclasses.asdict(card.network), "vocabulary": list(card.vocabulary.symbols)}
    write_network(folder, net, {"schema": SCHEMA, **values})


def holds_text_network(folder: Path) -> bool:
    """Whether a folder says that it holds a classifier or translator."""
    return kind_of(folder) in KINDS


def load(folder: Path) -> tuple[nn.Module, TextCard]:
    """A network in evaluation mode, and its card.

    Raises ``InputError`` if there is none, if it is damaged or of another version, and for a pickle.
    """
    config = read_config(folder, KINDS, SCHEMA, "unitscope train-classifier or train-translator")
    try:
        shaped = {k: tuple(v) if isinstance(v, list) else v for k, v in config["network"].items()}
        card = TextCard(
            **{
                **{key: value for key, value in config.items() if key != "schema"},
                "network": KINDS[config["kind"]].config(**shaped),
                "vocabulary": Vocabulary(tuple(config["vocabulary"])),
                "targets": tuple(config["targets"]),
            }
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{folder / CONFIG} is damaged: {error!r}; copy it again or train the network again"
        ) from error
    return filled(KINDS[card.kind].make(card.network), folder), card


def text_model(net: nn.Module, card: TextCard, name: str) -> ModuleModel:
    """The network as a model whose units can be read.

    A classifier's ``output.log_prob`` has one unit per class and is the same at every step; its loss stands at the last
    token. A translator's are those of the translation's symbols, and it reads ``Translations``.
    """
    if isinstance(net, ByteNet):
        return ModuleModel(net, name=name, call=_translate, fresh=lambda: _fresh(card))
    hooked = ("layers.?.output", "layers.?.linear1.output") if card.kind == "transformer" else None
    return ModuleModel(net, name=name, call=_classify, hooked=hooked, fresh=lambda: _fresh(card))


def encoder_model(net: ByteNet, card: TextCard, name: str) -> ModuleModel:
    """A translator's encoder alone, over sentences that have no translation."""

    def encode(module: nn.Module, batch: Batch) -> Any:
        return module(batch.tokens, batch.lengths)

    def fresh() -> nn.Module:
        return ByteNetEncoder(cast(ByteNet, _fresh(card)))

    return ModuleModel(ByteNetEncoder(net), name=name, call=encode, logits=lambda _: None, fresh=fresh)


def open_text_model(folder: Path) -> tuple[ModuleModel, TextCard]:
    """What ``load`` gives, as a model."""
    net, card = load(folder)
    return text_model(net, card, folder.name), card


def _classify(module: nn.Module, batch: Batch) -> Tensor:
    scores: Tensor = module(batch.tokens, batch.lengths)
    return scores.unsqueeze(1).expand(-1, batch.tokens.shape[1], -1)


def _translate(module: nn.Module, batch: Batch) -> Tensor:
    scores: Tensor = module(batch.tokens, batch.lengths, batch.targets)
    return scores


def _fresh(card: TextCard) -> nn.Module:
    return KINDS[card.kind].make(card.network)


def fresh_net(card: TextCard, seed: int) -> nn.Module:
    """A network with first weights drawn by a seed; the global generator stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _fresh(card)
