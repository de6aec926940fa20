"""Generated text: a model's own continuations of prompts as a corpus, read like any other."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.corpus.corpus import Corpus
from unitscope.corpus.token_lists import TokenLists
from unitscope.errors import InputError
from unitscope.models.bind import bind, check_units
from unitscope.models.edit import Edit, Steps
from unitscope.models.module import ModuleModel
from unitscope.models.predictions import LOG_PROB
from unitscope.models.transformers import longest
from unitscope.progress import Progress, silent

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def generate(
    model: ModuleModel,
    tokenizer: "Tokenizer",
    prompts: Sequence[str],
    tokens: int = 64,
    temperature: float = 0.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    batch_size: int = 16,
    edits: Sequence[Edit] = (),
    others: Corpus | None = None,
    progress: Progress = silent,
) -> TokenLists:
    """Up to ``tokens`` sub-words after each prompt; the prompts are context.

    At temperature 0 the likeliest token follows; above it one is drawn, of the ``top_k`` likeliest, or of those that
    make up ``top_p`` of the probability, where these are given. Nothing else is taken over from what the model comes
    with: no penalties, no other sampling. ``Live(model, generate(…))`` is then a source
    of the activations with which the model wrote: a step reads only what stands before it, so reading the finished
    text again gives the same values.

    With ``edits`` units are held, scaled, added to or resampled (from ``others``) while the model writes; windows of
    steps count from the first written token. Each token is then written after reading all before it anew, so that
    ``Live(model, generate(…, edits=edits), edits=edits)`` gives the activations of writing. Raises ``InputError`` for a
    model that does not write, and for an empty prompt.
    """
    module: Any = model.module
    if not hasattr(module, "generate") or not module.can_generate() or module.config.is_encoder_decoder:
        raise InputError(f"{model.name} does not continue texts; give a causal language model of Transformers")
    if temperature < 0 or top_k < 0 or not 0 < top_p <= 1:
        raise InputError("temperature and top_k are at least 0, and top_p is above 0 and at most 1")
    if edits:
        check_units(edits, model.sites())
    read = [tokenizer.encode(prompt).ids for prompt in prompts]
    empty = [number for number, ids in enumerate(read) if not ids]
    if empty:
        raise InputError(f"prompt {empty[0]} holds no token; every prompt needs at least one")
    limit = longest(module)
    if limit is not None and (long := max(map(len, read), default=0) + tokens) > limit:
        raise InputError(f"{model.name} reads {limit} sub-words, and prompt and continuation are {long}; write fewer")
    end = module.generation_config.eos_token_id
    ends = set(end if isinstance(end, list) else [] if end is None else [end])
    drawing: dict[str, Any] = {"do_sample": False}
    if temperature:
        drawing = {"do_sample": True, "temperature": temperature, "top_k": top_k, "top_p": top_p}
    written: dict[int, list[int]] = {}
    with torch.random.fork_rng(devices=[]), torch.inference_mode(), _told_only(module, drawing, ends, tokens):
        torch.manual_seed(seed)
        for batch in _batches([len(ids) for ids in read], batch_size):
            given = torch.tensor([read[number] for number in batch], device=model.device)
            if edits:
                rows = _edited(model, given, batch, edits, others, tokens, ends, (temperature, top_k, top_p))
            else:
                rows = module.generate(input_ids=given, attention_mask=torch.ones_like(given))
            for number, row in zip(batch, rows.tolist(), strict=True):
                start = len(read[number])
                stop = next((place for place in range(start, len(row)) if row[place] in ends), len(row) - 1)
                written[number] = row[: stop + 1]
            progress("writing", len(written), len(read))
    ids = [written[number] for number in range(len(read))]
    return TokenLists(ids, tokenizer, [len(prompt) for prompt in read], f"written by {model.name}")


def from_prompt(
    model: ModuleModel,
    tokenizer: "Tokenizer",
    prompt: str,
    site: str,
    units: Sequence[int] | None = None,
    step: int = -1,
    where: Steps | None = None,
) -> Edit:
    """An edit that puts into units of a site what they are at a step of another prompt: activation patching.

    By default all units, at the prompt's last token. Raises ``InputError`` for a step that the prompt does not have.
    """
    ids = tokenizer.encode(prompt).ids
    if not -len(ids) <= step < len(ids):
        raise InputError(f"the prompt has {len(ids)} tokens, and step {step} is none of them")
    values = model.run(_batch(torch.tensor([ids], device=model.device), [0], len(ids)), [site])[site][0, step]
    chosen = tuple(range(len(values)) if units is None else units)
    return Edit(site, chosen, tuple(values[list(chosen)].tolist()), where)


@contextmanager
def _told_only(module: Any, drawing: dict[str, Any], ends: set[int], tokens: int) -> Iterator[None]:
    """Without what the model's own settings of generation say, such as penalties for repetition."""
    import transformers

    own = module.generation_config
    module.generation_config = transformers.GenerationConfig(
        max_new_tokens=tokens,
        eos_token_id=sorted(ends) or None,
        bos_token_id=own.bos_token_id,
        pad_token_id=min(ends, default=0),
        **drawing,
    )
    try:
        yield
    finally:
        module.generation_config = own


def _edited(
    model: ModuleModel,
    ids: Tensor,
    numbers: Sequence[int],
    edits: Sequence[Edit],
    others: Corpus | None,
    tokens: int,
    ends: set[int],
    how: tuple[float, int, float],
) -> Tensor:
    """Rows of token numbers, each followed by what the model writes while units are edited."""
    prompt = ids.shape[1]
    ended = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
    for _ in range(tokens):
        batch = _batch(ids, numbers, prompt)
        log_prob = model.run(batch, [LOG_PROB], bind(edits, model, batch, others))[LOG_PROB][:, -1]
        following = _chosen(log_prob, *how)
        ids = torch.cat([ids, following[:, None]], 1)
        ended |= torch.isin(following, torch.tensor(sorted(ends), device=ids.device))
        if bool(ended.all()):
            break
    return ids


def _batch(ids: Tensor, numbers: Sequence[int], prompt: int) -> Batch:
    rows, steps = ids.shape
    return Batch(
        tokens=ids,
        targets=torch.full_like(ids, -1),
        context=torch.full((rows,), prompt, device=ids.device),
        lengths=torch.full((rows,), steps, device=ids.device),
        sequence=torch.tensor(list(numbers), device=ids.device),
    )


def _chosen(log_prob: Float[Tensor, "row symbol"], temperature: float, top_k: int, top_p: float) -> Tensor:
    """The likeliest symbol of each row, or one that is drawn."""
    if not temperature:
        return log_prob.argmax(-1)
    probability = (log_prob / temperature).softmax(-1)
    ordered, places = probability.sort(-1, descending=True)
    before = ordered.cumsum(-1) - ordered
    rank = torch.arange(ordered.shape[-1], device=ordered.device)
    kept = (before < top_p) & ((rank < top_k) if top_k else torch.ones_like(rank, dtype=torch.bool))
    drawn = torch.multinomial(ordered * kept, 1)
    return places.gather(-1, drawn)[:, 0]


def _batches(lengths: Sequence[int], size: int) -> list[list[int]]:
    """Prompts of one length together, so that none is padded."""
    groups: dict[int, list[int]] = {}
    for number, length in enumerate(lengths):
        groups.setdefault(length, []).append(number)
    return [group[first : first + size] for group in groups.values() for first in range(0, len(group), size)]
