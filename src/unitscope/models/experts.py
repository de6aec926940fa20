"""Mixtures of experts: which experts a token goes to, with what weight, and every neuron inside them.

The library keeps all experts of a layer in two tensors and computes only those that a token is sent to, in a loop or in
a fused product. Neurons are computed again from the router's choice, and it is asserted that they make up what the
layer gives. An expert that a token is not sent to has the weight 0 and neurons of 0.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from unitscope.errors import InputError
from unitscope.models.edit import Bound
from unitscope.models.parity import ParityError
from unitscope.models.placement import at_hand
from unitscope.models.reader import Reader
from unitscope.models.site import Site
from unitscope.models.survey import Survey

_KEPT = ("has_gate", "has_bias", "is_transposed", "_apply_gate", "down_proj")
"""What every layer of experts of the library has."""


@dataclass(frozen=True)
class Experts:
    """Sites ``PATH.weights`` and ``PATH.neurons`` for every layer of experts of a ``PreTrainedModel``."""

    fingerprint: str = ""

    def readers(self, module: nn.Module, aliases: Mapping[str, str], seen: Survey) -> Sequence[Reader]:
        """One for each layer that runs once."""
        blocks = {name.rpartition(".")[0]: alias.rpartition(".")[0] for name, alias in aliases.items() if alias}
        found = []
        for path, child in module.named_modules():
            if all(hasattr(child, name) for name in _KEPT) and len(seen.few[path, "output"]) == 1:
                here = max((block for block in blocks if path.startswith(f"{block}.")), key=len, default="")
                found.append(ExpertReader(path, child, blocks.get(here, "")))
        return found


class ExpertReader:
    """One layer of experts. Its neurons can be read and not edited."""

    def __init__(self, path: str, module: Any, block: str) -> None:
        self._path = path
        self._module = module
        self._block = block
        self._compared = False
        inner = module.down_proj.shape[1 if module.is_transposed else 2]
        self._experts, self._inner = module.down_proj.shape[0], inner

    def sites(self) -> tuple[Site, ...]:
        names = {"weights": (self._experts, 0.0), "neurons": (self._experts * self._inner, float("-inf"))}
        alias = f"{self._block}.mlp.hook_expert_" if self._block else ""
        return tuple(
            Site(f"{self._path}.{stream}", units, low, alias=f"{alias}{stream}" if alias else "", kind="expert")
            for stream, (units, low) in names.items()
        )

    @contextmanager
    def reading(self, streams: Mapping[str, list[Tensor]], edits: Sequence[Bound], steps: int) -> Iterator[None]:
        """While open, each call adds its values, all steps end to end, to the lists.

        Raises ``InputError`` for an edit of them.
        """
        names = {site.name for site in self.sites()}
        if edited := [edit.site for edit in edits if edit.site in names]:
            raise InputError(f"{edited[0]} can be read and not edited; edit the router's logits or what the MLP adds")
        if not names & streams.keys():
            yield
            return

        def passed(_module: nn.Module, args: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
            told = dict(zip(("hidden_states", "top_k_index", "top_k_weights"), args, strict=False)) | named
            x = told["hidden_states"].flatten(0, -2)
            chosen, weights = (told[name].flatten(0, -2) for name in ("top_k_index", "top_k_weights"))
            if (found := streams.get(f"{self._path}.weights")) is not None:
                there = x.new_zeros(len(x), self._experts + 1, dtype=torch.float32)  # the last is no expert
                there.scatter_(1, chosen.clamp_max(self._experts), weights.float())
                found.append(there[None, :, : self._experts].contiguous())
            if (found := streams.get(f"{self._path}.neurons")) is not None:
                with at_hand(self._module):
                    neurons = self._neurons(x, chosen)
                    self._compare(neurons, chosen, weights, output)
                found.append(neurons.flatten(1)[None].float())

        hook = self._module.register_forward_hook(passed, with_kwargs=True)
        try:
            yield
        finally:
            hook.remove()

    def _neurons(self, x: Float[Tensor, "row into"], chosen: Int[Tensor, "row k"]) -> Float[Tensor, "row expert unit"]:
        """After the non-linearity, and times the other half where it is gated."""
        found = x.new_zeros(len(x), self._experts, self._inner)
        up = "gate_up_proj" if self._module.has_gate else "up_proj"
        for expert in chosen.unique().tolist():
            if expert < self._experts:
                rows = (chosen == expert).any(1).nonzero().flatten()
                before = self._map(up, expert, x[rows])
                act = self._module._apply_gate if self._module.has_gate else self._module.act_fn
                found[rows, expert] = act(before).to(found.dtype)
        return found

    def _map(self, name: str, expert: int, x: Tensor) -> Tensor:
        weight = getattr(self._module, name)[expert]
        bias = getattr(self._module, f"{name}_bias")[expert] if self._module.has_bias else None
        return F.linear(x, weight.t() if self._module.is_transposed else weight, bias)

    def _compare(self, neurons: Tensor, chosen: Tensor, weights: Tensor, output: Any) -> None:
        """Raises ``ParityError`` where the neurons do not make up what the experts give."""
        if self._compared:
            return
        given = (output[0] if isinstance(output, tuple) else output).flatten(0, -2)
        total = torch.zeros_like(given, dtype=torch.float32)
        for expert in chosen.unique().tolist():
            if expert < self._experts:
                weight = (weights * (chosen == expert)).sum(1)
                rows = weight.nonzero().flatten()
                down = self._map("down_proj", expert, neurons[rows, expert])
                total[rows] += (down * weight[rows, None].to(down)).float()
        difference = float((total - given.float()).abs().max())
        if not difference <= 256 * torch.finfo(given.dtype).eps * max(1.0, float(given.float().abs().max())):
            raise ParityError(
                f"{self._path}: the neurons of its experts do not make up what it gives ({difference:.1e} apart); read "
                "what its MLP adds instead"
            )
        self._compared = True
