"""What a model writes: its own continuations of prompts as a corpus, over which it is read like over any other."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from unitscope.corpus.token_lists import TokenLists
from unitscope.errors import InputError
from unitscope.models.module import ModuleModel
from unitscope.progress import Progress, silent

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def generate(
    model: ModuleModel,
    tokenizer: "Tokenizer",
    prompts: Sequence[str],
    tokens: int = 64,
    temperature: float = 0.0,
    seed: int = 0,
    batch_size: int = 16,
    progress: Progress = silent,
) -> TokenLists:
    """Up to ``tokens`` sub-words after each prompt; the prompts are context.

    At temperature 0 the likeliest token follows, above it one is drawn. ``Live(model, generate(…))`` is then a source
    of the activations with which the model wrote: a step reads only what stands before it, so reading the finished
    text again gives the same values. Raises ``InputError`` for a model that does not write, and for an empty prompt.
    """
    module: Any = model.module
    if not hasattr(module, "generate") or not module.can_generate() or module.config.is_encoder_decoder:
        raise InputError(f"{model.name} does not continue texts; give a causal language model of Transformers")
    read = [tokenizer.encode(prompt).ids for prompt in prompts]
    empty = [number for number, ids in enumerate(read) if not ids]
    if empty:
        raise InputError(f"prompt {empty[0]} holds no token; every prompt needs at least one")
    end = module.generation_config.eos_token_id
    ends = set(end if isinstance(end, list) else [] if end is None else [end])
    drawing: dict[str, Any] = {"do_sample": True, "temperature": temperature} if temperature else {"do_sample": False}
    written: dict[int, list[int]] = {}
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(seed)
        for batch in _batches([len(ids) for ids in read], batch_size):
            given = torch.tensor([read[number] for number in batch], device=model.device)
            rows = module.generate(
                input_ids=given,
                attention_mask=torch.ones_like(given),
                max_new_tokens=tokens,
                pad_token_id=min(ends, default=0),
                **drawing,
            )
            for number, row in zip(batch, rows.tolist(), strict=True):
                start = len(read[number])
                stop = next((place for place in range(start, len(row)) if row[place] in ends), len(row) - 1)
                written[number] = row[: stop + 1]
            progress("writing", len(written), len(read))
    ids = [written[number] for number in range(len(read))]
    return TokenLists(ids, tokenizer, [len(prompt) for prompt in read], f"written by {model.name}")


def _batches(lengths: Sequence[int], size: int) -> list[list[int]]:
    """Prompts of one length together, so that none is padded."""
    groups: dict[int, list[int]] = {}
    for number, length in enumerate(lengths):
        groups.setdefault(length, []).append(number)
    return [group[first : first + size] for group in groups.values() for first in range(0, len(group), size)]
