"""Latents of a sparse autoencoder, or of a transcoder, as the units of a site, from a folder as SAELens writes it.

An autoencoder reads and writes one site; a transcoder reads one, such as what goes into an MLP, and writes another,
such as what comes out of it (Dunefsky, Chlenski & Nanda 2024). A latent can be edited too: what its change decodes to
is added to the activations that are written, so that the part of them that the latents do not explain stays as it is.
Weights are read when they are first needed, so autoencoders of all layers can be at hand.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from torch import Tensor, nn

from unitscope.errors import InputError
from unitscope.files.digest import digest, digest_of
from unitscope.files.tensors import open_tensors
from unitscope.models.edit import Bound
from unitscope.models.hooks import Tap, discover, tapped
from unitscope.models.reader import Reader
from unitscope.models.site import Site
from unitscope.models.survey import Survey

ARCHITECTURES = ("standard", "topk", "jumprelu", "gated")
TRANSCODERS = {
    "transcoder": "standard",
    "skip_transcoder": "standard",
    "jumprelu_transcoder": "jumprelu",
    "jumprelu_skip_transcoder": "jumprelu",
}
"""By the name of each kind, how its latents are computed. What it skips past them no latent changes."""
NORMALIZATIONS = ("none", "layer_norm", "constant_norm_rescale")


class Weights(Mapping[str, Tensor]):
    """The tensors of a file as float32, each read when it is first asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with open_tensors(path) as file:
            names = file.keys()
            self.shapes: dict[str, tuple[int, ...]] = {n: tuple(file.get_slice(n).get_shape()) for n in names}
        self._read: dict[str, Tensor] = {}

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._read:
            if name not in self.shapes:
                raise KeyError(name)
            with open_tensors(self.path) as file:
                self._read[name] = file.get_tensor(name).float()
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)


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
    weights: Weights
    k: int = 0
    subtracts: bool = True
    """Whether b_dec is taken away from the input."""
    normalization: str = "none"
    writes: str = ""
    """The name or alias of the site that a transcoder writes; empty for that which is read."""

    @property
    def latents(self) -> int:
        return self.weights.shapes["W_enc"][1]

    @cached_property
    def fingerprint(self) -> str:
        kind = [self.site, self.writes, self.architecture, self.k, self.subtracts, self.normalization]
        return digest(f"{kind} {digest_of(self.weights.path)}".encode())

    def encode(self, x: Float[Tensor, "*steps unit"]) -> Float[Tensor, "*steps latent"]:
        """Latents for these activations."""
        used = ("W_enc", "b_enc", "b_dec", "threshold", "b_gate", "b_mag", "r_mag")
        w = {name: self.weights[name].to(x) for name in used if name in self.weights}
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
        """Change of the written activations that a change of latents makes."""
        decoded = change @ self.weights["W_dec"].to(change)
        return decoded if self.writes else decoded * self._norm(x)[1]

    def _norm(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Offset and scale that are removed before encoding."""
        if self.normalization == "layer_norm":
            return x.mean(-1, keepdim=True), x.std(-1, keepdim=True) + 1e-5
        if self.normalization == "constant_norm_rescale":
            return x.new_zeros(1), x.norm(dim=-1, keepdim=True) / math.sqrt(x.shape[-1])
        return x.new_zeros(1), x.new_ones(1)

    def readers(self, module: nn.Module, aliases: Mapping[str, str], seen: Survey) -> Sequence[Reader]:
        """The one that reads the latents. Raises ``InputError`` for a site that is not there or has other units."""
        read, name, tap = _found(module, self.site, self.weights.shapes["W_enc"][0], "reads", aliases, seen)
        written = None
        if self.writes:
            writer, _, into = _found(module, self.writes, self.weights.shapes["W_dec"][1], "writes", aliases, seen)
            written = writer, into
        alias = f"{self.site}.hook_sae_acts_post"
        site = Site(f"{name}.latents", self.latents, low=0.0, alias=alias, kind="latent")
        return (LatentReader(read, tap, self, site, written),)


def _found(
    module: nn.Module, site: str, units: int, what: str, aliases: Mapping[str, str], seen: Survey
) -> tuple[nn.Module, str, Tap]:
    """The module that has a site, the site's own name, and where its values pass."""
    name = next((name for name, alias in aliases.items() if alias == site), site)
    (base,) = discover(module, [name], (), seen)
    (tap,) = base.taps
    if tap.site.units != units:
        raise InputError(
            f"the autoencoder {what} {units} units and {site} has {tap.site.units}; it was trained on another model"
        )
    return base.module, name, tap


def open_autoencoders(folder: str | Path) -> tuple[SparseAutoencoder, ...]:
    """Those of all folders inside one, such as of all layers, by name; use them as
    ``model.with_extras(*open_autoencoders(folder))``. Raises ``InputError`` for a folder with none.
    """
    found = sorted(path.parent for path in Path(folder).glob("*/cfg.json"))
    if not found:
        raise InputError(f"{folder} holds no folders with a cfg.json; give the folder above those of each autoencoder")
    return tuple(map(open_autoencoder, found))


def open_autoencoder(folder: str | Path, reads: str = "", writes: str = "") -> SparseAutoencoder:
    """From ``cfg.json`` and ``sae_weights.safetensors``; use it as ``model.with_extras(open_autoencoder(folder))``.

    ``reads`` and ``writes`` are the sites where a model has them under other names than the folder says. Raises
    ``InputError`` for a folder without them, and for a kind of autoencoder that is not known.
    """
    folder = Path(folder)
    try:
        config = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))
        weights = Weights(folder / "sae_weights.safetensors")
        told = {**config, **config.get("meta", {}), **config.get("metadata", {})}
        architecture, k = _architecture(config)
        hook = reads or told.get("hook_name") or told.get("hook_point")
        into = writes or told.get("hook_name_out") or told.get("hook_point_out") or ""
        normalization = config.get("normalize_activations") or "none"
    except (OSError, ValueError, AttributeError, TypeError, SafetensorError) as error:
        raise InputError(
            f"{folder} holds no sparse autoencoder ({error}); give a folder with cfg.json and sae_weights.safetensors"
        ) from error
    is_transcoder = architecture in TRANSCODERS or bool(into)
    if architecture not in (*ARCHITECTURES, *TRANSCODERS):
        known = ", ".join((*ARCHITECTURES, *TRANSCODERS))
        raise InputError(f"{folder}: the architecture {architecture!r} is not one of {known}")
    architecture = TRANSCODERS.get(architecture, architecture)
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
    if not hook or (is_transcoder and not into):
        lacks, given = ("writes (hook_name_out)", "writes") if hook else ("reads (hook_name)", "reads")
        raise InputError(
            f"{folder}/cfg.json does not say which site it {lacks}; say so: open_autoencoder(folder, {given}=…)"
        )
    subtracts = bool(config.get("apply_b_dec_to_input", not is_transcoder))
    return SparseAutoencoder(hook, architecture, weights, k, subtracts, normalization, into if into != hook else "")


