"""Models of the Transformers library, read from their module tree and config, not from a list of architectures.

Sites have the paths of the library's modules, and TransformerLens's names as aliases: ``blocks.0.hook_resid_post`` is
the output of the first block, ``blocks.0.mlp.hook_post`` what its MLP's neurons give.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from unitscope.corpus.batch import Batch
from unitscope.errors import InputError
from unitscope.models.module import ModuleModel
from unitscope.models.networks.files import refuse_pickle

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PREFIX = "hf:"
"""Before a folder, or a name on the hub, on the command line."""


def transformer(module: nn.Module, name: str | None = None, after: int = 0) -> ModuleModel:
    """A ``PreTrainedModel`` as a model: embeddings, residual stream, attention output by head, MLP neurons.

    ``after`` special tokens follow the counted ones of each row and are read too. The untrained twin has the same
    config and fresh weights. Raises ``InputError`` for a model of encoder and decoder.
    """
    config: Any = module.config
    if getattr(config, "is_encoder_decoder", False):
        raise InputError(
            f"{type(module).__name__} has an encoder and a decoder; give one of them, for example "
            "transformer(model.get_encoder()), or ModuleModel(model, call=…)"
        )
    aliases = dict(_aliases(module))
    return ModuleModel(
        module,
        name=name,
        call=_call(after),
        logits=lambda output: getattr(output, "logits", None),
        hooked=tuple(aliases),
        aliases=aliases,
        fresh=lambda: type(module)(config).to(next(module.parameters()).dtype),
    )


def open_transformer(where: str) -> tuple[ModuleModel, "Tokenizer"]:
    """A model and its tokenizer from a folder with safetensors, or by its name on the hub.

    Nothing is unpickled and no code of the model's author runs. Raises ``InputError`` if there is none, for a pickle,
    and for a tokenizer that does not belong to the model.
    """
    try:
        import transformers
    except ImportError as error:
        raise InputError("models of Transformers need another package: pip install 'unitscope[hf]'") from error
    is_folder = Path(where).is_dir()
    if is_folder:
        refuse_pickle(Path(where))
    given: dict[str, Any] = {"local_files_only": is_folder, "trust_remote_code": False}
    try:
        config = transformers.AutoConfig.from_pretrained(where, **given)
        predicts = any(kind.endswith(("LMHeadModel", "ForCausalLM")) for kind in config.architectures or ())
        kind = transformers.AutoModelForCausalLM if predicts else transformers.AutoModel
        module = kind.from_pretrained(where, config=config, use_safetensors=True, dtype="auto", **given)
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, use_fast=True, **given).backend_tokenizer
    except (OSError, ValueError, AttributeError, ImportError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"{PREFIX}{where} cannot be opened ({reason}); give a folder with config.json, model.safetensors and "
            "tokenizer.json, as save_pretrained writes it"
        ) from error
    rows = module.get_input_embeddings().num_embeddings
    if tokenizer.get_vocab_size() > rows:
        raise InputError(
            f"the tokenizer of {where} has {tokenizer.get_vocab_size()} symbols and the model reads {rows}; "
            "the two belong to different models"
        )
    after = [special for special in tokenizer.encode("a").special_tokens_mask[1:] if special]
    return transformer(module.eval(), Path(where).name, len(after)), tokenizer


def _call(after: int) -> Callable[[nn.Module, Batch], Any]:
    def call(module: nn.Module, batch: Batch) -> Any:
        step = torch.arange(batch.tokens.shape[1], device=batch.tokens.device)
        read = step < batch.lengths[:, None] + after
        return module(input_ids=batch.tokens, attention_mask=read.long())

    return call


def _aliases(module: nn.Module) -> Iterator[tuple[str, str]]:
    """TransformerLens's name of every site that is found."""
    paths = {child: path for path, child in module.named_modules()}
    config: Any = module.config
    embeddings: Any = module
    yield f"{paths[embeddings.get_input_embeddings()]}.output", "hook_embed"
    blocks = [m for m in paths if isinstance(m, nn.ModuleList) and len(m) == config.num_hidden_layers]
    if not blocks:
        raise InputError(f"{type(module).__name__} has no list of {config.num_hidden_layers} blocks; use ModuleModel")
    for number, block in enumerate(blocks[0]):
        here, width = f"blocks.{number}", config.hidden_size
        yield f"{paths[block]}.input", f"{here}.hook_resid_pre"
        yield f"{paths[block]}.output", f"{here}.hook_resid_post"
        linear = [(path, *widths) for path, child in block.named_modules() if (widths := _widths(child))]
        attention = [path for path, _, out in linear if "att" in path and out == width]
        if attention:
            yield f"{paths[block]}.{attention[-1]}.input", f"{here}.attn.hook_z"
            yield f"{paths[block]}.{attention[-1]}.output", f"{here}.hook_attn_out"
        down = [(path, inner) for path, inner, out in linear if "att" not in path and out == width and inner != width]
        up = [path for path, into, out in linear if down and "att" not in path and (into, out) == (width, down[-1][1])]
        if up:
            yield f"{paths[block]}.{up[0]}.output", f"{here}.mlp.hook_pre"
            yield f"{paths[block]}.{down[-1][0]}.input", f"{here}.mlp.hook_post"
            yield f"{paths[block]}.{down[-1][0]}.output", f"{here}.hook_mlp_out"


def _widths(module: nn.Module) -> tuple[int, int] | None:
    """Units in and out of a linear map; GPT-2 keeps its weights the other way round, in a class of the library."""
    weight = getattr(module, "weight", None)
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    if type(module).__name__ == "Conv1D" and isinstance(weight, nn.Parameter):
        return weight.shape[0], weight.shape[1]
    return None
