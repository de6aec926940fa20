"""Trained networks as models whose units can be read."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from unitscope.corpus.batch import Batch
from unitscope.models.module import ModuleModel
from unitscope.models.site import Site
from unitscope.networks.card import Card, load
from unitscope.networks.kinds import KINDS
from unitscope.networks.seq2seq.model import Seq2SeqModel
from unitscope.networks.translating import Encoder


def model_of(net: Any, card: Card, name: str) -> ModuleModel:
    """The network as a model. Not for encoder–decoders of pairs, which are two: ``seq2seq.model``.

    A classifier's ``output.log_prob`` has one unit per class and is the same at every step; its loss stands at the last
    token. A translator's are those of the translation's symbols, and it reads ``Translations``.
    """
    match KINDS[card.kind].learns:
        case "translation":
            return ModuleModel(net, name=name, call=_translate, logits=_scores, fresh=lambda: made(card))
        case "classes":
            hooked = ("layers.?.output", "layers.?.linear1.output") if card.kind == "transformer" else None
            return ModuleModel(
                net, name=name, call=_classify, logits=_scores, classes=card.targets, hooked=hooked,
                fresh=lambda: made(card),
            )  # fmt: skip
        case _:
            return ModuleModel(net, name=name)


def encoder_model(net: Any, card: Card, name: str) -> ModuleModel:
    """A translator's encoder alone, over sentences that have no translation."""

    def encode(module: nn.Module, batch: Batch) -> Any:
        return module(batch.tokens, batch.lengths)

    def fresh() -> nn.Module:
        return Encoder(made(card))

    return ModuleModel(Encoder(net), name=name, call=encode, logits=lambda _: None, fresh=fresh)


def open_model(folder: Path, learns: tuple[str, ...] = tuple(KINDS)) -> tuple[ModuleModel, Card]:
    """A trained network as a model, and its card. Raises ``InputError`` as ``card.load`` does."""
    net, card = load(folder, learns)
    return model_of(net, card, folder.name), card


def sites_of(net: Any, card: Card, name: str) -> tuple[Site, ...]:
    """Sites of a network of any kind; attention of an encoder–decoder counts as one unit."""
    if card.kind == "seq2seq":
        return tuple(Seq2SeqModel(net, places=1, name=name).sites.values())
    return model_of(net, card, name).sites()


def made(card: Card) -> Any:
    """A network of this architecture with first weights from the global generator."""
    return KINDS[card.kind].make(card.network)


def reads_texts(card: Card) -> bool:
    """Whether its sequences are whole texts: those of a classifier, or the sentences of a translator."""
    return KINDS[card.kind].learns in ("classes", "translation")


def _classify(module: nn.Module, batch: Batch) -> Tensor:
    scores: Tensor = module(batch.tokens, batch.lengths)
    return scores.unsqueeze(1).expand(-1, batch.tokens.shape[1], -1)


def _scores(output: Tensor) -> Tensor:
    """Scores of each class or symbol, as the network was trained to predict them."""
    return output


def _translate(module: nn.Module, batch: Batch) -> Tensor:
    scores: Tensor = module(batch.tokens, batch.lengths, batch.targets)
    return scores
