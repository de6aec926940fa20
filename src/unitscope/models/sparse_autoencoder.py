"""Latents of a sparse autoencoder as the units of a site, from a folder as SAELens writes it.

A latent can be edited too: what its change decodes to is added to the activations that it was computed from, so that
the part of them that the autoencoder does not explain stays as it is.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from unitscope.errors import InputError
from unitscope.models.edit import Bound
from unitscope.models.hooks import Tap, discover, tapped
from unitscope.models.reader import Reader
from unitscope.models.site import Site
from unitscope.models.survey import Survey

ARCHITECTURES = ("standard", "topk", "jumprelu", "gated")
NORMALIZATIONS = ("none", "layer_norm", "constant_norm_rescale")


@dataclass(frozen=True, eq=False)
class SparseAutoencoder:
    """The weights, under SAELens's names, and how they are used.

    z = act((x − b_dec) W_enc + b_enc), with or without b_dec; act keeps the ``k`` largest (topk), what is above a
    ``threshold`` (jumprelu), or what a second bias opens (gated); Bricken et al. 2023, Gao et al. 2024, Rajamanoharan
    et al. 2024.
    """

    site: str
    """The name or alias of the site that it reads."""
    architecture: str
    weights: Mapping[str, Tensor]
    k: int = 0
    subtracts: bool = True
    """Whether b_dec is taken away from the input."""
    normalization: str = "none"

    @property
    def latents(self) -> int:
        return self.weights["W_enc"].shape[1]

    @property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(
            f"{self.site} {self.architecture} {self.k} {self.subtracts} {self.normalization}".encode()
        )
        for name, weight in sorted(self.weights.items()):
            digest.update(name.encode() + weight.contiguous().flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def encode(self, x: Float[Tensor, "*steps unit"]) -> Float[Tensor, "*steps latent"]:
        """What the latents are for these activations."""
        w = {name: weight.to(x) for name, weight in self.weights.items()}
        mean, scale = self._norm(x)
        x = (x - mean) / scale
        if self.subtracts:
            x = x - w["b_dec"]
        if self.architecture == "gated":
            opened = x @ w["W_enc"] + w["b_gate"] > 0
            return (x @ (w["W_enc"] * w["r_mag"].exp()) + w["b_mag"]).relu() * opened
        z = x @ w["W_enc"] + w["b_enc"]
        if self.architecture == "jumprelu":
            return z.relu() * (z > w["threshold"])
        if self.architecture == "topk":
            top = z.topk(self.k, dim=-1)
            return torch.zeros_like(z).scatter(-1, top.indices, top.values.relu())
        return z.relu()

    def decoded(
        self, change: Float[Tensor, "*steps latent"], x: Float[Tensor, "*steps unit"]
    ) -> Float[Tensor, "*steps unit"]:
        """What a change of latents changes in the activations."""
        _, scale = self._norm(x)
        return change @ self.weights["W_dec"].to(change) * scale

    def _norm(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What is taken away and divided by before encoding."""
        if self.normalization == "layer_norm":
            return x.mean(-1, keepdim=True), x.std(-1, keepdim=True) + 1e-5
        if self.normalization == "constant_norm_rescale":
            return x.new_zeros(1), x.norm(dim=-1, keepdim=True) / math.sqrt(x.shape[-1])
        return x.new_zeros(1), x.new_ones(1)

    def readers(self, module: nn.Module, aliases: Mapping[str, str], seen: Survey) -> Sequence[Reader]:
        """The one that reads the latents. Raises ``InputError`` for a site that is not there or has other units."""
        name = next((name for name, alias in aliases.items() if alias == self.site), self.site)
        (base,) = discover(module, [name], (), seen)
        (tap,) = base.taps
        if tap.site.units != self.weights["W_enc"].shape[0]:
            raise InputError(
                f"the autoencoder reads {self.weights['W_enc'].shape[0]} units and {self.site} has {tap.site.units}; "
                "it was trained on another model"
            )
        alias = f"{self.site}.hook_sae_acts_post"
        site = Site(f"{name}.latents", self.latents, low=0.0, alias=alias, kind="latent")
        return (LatentReader(base.module, tap, self, site),)


