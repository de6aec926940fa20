"""Models of the Transformers library, read from their module tree and config, not from a list of architectures.

Sites have the paths of the library's modules, and TransformerLens's names as aliases: ``blocks.0.hook_resid_post`` is
the output of the first block, ``blocks.0.mlp.hook_post`` what its MLP's neurons give.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from unitscope.corpus.batch import Batch
from unitscope.errors import InputError
from unitscope.models.attention import AttentionPatterns
from unitscope.models.bounded import shapes_in, sketch
from unitscope.models.module import ModuleModel
from unitscope.models.pickles import refuse_pickle

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PREFIX = "hf:"
"""Before a folder, or a name on the hub, on the command line."""
BY_DEFAULT = ("*hook_embed", "*.hook_resid_post", "*.hook_z", "*.mlp.hook_post")
"""Aliases of what most questions are about: the residual stream, what each head gives, the MLP's neurons. The rest is
sums and inputs of these, or attention patterns, which cost a slower attention."""
_PREDICTS = ("LMHeadModel", "ForCausalLM", "ForConditionalGeneration")
_MIXERS = ("att", "mixer", "temporal", "ssm")
"""In the names of modules that carry values from step to step: attention, state-space and recurrent layers."""


def transformer(module: nn.Module, name: str | None = None) -> ModuleModel:
    """A ``PreTrainedModel`` as a model: embeddings, residual stream, heads and their patterns, MLP neurons.

    The untrained baseline has the same config and fresh weights. A model of encoder and decoder reads each sequence in
    both, so it predicts nothing that it has not seen; give ``ModuleModel`` a ``call`` for pairs of texts. Raises
    ``InputError`` for a module without blocks.
    """
    config: Any = module.config
    aliases = dict(_aliases(module))
    return ModuleModel(
        module,
        name=name,
        call=_call_both if config.is_encoder_decoder else _call,
        hooked=tuple(aliases),
        aliases=aliases,
        fresh=lambda: type(module)(config).to(next(module.parameters()).dtype),
        extras=(AttentionPatterns(),),
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
        predicts = any(kind.endswith(_PREDICTS) for kind in config.architectures or ())
        both = transformers.AutoModelForSeq2SeqLM if config.is_encoder_decoder else transformers.AutoModelForCausalLM
        kind = both if predicts else transformers.AutoModel
        if is_folder:
            files = sorted(Path(where).glob("*.safetensors"))
            sketch(lambda: kind.from_config(config), shapes_in(files, "copy it again"))
        with _quiet(transformers.utils.logging):
            module = kind.from_pretrained(where, config=config, use_safetensors=True, dtype="auto", **given)
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, use_fast=True, **given).backend_tokenizer
    except InputError:
        raise
    except (OSError, ValueError, AttributeError, ImportError, TypeError, ArithmeticError, RuntimeError) as error:
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
    return transformer(module.eval(), Path(where).name), tokenizer


@contextmanager
def _quiet(logging: Any) -> Iterator[None]:
    """Without the library's progress bar, which a second ends."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _call(module: nn.Module, batch: Batch) -> Any:
    return module(input_ids=batch.tokens, attention_mask=batch.is_read.long())


def _call_both(module: nn.Module, batch: Batch) -> Any:
    return module(input_ids=batch.tokens, attention_mask=batch.is_read.long(), decoder_input_ids=batch.tokens)


def _aliases(module: nn.Module) -> Iterator[tuple[str, str]]:
    """TransformerLens's name of every site that is found."""
    paths = {child: path for path, child in module.named_modules()}
    config: Any = module.config
    whole: Any = module
    if not config.is_encoder_decoder:
        yield f"{paths[whole.get_input_embeddings()]}.output", "hook_embed"
        yield from _stack(module, paths, "blocks", config.num_hidden_layers, config.hidden_size)
        return
    encoder, decoder = whole.get_encoder(), whole.get_decoder()
    read, written = (paths[part.get_input_embeddings()] for part in (encoder, decoder))
    yield f"{read}.output", "encoder.hook_embed"
    yield f"{written}{'#2' if read == written else ''}.output", "decoder.hook_embed"
    yield from _stack(encoder, paths, "encoder", config.num_hidden_layers, config.hidden_size)
    count = getattr(config, "decoder_layers", None) or getattr(config, "num_decoder_layers", config.num_hidden_layers)
    yield from _stack(decoder, paths, "decoder", count, config.hidden_size)


def _stack(
    module: nn.Module, paths: Mapping[nn.Module, str], name: str, count: int, width: int
) -> Iterator[tuple[str, str]]:
    """The sites of a list of blocks."""
    blocks = [m for m in module.modules() if isinstance(m, nn.ModuleList) and len(m) == count]
    if not blocks:
        raise InputError(f"{type(module).__name__} has no list of {count} blocks; use ModuleModel")
    for number, block in enumerate(blocks[0]):
        yield from _block(block, paths[block], f"{name}.{number}", width)


def _block(block: nn.Module, path: str, here: str, width: int) -> Iterator[tuple[str, str]]:
    yield f"{path}.input", f"{here}.hook_resid_pre"
    yield f"{path}.output", f"{here}.hook_resid_post"
    linear = [(inner, *widths) for inner, child in block.named_modules() if (widths := _widths(child))]
    mixing = {inner: kind for inner, _, _ in linear for kind in _MIXERS if kind in inner.lower()}
    # The last of its linear maps brings each mixer back to the residual stream; a decoder has two of them.
    back: dict[str, str] = {}
    for inner, _, out in linear:
        if inner in mixing and out == width:
            crosses = any(word in inner.lower() for word in ("cross", "encdec", "encoder_attn"))
            back["cross_attn" if crosses else "attn" if mixing[inner] == "att" else "mixer"] = inner
    for kind, inner in back.items():
        yield f"{path}.{inner}.input", f"{here}.{kind}.hook_z"
        yield f"{path}.{inner}.output", f"{here}.hook_{kind}_out"
    down = [(inner, into) for inner, into, out in linear if inner not in mixing and out == width and into != width]
    up = [inner for inner, into, out in linear if down and inner not in mixing and (into, out) == (width, down[-1][1])]
    if up:
        yield f"{path}.{up[0]}.output", f"{here}.mlp.hook_pre"
        yield f"{path}.{down[-1][0]}.input", f"{here}.mlp.hook_post"
        yield f"{path}.{down[-1][0]}.output", f"{here}.hook_mlp_out"


def _widths(module: nn.Module) -> tuple[int, int] | None:
    """Units in and out of a linear map; GPT-2 keeps its weights the other way round, in a class of the library."""
    weight = getattr(module, "weight", None)
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    if type(module).__name__ == "Conv1D" and isinstance(weight, nn.Parameter):
        return weight.shape[0], weight.shape[1]
    return None
