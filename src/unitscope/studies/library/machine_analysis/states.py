"""All states of a network over the examined pairs, and whether what is read is what the network computes."""

import copy
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.networks.seq2seq.decoder import recomputed
from unitscope.networks.seq2seq.halves import halves
from unitscope.networks.seq2seq.model import Seq2SeqModel
from unitscope.source.live import Live
from unitscope.studies.library.machine_analysis.zoo import Material

PARTS = ("encoder", "decoder")


@dataclass(frozen=True)
class States:
    """Values by site, for pairs that all have one length."""

    sites: dict[str, Float[Tensor, "pair step unit"]]

    def __getitem__(self, site: str) -> Float[Tensor, "pair step unit"]:
        return self.sites[site]


def sources(model: Seq2SeqModel, material: Material) -> dict[str, Live]:
    """Sites that are read, by part."""
    count = len(material.held_out)
    return {
        "encoder": Live(model.encoder, material.sources, batch_size=count),
        "decoder": Live(model.decoder, material.outputs, batch_size=count),
    }


def states(model: Seq2SeqModel, material: Material) -> States:
    """Every site of both parts, in one batch."""
    found: dict[str, Tensor] = {}
    for source in sources(model, material).values():
        (chunks,) = source.chunks([site.name for site in source.sites])
        for name, chunk in chunks.items():
            found[name] = chunk.activations.unflatten(0, (len(source.corpus), -1))
    return States(found)


@dataclass(frozen=True)
class Exactness:
    """Largest difference between recomputed hidden states and those of the network's own modules."""

    single: dict[str, float]
    """By part, in float32."""
    double: dict[str, float]
    """The same network in float64: what is left there is no rounding."""
    identical: bool
    """Whether the log probabilities are the same bit by bit, whatever is read."""


def exactness(model: Seq2SeqModel, material: Material) -> Exactness:
    """Check A1 on a trained network."""
    wide = Seq2SeqModel(copy.deepcopy(model.net).double(), places=model.places)
    output = material.outputs.batch(range(len(material.held_out)))
    plain = model.decoder.run(output, ["output.log_prob"])["output.log_prob"]
    every = [site.name for site in (*model.encoder.sites(), *model.decoder.sites())]
    read = model.decoder.run(output, every)["output.log_prob"]
    return Exactness(_differences(model, material), _differences(wide, material), torch.equal(plain, read))


def _differences(model: Seq2SeqModel, material: Material) -> dict[str, float]:
    numbers = range(len(material.held_out))
    batch, output = material.sources.batch(numbers), material.outputs.batch(numbers)
    fused = model.encoder.run(batch, ["encoder.hidden"])["encoder.hidden"]
    looped = model.encoder.run(batch, [site.name for site in model.encoder.sites()])["encoder.hidden"]
    half = halves(output, model.net.config.sources, model.net.config.symbols)
    with torch.inference_mode():
        memory = model.net.encode(half.sources, half.lengths)
        decoded = model.net.decode(memory, half.targets.shape[1], attend=half.attend)
        again = recomputed(model.net, memory.last, decoded)["hidden"]
    return {
        "encoder": float((fused - looped).abs().max()),
        "decoder": float((decoded.states[0] - again).abs().max()),
    }