def open_autoencoder(folder: str | Path) -> SparseAutoencoder:
    """From ``cfg.json`` and ``sae_weights.safetensors``; use it as ``model.with_extras(open_autoencoder(folder))``.

    Raises ``InputError`` for a folder without them, and for a kind of autoencoder that is not known.
    """
    folder = Path(folder)
    try:
        config = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))
        weights = {name: weight.float() for name, weight in load_file(folder / "sae_weights.safetensors").items()}
        told = {**config, **config.get("meta", {}), **config.get("metadata", {})}
        architecture, k = _architecture(config)
        hook = told.get("hook_name") or told.get("hook_point")
        normalization = config.get("normalize_activations") or "none"
    except (OSError, ValueError, AttributeError, TypeError, SafetensorError) as error:
        raise InputError(
            f"{folder} holds no sparse autoencoder ({error}); give a folder with cfg.json and sae_weights.safetensors"
        ) from error
    if architecture not in ARCHITECTURES:
        raise InputError(f"{folder}: the architecture {architecture!r} is not one of {', '.join(ARCHITECTURES)}")
    if normalization not in NORMALIZATIONS or config.get("rescale_acts_by_decoder_norm"):
        raise InputError(
            f"{folder}: its input is normalised ({normalization}) by what the folder does not say; fold it in"
        )
    needed = {"W_enc", "W_dec", "b_dec"} | {
        "gated": {"b_gate", "b_mag", "r_mag"},
        "jumprelu": {"b_enc", "threshold"},
    }.get(architecture, {"b_enc"})
    if missing := needed - weights.keys():
        raise InputError(f"{folder}/sae_weights.safetensors lacks {', '.join(sorted(missing))}")
    if not hook:
        raise InputError(f"{folder}/cfg.json does not say which site it reads (hook_name)")
    subtracts = bool(config.get("apply_b_dec_to_input", True))
    return SparseAutoencoder(hook, architecture, weights, k, subtracts, normalization)


def _architecture(config: Mapping[str, Any]) -> tuple[str, int]:
    """Its name, and how many latents are kept; older files call the latter an activation function."""
    if config.get("activation_fn_str", config.get("activation_fn")) == "topk":
        return "topk", int((config.get("activation_fn_kwargs") or {})["k"])
    name = str(config.get("architecture", "standard"))
    return name, int(config["k"]) if name == "topk" else 0


class LatentReader:
    """Reads the latents from what a module gives, and edits them there."""

    def __init__(self, module: nn.Module, tap: Tap, autoencoder: SparseAutoencoder, site: Site) -> None:
        self._module = module
        self._tap = tap
        self._autoencoder = autoencoder
        self._site = site

    def sites(self) -> tuple[Site, ...]:
        return (self._site,)

    @contextmanager
    def reading(self, streams: Mapping[str, list[Tensor]], edits: Sequence[Bound], steps: int) -> Iterator[None]:
        """While open, each call of the module adds the latents, ``[batch time latent]``, to the list."""
        mine = [edit for edit in edits if edit.site == self._site.name]
        stream = streams.get(self._site.name)
        if stream is None and not mine:
            yield
            return

        def through(tap: Tap, tensor: Tensor, call: int) -> Tensor:
            x = tap.steps(tensor)
            latents = self._autoencoder.encode(x)
            if mine:
                changed = latents.clone()
                tap.edit(changed, call, mine)
                tensor = tensor.clone()
                steps = tap.axes.ordered(tensor)
                steps.add_(self._autoencoder.decoded(changed - latents, x).to(tensor.dtype))
                tap.axes.put_back(steps, tensor)
                latents = changed
            if stream is not None:
                stream.append(latents)
            return tensor

        with tapped(self._module, [self._tap], through):
            yield
