"""An encoder–decoder as two models, one for the steps of the sources and one for those of the outputs.

``encoder`` is read over a ``SourceCorpus``, ``decoder`` over an ``OutputCorpus``. Edits may be on either side: a unit
of the encoder is silenced, and what it costs is read from the decoder's ``output.loss`` and ``output.correct``.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.errors import InputError
from unitscope.models.bind import bind, check_units
from unitscope.models.description import described
from unitscope.models.digest import architecture_and_weights
from unitscope.models.edit import Bound, Edit
from unitscope.models.recurrent import RecurrentReader
from unitscope.models.site import Site
from unitscope.networks.seq2seq.decoder import Edited, recomputed
from unitscope.networks.seq2seq.halves import Halves, halves
from unitscope.networks.seq2seq.network import Decoded, Memory, Seq2SeqNet

_ENCODER, _DECODER = "encoder.", "decoder."


class Seq2SeqModel:
    """``net`` with its two sides. ``places`` is the longest source, the number of units of ``decoder.attention``.

    The decoder runs freely, on what it writes; with ``forced`` it is fed the targets. Sites are ``encoder.STREAM`` and
    ``decoder.STREAM`` with the streams that PyTorch's documentation names, and ``decoder.attention``,
    ``decoder.context``, ``output.loss``, ``output.log_prob``, ``output.correct`` (1 where the most probable symbol is
    the target). Plain runs are those of the network bit by bit, whatever is read.
    """

    def __init__(self, net: Seq2SeqNet, *, places: int, name: str = "encoder–decoder", forced: bool = False) -> None:
        self.net = net
        self.places = places
        self.name = name
        self.forced = forced
        self._reader = RecurrentReader("encoder", net.encoder)
        self.encoder = Side(self, "encoder")
        self.decoder = Side(self, "decoder")

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of the architecture, every weight, and how the decoder is fed."""
        weights = architecture_and_weights(self.net)
        parts = [weights, repr(self.net.config), str(self.forced), str(self.places)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @cached_property
    def sites(self) -> dict[str, Site]:
        """All sites of both sides, by name."""
        units, symbols = self.net.config.units, self.net.config.symbols
        # One layer, so its number says nothing.
        encoder = [replace(site, name=_unnumbered(site.name)) for site in self._reader.sites()]
        inside = [replace(site, name=site.name.replace(_ENCODER, _DECODER)) for site in encoder]
        looks = [
            Site("decoder.attention", self.places, 0.0, 1.0, kind="pattern"),
            Site("decoder.context", units, -1.0, 1.0),
        ]
        output = [
            Site("output.loss", 1, low=0.0, kind="prediction"),
            Site("output.log_prob", symbols, high=0.0, kind="prediction"),
            Site("output.correct", 1, 0.0, 1.0, kind="prediction"),
        ]
        before = self.net.config.attention == "pre-rnn"
        return {site.name: site for site in [*encoder, *(looks + inside if before else inside + looks), *output]}

    def run(self, batch: Batch, read: Sequence[str], edits: Sequence[Bound]) -> dict[str, Tensor]:
        """Sites of the encoder at the steps of the source, all others at those of the output, zeros elsewhere."""
        config = self.net.config
        half = halves(batch, config.sources, config.symbols)
        if half.sources.shape[1] > self.places:
            raise InputError(
                f"{self.name} was opened for sources of {self.places} symbols and is given {half.sources.shape[1]}; "
                "open it with more places"
            )
        was_training = self.net.training
        self.net.eval()
        try:
            with torch.inference_mode():
                memory, streams = self._encode(half, read, edits)
                if any(not name.startswith(_ENCODER) for name in read):
                    streams |= self._decode(half, memory, read, edits)
        finally:
            self.net.train(was_training)
        lengths, time = half.lengths, batch.tokens.shape[1]
        return {
            name: _over(streams[name], time, None if name.startswith(_ENCODER) else lengths, half.steps)
            for name in read
        }

    def _encode(
        self, half: Halves, read: Sequence[str], edits: Sequence[Bound]
    ) -> tuple[Memory, dict[str, Float[Tensor, "batch place _"]]]:
        held = [replace(edit, site=_numbered(edit.site)) for edit in edits if edit.site.startswith(_ENCODER)]
        found: dict[str, list[Tensor]] = {_numbered(name): [] for name in read if name.startswith(_ENCODER)}
        memory = None if held else self.net.encode(half.sources, half.lengths)
        if found or memory is None:
            with self._reader.reading(found, held, half.sources.shape[1]):
                again = self.net.encode(half.sources, half.lengths)
            memory = memory or again
        return memory, {_unnumbered(name): parts[0] for name, parts in found.items()}

    def _decode(
        self, half: Halves, memory: Memory, read: Sequence[str], edits: Sequence[Bound]
    ) -> dict[str, Float[Tensor, "batch step _"]]:
        held: dict[str, list[Bound]] = {}
        for edit in edits:
            if edit.site.startswith(_DECODER):
                held.setdefault(edit.site.removeprefix(_DECODER), []).append(edit)
        count = half.targets.shape[1]
        if not count:
            raise InputError("this batch has no outputs to write; read the decoder over an OutputCorpus")
        fed = half.fed if self.forced else None
        inside = Edited(self.net, held, lambda values: _outputs(values, half)) if held else None
        start = inside.started(memory.last) if inside else memory.last
        decoded = self.net.decode(memory, count, fed, half.attend, inside, start)
        streams = {"decoder.attention": self._padded(decoded.attention), "decoder.context": decoded.context}
        streams |= {f"decoder.{name}": part for name, part in zip(("hidden", "cell"), decoded.states, strict=False)}
        gates = {name for name in read if name.startswith(_DECODER)} - streams.keys()
        if gates:
            layer = inside.streams if inside else recomputed(self.net, start, decoded)
            streams |= {name: layer[name.removeprefix(_DECODER)] for name in gates}
        return streams | _predictions(decoded, half)

    def _padded(self, attention: Tensor) -> Tensor:
        return F.pad(attention, (0, self.places - attention.shape[2]))


@dataclass(frozen=True, eq=False)
class Side:
    """One side as a ``Model``: its sites are those that have values at the steps of its corpus."""

    whole: Seq2SeqModel
    side: Literal["encoder", "decoder"]

    @property
    def name(self) -> str:
        return f"{self.whole.name}, {self.side}"

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self.whole.fingerprint} {self.side}".encode()).hexdigest()

    @property
    def device(self) -> torch.device:
        return next(self.whole.net.parameters()).device

    @property
    def checked(self) -> None:
        """Nothing has to be found out: the network is one of the project's own, and its laws are tests."""

    def sites(self) -> tuple[Site, ...]:
        """Sites that can be read over the corpus of this side."""
        inside = self.side == "encoder"
        return tuple(site for site in self.whole.sites.values() if site.name.startswith(_ENCODER) == inside)

    def editable(self) -> tuple[Site, ...]:
        """Sites that can be edited: for the decoder the encoder's too."""
        return self.sites() if self.side == "encoder" else tuple(self.whole.sites.values())

    def run(self, batch: Batch, read: Sequence[str], edits: Sequence[Edit | Bound] = ()) -> dict[str, Tensor]:
        """Activations of the named sites, each ``[batch time unit]``; reading never changes the outputs.

        Raises ``InputError`` for a site or unit that does not exist, and for a batch of something else than pairs.
        """
        for name in read:
            if name not in self.whole.sites:
                raise InputError(f"{self.name} has no site {name!r}; there are: {', '.join(self.whole.sites)}")
        check_units(edits, self.editable())
        return self.whole.run(batch, read, bind(edits, self, batch))

    def untrained(self, seed: int) -> "Side":
        """The same side of a network with fresh weights."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = Seq2SeqNet(self.whole.net.config).to(self.device).eval()
        name = f"{self.whole.name} (untrained, seed {seed})"
        twin = Seq2SeqModel(net, places=self.whole.places, name=name, forced=self.whole.forced)
        return twin.encoder if self.side == "encoder" else twin.decoder

    def describe(self) -> dict[str, str]:
        """Name, layers, size, and how the decoder is fed."""
        reads = "the targets" if self.whole.forced else "what it wrote"
        weights = architecture_and_weights(self.whole.net)[:16]
        return {**described(self.whole.net, self.name), "weights": weights, "decoder reads": reads}


def _numbered(name: str) -> str:
    path, stream = name.rsplit(".", 1)
    return f"{path}.0.{stream}"


def _unnumbered(name: str) -> str:
    return name.replace(".0.", ".", 1)


def _outputs(values: Shaped[Tensor, "batch time ..."], half: Halves) -> Shaped[Tensor, "batch step ..."]:
    """Values for the steps of a batch, at the steps of its outputs."""
    step = torch.arange(half.targets.shape[1], device=values.device)
    place = (half.lengths[:, None] + step).clamp(max=values.shape[1] - 1)
    return values[torch.arange(len(values), device=values.device)[:, None], place]


def _over(
    values: Float[Tensor, "batch step unit"], time: int, first: Tensor | None, steps: Tensor
) -> Float[Tensor, "batch time unit"]:
    """The steps of one side at their places in the batch; ``first`` is where the outputs begin."""
    if first is None:
        return F.pad(values, (0, 0, 0, time - values.shape[1]))
    whole = values.new_zeros(values.shape[0], time, values.shape[2])
    row, step = torch.nonzero(torch.arange(values.shape[1], device=values.device) < steps[:, None], as_tuple=True)
    whole[row, first[row] + step] = values[row, step]
    return whole


def _predictions(decoded: Decoded, half: Halves) -> dict[str, Float[Tensor, "batch step _"]]:
    log_prob = F.log_softmax(decoded.logits, dim=-1)
    loss = F.nll_loss(log_prob.flatten(0, 1), half.targets.flatten(), ignore_index=-1, reduction="none")
    return {
        "output.log_prob": log_prob,
        "output.loss": loss.view(*half.targets.shape, 1),
        "output.correct": (decoded.written == half.targets).to(log_prob).unsqueeze(2),
    }
