"""Models of Transformers from folders and from the hub, with their tokenizers; adapters on top of a base."""

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from unitscope.corpus.chats import Message, Template
from unitscope.errors import InputError, Remark
from unitscope.files.jsons import read_json
from unitscope.models.bounded import shapes_in, sketch
from unitscope.models.module import ModuleModel
from unitscope.models.pickles import refuse_pickle
from unitscope.models.transformers import transformer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PREFIX = "hf:"
"""Before a folder, or a name on the hub, on the command line."""
ADAPTER = "peft:"
"""The same before a folder with an adapter."""
_PREDICTS = ("LMHeadModel", "ForCausalLM", "ForConditionalGeneration")
_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
"""Of a model on the hub."""
_PATIENCE = 5
"""Seconds for the hub to say whether it has a model."""


def open_transformer(where: str, device: str = "", dtype: str = "auto") -> tuple[ModuleModel, "Tokenizer"]:
    """A model and its tokenizer from a folder with safetensors, or by its name on the hub, ``NAME@REVISION``.

    ``device`` is one of torch's; ``auto`` splits the model over what there is (accelerate). Without ``dtype`` weights
    keep the precision of their file. Nothing is unpickled and no code of the model's author runs. Raises ``InputError``
    if there is none, at once, and for a pickle.
    """
    transformers = _library()
    name, _, revision = where.partition("@") if not Path(where).is_dir() else (where, "", "")
    is_folder = Path(name).is_dir()
    if is_folder:
        refuse_pickle(Path(name))
    else:
        _is_on_hub(name, revision or None)
    given: dict[str, Any] = {"local_files_only": is_folder, "trust_remote_code": False}
    if revision:
        given["revision"] = revision
    placed: dict[str, Any] = {"device_map": "auto"} if device == "auto" else {}
    try:
        config = transformers.AutoConfig.from_pretrained(name, **given)
        kind = _class_of(transformers, config)
        if is_folder:
            files = sorted(Path(name).glob("*.safetensors"))
            draw = getattr(kind, "from_config", None) or getattr(kind, "_from_config")  # noqa: B009
            sketch(lambda: draw(config), shapes_in(files, "copy it again"))
        with _quiet(transformers.utils.logging), torch.random.fork_rng():
            torch.manual_seed(0)  # for weights that are in no file, so that they are the same when it is opened again
            module, found = kind.from_pretrained(
                name, config=config, use_safetensors=True, dtype=_precision(dtype), output_loading_info=True,
                **placed, **given,
            )  # fmt: skip
        tokenizer = transformers.AutoTokenizer.from_pretrained(name, use_fast=True, **given).backend_tokenizer
    except InputError:
        raise
    except (OSError, ValueError, AttributeError, ImportError, TypeError, ArithmeticError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"{PREFIX}{where} cannot be opened ({reason}); give a folder with config.json, model.safetensors and "
            "tokenizer.json, as save_pretrained writes it"
        ) from error
    if missing := sorted(found["missing_keys"]):
        warnings.warn(
            f"{PREFIX}{where} has no weights for {len(missing)} of its parts ({', '.join(missing[:3])}), which are "
            "drawn at random; what is read of them says nothing",
            MissingWeights,
            stacklevel=2,
        )
    return transformer(moved(module.eval(), device), Path(where).name), tokenizer


class MissingWeights(Remark):
    """Weights that a model's files lack."""


def _class_of(transformers: Any, config: Any) -> Any:
    """The library's own class that a config says its weights are of; else the one that predicts, or only reads.

    A name from a file finds nothing but a class of the library that is made of just such a config.
    """
    names = config.architectures or ()
    for name in names:
        kind: Any = getattr(transformers, str(name), None)
        of_library = isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel)
        if of_library and getattr(kind, "config_class", None) is type(config):
            return kind
    if not any(str(name).endswith(_PREDICTS) for name in names):
        return transformers.AutoModel
    return transformers.AutoModelForSeq2SeqLM if config.is_encoder_decoder else transformers.AutoModelForCausalLM


