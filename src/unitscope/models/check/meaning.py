"""Whether a module's output is logits of the next token: found, where nobody says it."""

from collections.abc import Callable

import torch
from torch import nn

from unitscope.models.check.check import SiteCheck
from unitscope.models.survey import Survey

_LANGUAGE_MODELS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
"""Endings of classes of Transformers that say that they predict the next token."""
_HEADS = ("Linear", "Bilinear", "Conv1D", "Conv1d", "LogSoftmax", "Identity", "Dropout")
"""In the names of modules that can give logits: affine maps, and what passes on or normalises theirs."""


def meaning(
    module: nn.Module, survey: Survey, width: int | None, output: SiteCheck | None, accepts: Callable[[int], bool]
) -> tuple[bool, str]:
    """Whether the output is logits of the next token, and why, in a sentence.

    ``width`` is that of the output, where it has a vector for each token; ``output`` is what is known of its steps,
    None where sequences of unequal length have none; ``accepts`` tells whether the module runs on a token of that
    number.
    """
    kind = type(module).__name__
    name = f"The output of {kind}"
    if width is None or output is None:
        return False, (
            f"{name} has no vector for each token, so it is no prediction of the next one; if it is one in another "
            "form, say where with logits=lambda output: …, [batch time symbol]."
        )
    said = kind.endswith(_LANGUAGE_MODELS)
    symbols = survey.vocabulary
    if not said:
        if symbols is None and not (accepts(width - 1) and not accepts(width)):
            return False, f"{name} is {width} wide and its vocabulary is not, so it is no prediction of the next token."
        if symbols is not None and symbols != width:
            return (
                False,
                f"{name} is {width} wide and reads {symbols} symbols, so it is no prediction of the next token.",
            )
    if survey.bounded:
        return False, (
            f"Every value of the output of {kind} lies from 0 to 1, so these are probabilities and no logits of the "
            "next token; if so, say logits=lambda output: output.log()."
        )
    if output.reach in ("earlier steps", "all steps"):
        return False, f"{name} sees later tokens, so it is no prediction of the next one."
    if output.reach == "only later steps":
        return False, (
            f"{name} does not see the token of its own step, so it is a prediction of that one and not of the next; if "
            "so, say logits=lambda output: output.roll(-1, 1)."
        )
    givers = [module.get_submodule(path) for path in survey.givers]
    if not said and givers and not any(head in type(giver).__name__ for giver in givers for head in _HEADS):
        return False, (
            f"{name} is what {survey.givers[0] or kind} ({type(givers[0]).__name__}) gives, which is no layer of "
            "logits; if it is one, say so with logits=."
        )
    return True, f"{name} predicts the next token: it has a value for each symbol and sees no later one."


def runs_on(run: Callable[[], object], device: torch.device) -> bool:
    """Whether a run works. Only where a wrong token number is an error and not the end of the process."""
    if device.type != "cpu":
        return False
    try:
        run()
    except Exception:  # whatever a foreign module raises
        return False
    return True
