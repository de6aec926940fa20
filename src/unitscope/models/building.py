"""A model that a function of the user's own builds, named ``path/to/module.py:function`` on the command line.

The file is the user's and is run because they name it; a name that stands in somebody else's recording is not
(``unitscope --trust``). The function returns a module, or a ``ModuleModel`` where it is called in a way of its own,
alone or with what says how it reads text: a tokenizer of the tokenizers library, or the symbols in the order of their
numbers.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.labels.own import defined
from unitscope.models.hub import moved
from unitscope.models.module import ModuleModel
from unitscope.models.weights import load_weights

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MARK = ".py:"
"""In the name of such a function."""


def build(
    name: str, arguments: Sequence[str] = (), device: str = "", dtype: str = "auto", weights: str = ""
) -> "tuple[ModuleModel, Vocabulary | Tokenizer | None]":
    """The model, and how it reads text. ``arguments`` are ``NAME=VALUE``, a number where they look like one;
    ``weights`` is a file of them, of a training with whatever library, for what the function builds.

    Raises ``InputError`` for a missing file or function, one that fails, and one that returns no module.
    """
    make: Callable[..., Any] = defined(name)
    given = dict(_argument(text) for text in arguments)
    try:
        made = make(**given)
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(
            f"{name} failed ({type(error).__name__}: {error}); correct it, or its --arg NAME=VALUE"
        ) from error
    whole, reads = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if isinstance(reads, str | list | tuple):
        reads = Vocabulary(tuple(reads))
    if weights:
        load_weights(whole.module if isinstance(whole, ModuleModel) else whole, Path(weights))
    if isinstance(whole, nn.Module):
        whole = ModuleModel(moved(whole.eval(), device, dtype), name=Path(name.rpartition(":")[0]).stem)
    elif isinstance(whole, ModuleModel):
        moved(whole.module, device, dtype)
    if not isinstance(whole, ModuleModel):
        raise InputError(
            f"{name} returned {type(whole).__name__}; return an nn.Module or a ModuleModel, alone or with a tokenizer "
            "or the list of its symbols"
        )
    return whole, reads


def _argument(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise InputError(f"--arg is NAME=VALUE, as in --arg layers=2, not {text!r}")
    for read in (int, float):
        try:
            return name, read(value)
        except ValueError:
            continue
    return name, {"true": True, "false": False, "none": None}.get(value.lower(), value)