def chat_template(where: str) -> Template:
    """Chats as a model of Transformers writes them: the template of its tokenizer, without a prompt for an answer.

    It is a program in a language of templates, which Transformers runs in a sandbox, without files and without the
    network. Raises ``InputError`` for a model without one.
    """
    transformers = _library()
    name, _, revision = where.partition("@") if not Path(where).is_dir() else (where, "", "")
    given: dict[str, Any] = {"local_files_only": Path(name).is_dir(), "trust_remote_code": False}
    if revision:
        given["revision"] = revision
    tokenizer = transformers.AutoTokenizer.from_pretrained(name, use_fast=True, **given)
    if not tokenizer.chat_template:
        raise InputError(
            f"{PREFIX}{where} has no chat template, so it does not say how it reads chats; give texts, or the model's "
            "chat_template.jinja in its folder"
        )

    def written(chat: Sequence[Message]) -> str:
        text: str = tokenizer.apply_chat_template(list(chat), tokenize=False)
        return text

    return written


def open_adapted(folder: str, device: str = "", dtype: str = "auto") -> tuple[ModuleModel, "Tokenizer"]:
    """An adapter (peft) with the base that it names, and the tokenizer of the base.

    Without the adapter the model is its base, which opens by its own name. Raises ``InputError`` for a folder without
    an adapter, for a pickle, and for a base that is not there.
    """
    try:
        import peft
    except ImportError as error:
        raise InputError("adapters need another package: pip install 'unitscope[peft]'") from error
    config, weights = Path(folder) / "adapter_config.json", Path(folder) / "adapter_model.safetensors"
    if not config.is_file() or not weights.is_file():
        raise InputError(
            f"{folder} holds no adapter; give a folder with adapter_config.json and adapter_model.safetensors"
        )
    told: dict[str, object] = read_json(config, dict[str, object], "give another adapter", schema=None, sealed=False)
    base = told.get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise InputError(f"{config} names no base; write its folder or name there as base_model_name_or_path")
    beside = Path(folder) / base
    try:
        model, tokenizer = open_transformer(str(beside) if beside.is_dir() else base, device, dtype)
    except InputError as error:
        raise InputError(f"the base of {folder} cannot be opened: {error}") from error
    module: Any = model.module
    try:
        adapted = peft.PeftModel.from_pretrained(module, folder, is_trainable=False)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{folder} is no adapter of {base} ({reason}); name its own base in {config}") from error
    return transformer(adapted.eval(), Path(folder).name), tokenizer


def moved(module: Any, device: str, dtype: str = "auto") -> Any:
    """The module on a device and in a precision. Raises ``InputError`` for a device that is not there."""
    if dtype != "auto":
        module = module.to(_precision(dtype))
    if device in ("", "auto"):
        return module
    try:
        return module.to(torch.device(device))
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"no model runs on --device {device} here ({reason}); give cpu, cuda or auto") from error


def _precision(dtype: str) -> Any:
    return dtype if dtype == "auto" else getattr(torch, dtype)


def _library() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise InputError("models of Transformers need another package: pip install 'unitscope[hf]'") from error
    return transformers


def _is_on_hub(name: str, revision: str | None) -> None:
    """Raises ``InputError`` at once for what is neither a folder nor kept from before nor on the hub."""
    import huggingface_hub

    if not _NAME.fullmatch(name):
        raise InputError(f"there is no folder {name}; give a folder that save_pretrained wrote, or a name on the hub")
    if isinstance(huggingface_hub.try_to_load_from_cache(name, "config.json", revision=revision), str):
        return
    try:
        huggingface_hub.HfApi().model_info(name, revision=revision, timeout=_PATIENCE)
    except Exception as error:  # of whatever library carries the question
        raise InputError(
            f"there is no folder {name}, and the hub does not say that it has such a model "
            f"({type(error).__name__}); give a folder that save_pretrained wrote"
        ) from error


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
