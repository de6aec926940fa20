"""Models of the Transformers library, read from their module tree and config, not from a list of architectures.

Sites have the paths of the library's modules, and TransformerLens's names as aliases: ``blocks.0.hook_resid_post`` is
the output of the first block, ``blocks.0.mlp.hook_post`` what its MLP's neurons give.
"""

import copy
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn

from unitscope.corpus.batch import Batch
from unitscope.errors import InputError
from unitscope.models.attention import AttentionPatterns
from unitscope.models.calling import Call, Calling, evaluating
from unitscope.models.check.remains import Remains
from unitscope.models.experts import Experts
from unitscope.models.flow import Block, Found, Values, name_block, stacks
from unitscope.models.hooks import discover
from unitscope.models.module import ModuleModel
from unitscope.models.placement import precision_of
from unitscope.models.raw import Raw
from unitscope.models.survey import survey

BY_DEFAULT = ("*hook_embed", "*.hook_resid_post", "*.hook_z", "*.mlp.hook_post")
"""Aliases of what most questions are about: the residual stream, what each head gives, the MLP's neurons. The rest is
sums and inputs of these, or attention patterns, which cost a slower attention."""
_EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts", "num_experts_per_layer")
"""What configs call the number of experts."""


def transformer(module: nn.Module, name: str | None = None) -> ModuleModel:
    """A ``PreTrainedModel`` as a model: embeddings, residual stream, heads and their patterns, MLP neurons.

    The untrained baseline has the same config and fresh weights; that of a model with adapters (peft) keeps the base,
    and its adapters are fresh. A model of encoder and decoder reads each sequence in both, so it predicts nothing that
    it has not seen; give ``ModuleModel`` a ``call`` for pairs of texts. Raises ``InputError`` for a module without
    blocks.
    """
    config: Any = module.config
    call = _call_both if config.is_encoder_decoder else _call
    found = _names(module, call)
    return ModuleModel(
        module,
        name=name,
        call=call,
        hooked=tuple(found.aliases),
        aliases={site: alias for site, alias in found.aliases.items() if alias},
        withheld=found.withheld,
        fresh=lambda: _fresh(module),
        extras=(AttentionPatterns(), Experts()),
    )


def longest(module: Any) -> int | None:
    """Largest number of tokens that the model reads, if its config gives it.

    Models that number their positions from behind the padding, as RoBERTa does, have that many rows fewer.
    """
    config = module.config.get_text_config() if hasattr(module.config, "get_text_config") else module.config
    told = (getattr(config, name, None) for name in ("max_position_embeddings", "n_positions", "max_seq_len"))
    limit = next((count for count in told if isinstance(count, int) and count > 0), None)
    for path, child in module.named_modules():
        padding, rows = getattr(child, "padding_idx", None), getattr(child, "num_embeddings", None)
        if limit and path.endswith("position_embeddings") and isinstance(padding, int) and rows == limit:
            return limit - padding - 1
    return limit


def _call(module: nn.Module, batch: Batch) -> Any:
    return module(input_ids=batch.tokens, attention_mask=batch.is_read.long())


def _call_both(module: nn.Module, batch: Batch) -> Any:
    return module(input_ids=batch.tokens, attention_mask=batch.is_read.long(), decoder_input_ids=batch.tokens)


def _fresh(module: Any) -> nn.Module:
    """The same architecture with fresh weights, or the same base with fresh adapters."""
    if not hasattr(module, "peft_config"):
        made: nn.Module = type(module)(module.config)
        return made.to(precision_of(module))
    twin: nn.Module = copy.deepcopy(module)
    kinds = {str(config.peft_type).rpartition(".")[2] for config in module.peft_config.values()}
    if kinds != {"LORA"}:
        raise InputError(
            f"adapters of the kind {', '.join(kinds)} have no fresh ones to compare with; merge them into the base "
            "(merge_and_unload) and give that"
        )
    children: list[Any] = [child for child in twin.modules() if hasattr(child, "reset_lora_parameters")]
    for child in children:
        for adapter in child.lora_A:
            child.reset_lora_parameters(adapter, True)
    return twin


def _names(module: nn.Module, call: Call) -> Found:
    """The sites that are read, with TransformerLens's name of each whose meaning agrees with it."""
    values = _values(module, call)
    found = Found({}, {})
    if (embedded := _embedding(module, values)) is not None:
        found.aliases |= embedded
    experts = _experts(module)
    for name, blocks in _named_stacks(module, values).items():
        for number, block in enumerate(blocks):
            name_block(module, block, f"{name}.{number}", values, experts, found)
    if not any(alias.endswith("hook_resid_post") for alias in found.aliases.values()):
        raise InputError(f"{type(module).__name__} has no list of blocks with a residual stream; use ModuleModel")
    return found


def _values(module: nn.Module, call: Call) -> dict[str, Tensor]:
    """Values at all modules in one small run, as float32."""
    calling = Calling(module, type(module).__name__, call)
    remains = Remains(module)
    try:
        with torch.random.fork_rng(devices=[]), torch.inference_mode(), evaluating(module):
            seen = survey(calling)
            readers = discover(module, ("*", "*.input*"), (), seen, may_be_none=True)
            sites = tuple(site for reader in readers for site in reader.sites())
            raw = Raw(calling, seen, readers, sites, {})
            batch = calling.drawn([7, 7], raw.symbols, torch.Generator().manual_seed(0))
            return raw.read(batch, left_out={})
    finally:
        remains.put_back()


def _named_stacks(module: Any, values: Values) -> dict[str, list[Block]]:
    """The lists of blocks: ``blocks``, or the ``encoder`` and the ``decoder``; any further ones by their path."""
    found = stacks(module, values)
    if len(found) <= 1:
        return dict(zip(("blocks",), found.values(), strict=False))
    named = {}
    for path, blocks in found.items():
        sides = [side for side in ("decoder", "encoder") if side in path]
        name = sides[0] if sides and module.config.is_encoder_decoder else path
        named[name if name not in named else path] = blocks
    if not module.config.is_encoder_decoder:
        longest = max(named, key=lambda name: len(named[name]))
        named = {"blocks" if name == longest else name: blocks for name, blocks in named.items()}
    return named


def _embedding(module: Any, values: Values) -> dict[str, str] | None:
    """The token embeddings of the whole, or of both sides."""
    paths = {child: path for path, child in module.named_modules()}
    sides = {"": module}
    if module.config.is_encoder_decoder:
        with suppress(AttributeError, NotImplementedError):
            sides = {"encoder.": module.get_encoder(), "decoder.": module.get_decoder()}
    found: dict[str, str] = {}
    for name, side in sides.items():
        with suppress(AttributeError, NotImplementedError, KeyError):
            path = paths[side.get_input_embeddings()]
            site = f"{path}{'#2' if f'{path}.output' in found else ''}.output"
            if site in values:
                found[site] = f"{name}hook_embed"
    return found


def _experts(module: Any) -> int:
    """Number of experts that the config of the text part names; 0 for none."""
    config = module.config.get_text_config() if hasattr(module.config, "get_text_config") else module.config
    told = (getattr(config, name, None) for name in _EXPERTS)
    return next((count for count in told if isinstance(count, int) and count > 1), 0)
