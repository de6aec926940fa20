"""A trained encoder–decoder on disk: ``config.json`` and ``model.safetensors``. Nothing is ever unpickled."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from unitscope.corpus.pair_corpus import PairVocabulary
from unitscope.errors import InputError
from unitscope.networks.files import CONFIG, filled, kind_of, read_config, write_network
from unitscope.networks.seq2seq.network import Seq2SeqConfig, Seq2SeqNet

SCHEMA = 1
KIND = "Seq2SeqNet"


@dataclass(frozen=True)
class Seq2SeqCard:
    """What must be known to use a trained network again, and to make it again."""

    network: Seq2SeqConfig
    vocabulary: PairVocabulary
    data: str
    """Name of the pairs."""
    data_fingerprint: str
    """SHA-256 of the pairs that were trained on."""
    command: str = ""
    training: dict[str, Any] = field(default_factory=dict)
    """Options, versions, and losses by epoch."""
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    """By set of pairs: shares of right sequences and symbols, attention on the target, loss."""


def save(folder: Path, net: Seq2SeqNet, card: Seq2SeqCard) -> None:
    """Write the network; each file is replaced as a whole."""
    config = {
        "schema": SCHEMA,
        "kind": KIND,
        "network": asdict(card.network),
        "vocabulary": asdict(card.vocabulary),
        "data": {"name": card.data, "fingerprint": card.data_fingerprint},
        "command": card.command,
        "training": card.training,
        "scores": card.scores,
    }
    write_network(folder, net, config)


def is_seq2seq(folder: Path) -> bool:
    """Whether a folder holds an encoder–decoder."""
    return kind_of(folder) == KIND


def load(folder: Path) -> tuple[Seq2SeqNet, Seq2SeqCard]:
    """A network in evaluation mode, and its card.

    Raises ``InputError`` if there is none, if it is damaged or of another version, and for a pickle.
    """
    config = read_config(folder, (KIND,), SCHEMA, "unitscope train-seq2seq")
    card = _card(config, folder / CONFIG)
    return filled(Seq2SeqNet(card.network), folder), card


def _card(config: Mapping[str, Any], path: Path) -> Seq2SeqCard:
    try:
        vocabulary = PairVocabulary(
            *(tuple(str(s) for s in config["vocabulary"][side]) for side in ("sources", "targets"))
        )
        network = Seq2SeqConfig(**config["network"])
        if (network.sources, network.symbols) != (len(vocabulary.sources), len(vocabulary.targets)):
            raise ValueError("the network has other numbers of symbols than the vocabulary")
        return Seq2SeqCard(
            network=network,
            vocabulary=vocabulary,
            data=config["data"]["name"],
            data_fingerprint=config["data"]["fingerprint"],
            command=config["command"],
            training=config["training"],
            scores=config["scores"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged: {error!r}; copy it again or train the network again") from error