def _architecture(config: Mapping[str, Any]) -> tuple[str, int]:
    """Its name, and how many latents are kept; older files call the latter an activation function."""
    if config.get("activation_fn_str", config.get("activation_fn")) == "topk":
        return "topk", int((config.get("activation_fn_kwargs") or {})["k"])
    name = str(config.get("architecture", "standard"))
    return name, int(config["k"]) if name == "topk" else 0


class LatentReader:
    """Reads the latents from what passes at one place, and edits them there or at another that comes later."""

    def __init__(
        self,
        module: nn.Module,
        tap: Tap,
        autoencoder: SparseAutoencoder,
        site: Site,
        written: tuple[nn.Module, Tap] | None = None,
    ) -> None:
        self._module = module
        self._tap = tap
        self._autoencoder = autoencoder
        self._site = site
        self._written = written

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

        waiting: list[Tensor] = []  # what is still to be added where a transcoder writes

        def through(tap: Tap, tensor: Tensor, call: int) -> Tensor:
            x = tap.steps(tensor)
            latents = self._autoencoder.encode(x)
            if mine:
                changed = latents.clone()
                tap.edit(changed, call, mine)
                added = self._autoencoder.decoded(changed - latents, x)
                latents = changed
                if self._written is None:
                    tensor = _with(tap, tensor, added)
                else:
                    waiting.append(added)
            if stream is not None:
                stream.append(latents)
            return tensor

        def into(tap: Tap, tensor: Tensor, _: int) -> Tensor:
            if not waiting:
                raise InputError(
                    f"{self._autoencoder.writes} comes before {self._autoencoder.site}, so latents that are read there "
                    "cannot be edited"
                )
            return _with(tap, tensor, waiting.pop(0))

        with ExitStack() as opened:
            opened.enter_context(tapped(self._module, [self._tap], through))
            if self._written is not None and mine:
                opened.enter_context(tapped(self._written[0], [self._written[1]], into))
            yield


def _with(tap: Tap, tensor: Tensor, added: Float[Tensor, "batch time unit"]) -> Tensor:
    """The tensor with something added, in its own order and precision."""
    tensor = tensor.clone()
    steps = tap.axes.ordered(tensor)
    steps.add_(added.to(tensor.dtype))
    tap.axes.put_back(steps, tensor)
    return tensor
