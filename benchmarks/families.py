"""Every family of the installed Transformers that reads text and whose config can be made tiny: opened, and verified.

    python benchmarks/families.py docs/results/families.md [FAMILY …]

A family *opens* if its sites are found and its check passes. It is *verified* if on another batch, of sequences of
unequal length, every site equals what a hook by hand sees in each sequence alone, the residual stream is what the
library returns as its hidden states, and in every block what the named parts add, with the stream before, makes the
stream after, or what goes into the norms that stand on the stream.
"""

import argparse
import contextlib
import inspect
import os
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from transformers.models.auto import configuration_auto, modeling_auto

from unitscope.corpus.batch import Batch
from unitscope.models.module import ModuleModel
from unitscope.models.transformers import transformer

WIDE, VOCABULARY, SECONDS = 32, 99, 60
SIZES: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "emb_dim", "embed_dim", "hidden_dim", "n_embed"), WIDE),
    **dict.fromkeys(("embedding_size", "word_embed_proj_dim", "attention_hidden_size", "lru_width", "d_embed"), WIDE),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers", "depth"), 2),
    **dict.fromkeys(("encoder_layers", "decoder_layers", "num_encoder_layers", "num_blocks"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads", "num_encoder_attention_heads"), 4),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads", "num_decoder_attention_heads"), 4),
    **dict.fromkeys(("num_key_value_heads", "n_head_kv", "num_kv_heads", "num_query_groups"), 2),
    **dict.fromkeys(("head_dim", "d_kv", "d_head", "attention_head_dim", "kv_channels", "global_head_dim"), 8),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "d_ff", "encoder_ffn_dim", "decoder_ffn_dim", "n_inner"), 48),
    **dict.fromkeys(("ffn_hidden_size", "moe_intermediate_size", "shared_expert_intermediate_size", "d_inner"), 48),
    **dict.fromkeys(
        ("intermediate_size_mlp", "shared_intermediate_size", "expert_ffn_size", "dim_ff", "hidden_dim_ff"), 48
    ),
    **dict.fromkeys(("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "moe_k", "moe_topk", "top_k_experts", "num_experts_per_token"), 2),
    **dict.fromkeys(("n_group", "topk_group", "n_shared_experts", "num_shared_experts", "first_k_dense_replace"), 1),
    **dict.fromkeys(("q_lora_rank", "kv_lora_rank", "o_lora_rank", "dt_rank", "mamba_dt_rank", "time_step_rank"), 16),
    **dict.fromkeys(("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "index_head_dim"), 8),
    **dict.fromkeys(("mamba_n_heads", "mamba_num_heads", "n_mamba_heads", "mamba_d_head", "mamba_head_dim"), 8),
    **dict.fromkeys(("mamba_d_state", "state_size", "mamba_state_size", "ssm_state_size", "mamba_headdim"), 8),
    **dict.fromkeys(("mamba_n_groups", "mamba_ngroups", "n_groups", "expand", "index_n_heads"), 1),
    **dict.fromkeys(("linear_num_value_heads", "linear_num_key_heads"), 2),
    **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim", "rotary_dim"), 8),
    **dict.fromkeys(("vocab_size", "vocab_size_per_layer_input"), VOCABULARY),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length"), 128),
    **dict.fromkeys(("sliding_window", "attention_chunk_size", "window_size", "local_attention"), 64),
    "attn_layer_period": 2,
    "attn_layer_offset": 1,
    "expert_layer_period": 2,
    "expert_layer_offset": 1,
    "attn_layer_indices": [1],
    "layers_block_type": ["mamba", "attention"],
    "hybrid_layer_ids": [1],
    "hidden_size_per_layer_input": 8,
    "num_kv_shared_layers": 0,
    "mamba_d_ssm": 64,
    "mamba_expand": 2,
    "chunk_size": 16,
    "mamba_chunk_size": 16,
}
"""What makes a config tiny, by the names that configs have for it."""
MAPPINGS = (
    ("MODEL_FOR_CAUSAL_LM_MAPPING_NAMES", "decoder"),
    ("MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES", "both"),
    ("MODEL_FOR_MASKED_LM_MAPPING_NAMES", "encoder"),
    ("MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES", "text part"),
)


def families() -> dict[str, tuple[str, str]]:
    """By family, the class that is tried and what it is."""
    found: dict[str, tuple[str, str]] = {}
    for mapping, kind in MAPPINGS:
        for family, name in getattr(modeling_auto, mapping).items():
            found.setdefault(family, (name[0] if isinstance(name, tuple) else name, kind))
    return dict(sorted(found.items()))


def tiny(config: Any) -> Any:
    """The same kind of config with small sizes, in its parts too."""
    told = {name: value for name, value in vars(config).items() if not name.startswith("_")}
    known = set(inspect.signature(type(config).__init__).parameters) | set(told)
    given: dict[str, Any] = {}
    layers = 2
    for name, value in told.items():
        if name == "num_key_value_heads" and "kv_lora_rank" in told:
            given[name] = SIZES["num_attention_heads"]
        elif name in SIZES and value is not None and name in known:
            listed = isinstance(value, list) and not isinstance(SIZES[name], list)
            given[name] = [SIZES[name]] * layers if listed else SIZES[name]
        elif isinstance(value, dict) and "mrope_section" in value:
            given[name] = {**value, "mrope_section": [1, 1, 2]}
        elif isinstance(value, list) and ("layer" in name or name.endswith("_types")) and len(value) > layers:
            other = next((item for item in value if item != value[0]), value[0])
            given[name] = [value[0], other] if "types" in name or "layers" not in name else value[:layers]
        elif name.endswith("_token_id") and isinstance(value, int):
            given[name] = min(value, 2) if value >= 0 else None
        elif hasattr(value, "to_dict") and hasattr(value, "model_type"):
            given[name] = tiny(value)
    made = {**{n: v for n, v in told.items() if n not in _FIXED and not hasattr(v, "to_dict")}, **given}
    try:
        return type(config)(**given)
    except Exception:  # some need what others derive
        return type(config)(**made)


_FIXED = (
    "transformers_version",
    "model_type",
    "architectures",
    "dtype",
    "torch_dtype",
    "id2label",
    "label2id",
    "num_labels",
)


def batch(lengths: tuple[int, ...], seed: int) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    tokens = torch.randint(5, VOCABULARY, (len(lengths), max(lengths)), generator=draw)
    ends = torch.tensor(lengths)
    tokens[torch.arange(max(lengths)) >= ends[:, None]] = 0
    none = torch.zeros(len(lengths), dtype=torch.long)
    return Batch(tokens=tokens, targets=torch.full_like(tokens, -1), context=none, lengths=ends, sequence=none)


def by_hand(module: nn.Module, call: Any) -> tuple[dict[str, Tensor], Any]:
    """What hooks see, by the names that sites have."""
    seen: dict[str, Tensor] = {}
    with contextlib.ExitStack() as hooks:
        for path, child in module.named_modules():
            calls = [0]

            def note(_m: Any, args: Any, kwargs: Any, output: Any, path: str = path, calls: list[int] = calls) -> None:
                calls[0] += 1
                again = f"{path}#{calls[0]}" if calls[0] > 1 else path
                for stream, values in (("input", (args, kwargs)), ("output", output)):
                    found = [v for v in flat(values) if v.is_floating_point()]
                    for number, value in enumerate(found):
                        seen[f"{again}.{stream}" + (f"_{number + 1}" if number else "")] = (
                            value.detach().clone().float()
                        )

            hooks.callback(child.register_forward_hook(note, with_kwargs=True).remove)
        with torch.no_grad():
            output = call()
    return seen, output


def flat(values: Any) -> Iterator[Tensor]:
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, dict):
        for value in values.values():
            yield from flat(value)
    elif isinstance(values, list | tuple):
        for value in values:
            yield from flat(value)


def verified(module: nn.Module, model: ModuleModel) -> str:
    """Empty, or what is wrong."""
    both = module.config.is_encoder_decoder
    lengths = (5, 11, 8)
    given = batch(lengths, 1)
    sites = [site for site in model.sites() if site.kind not in ("prediction", "pattern", "expert")]
    values = model.run(given, [site.name for site in sites])
    worst = 0.0
    for row, length in enumerate(lengths):
        ids = given.tokens[row : row + 1, :length]
        more = {"decoder_input_ids": ids} if both else {}
        said = {"attention_mask": torch.ones_like(ids), "output_hidden_states": True, **more}
        hand, output = by_hand(module, lambda ids=ids, said=said: module(input_ids=ids, **said))
        for site in sites:
            own = values[site.name][row, :length]
            other = hand.get(site.name)
            if other is None or other.numel() != own.numel():
                continue  # a second input, counted otherwise by hand
            other = other.reshape(own.shape)
            scale = max(1.0, float(other.abs().max()))
            if not (difference := float((own - other).abs().max()) / scale) <= 1e-4:
                return f"{site.name} differs by {difference:.1e} from a hook by hand in sequence {row}"
            worst = max(worst, difference)
        wrong = hidden_states(model, output, values, row, length)
        if wrong := wrong or identity(model, {n: v[row, :length] for n, v in values.items()}, hand):
            return wrong
    return ""


def hidden_states(model: ModuleModel, output: Any, values: dict[str, Tensor], row: int, length: int) -> str:
    states = getattr(output, "decoder_hidden_states", None) or getattr(output, "hidden_states", None)
    name = "decoder" if getattr(output, "decoder_hidden_states", None) else "blocks"
    posts = {
        s.alias: s.name for s in model.sites() if s.alias.startswith(f"{name}.") and s.alias.endswith("hook_resid_post")
    }
    first = posts.get(f"{name}.0.hook_resid_post")
    if not states or first is None:
        return ""
    own = values[first][row, :length]
    if not any(
        s.shape[-1] == own.shape[-1]
        and s.numel() == own.numel()
        and torch.allclose(s.reshape(own.shape).float(), own, rtol=1e-3, atol=1e-4)
        for s in states
    ):
        return f"{first} is none of the library's hidden states"
    return ""


def identity(model: ModuleModel, values: dict[str, Tensor], hand: dict[str, Tensor]) -> str:
    """In each block, before and what is added make after, or what goes into each norm on the stream."""
    by_alias = {site.alias: site.name for site in model.sites() if site.name in values and site.alias}
    for block in sorted({alias.rpartition(".")[0] for alias in by_alias if alias.endswith(".hook_resid_post")}):
        parts = [values[n] for a, n in by_alias.items() if a.startswith(f"{block}.hook_") and a.endswith("_out")]
        if not parts or any(name.startswith(f"{block}.") for name in model.checked.left_out):
            continue
        before, after = values[by_alias[f"{block}.hook_resid_pre"]], values[by_alias[f"{block}.hook_resid_post"]]
        path = by_alias[f"{block}.hook_resid_post"].rpartition(".")[0].partition("#")[0]
        inside = {n: v for n, v in hand.items() if n.startswith(f"{path}.") and n.endswith(".input")}
        if not close(before + sum(parts), after) and not through_norms(before, after, parts, inside, hand):
            return f"{block}: what is added does not make the stream after it"
    return ""


def through_norms(
    stream: Tensor, after: Tensor, parts: list[Tensor], inside: dict[str, Tensor], hand: dict[str, Tensor]
) -> bool:
    left = list(range(len(parts)))
    for name, value in inside.items():  # a norm on the stream, before anything is added
        out = hand[f"{name.removesuffix('input')}output"]
        same = value.numel() == out.numel() == stream.numel() and close(value.reshape(stream.shape), stream)
        if same and close(out.reshape(stream.shape) + sum(parts), after):
            return True
    while left:
        step = next(
            (
                (name, part)
                for name, value in inside.items()
                for part in left
                if value.numel() == stream.numel() and close(value.reshape(stream.shape), stream + parts[part])
                if hand[f"{name.removesuffix('input')}output"].numel() == stream.numel()
            ),
            None,
        )
        if step is None:
            return False
        left.remove(step[1])
        stream = hand[f"{step[0].removesuffix('input')}output"].reshape(stream.shape)
    return close(stream, after)


def close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=1e-3, atol=1e-4)


def tried(family: str, name: str) -> tuple[str, str, str]:
    """The number of sites, what was found, and why not."""
    cls = getattr(transformers, name, None)
    if cls is None:
        return "", "not in the library", ""
    torch.manual_seed(0)
    try:
        config = tiny(configuration_auto.CONFIG_MAPPING[family]())
        module = cls(config)
    except Exception as error:
        return "", "not made tiny", f"{type(error).__name__}: {' '.join(str(error).split())[:90]}"
    if sum(weight.numel() for weight in module.parameters()) > 30_000_000:
        return "", "not made tiny", "more than 30 million weights"
    module = module.eval()
    with torch.no_grad():
        for weight in module.parameters():
            if weight.is_floating_point() and weight.dim() > 1:
                weight.normal_(0, 0.1)
    try:
        model = transformer(module)
        check = model.checked
    except Exception as error:
        return "", "refused", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    kinds = [site.kind for site in model.sites()]
    counts = ", ".join(f"{kinds.count(k)} {k}" for k in dict.fromkeys(kinds) if k not in ("prediction",))
    if wrong := verified(module, model):
        return counts, "opens", wrong
    withheld = [reason for reason in check.left_out.values() if "is not named" in reason]
    return (
        counts,
        "verified",
        f"{len(withheld)} names withheld: {withheld[0].partition(': ')[2].partition(';')[0]}" if withheld else "",
    )


def main(out: str, chosen: list[str]) -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"
    warnings.simplefilter("ignore")
    transformers.utils.logging.set_verbosity_error()
    rows = []
    for family, (name, kind) in families().items():
        if chosen and family not in chosen:
            continue
        signal.signal(signal.SIGPROF, _late)  # of the processor's time, so that other work changes no verdict
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            sites, verdict, why = tried(family, name)
        except Exception as error:
            sites, verdict, why = "", "refused", f"{type(error).__name__}: {' '.join(str(error).split())[:150]}"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        rows.append((family, name, kind, sites, verdict, why))
        print(" | ".join(rows[-1]), flush=True)
    count = {
        verdict: sum(row[4] == verdict for row in rows) for verdict in ("verified", "opens", "refused", "not made tiny")
    }
    print(count)
    if out != "-":
        Path(out).write_text(page(rows, count), encoding="utf-8")


def _late(*_: Any) -> None:
    raise TimeoutError("took too long")


def page(rows: list[tuple[str, ...]], count: dict[str, int]) -> str:
    opened = count["verified"] + count["opens"]
    lines = [
        "# Families of Transformers",
        "",
        f"transformers {transformers.__version__}, torch {torch.__version__.partition('+')[0]}.",
        f"Of {len(rows)} families that read text, {opened} open and {count['verified']} are verified;",
        f"{count['refused']} are refused, with the reason, and {count['not made tiny']} could not be made tiny, so",
        "they were not tried.",
        "",
        *(line for line in (__doc__ or "").strip().splitlines()[4:]),
        "",
        "| family | class | read as | sites | verdict | remark |",
        "| --- | --- | --- | --- | --- | --- |",
        *(f"| {' | '.join(map(_cell, row))} |" for row in rows),
        "",
    ]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Without what a table or a link would be made of."""
    return text.replace("|", "/").replace("[", "\\[").replace("]", "\\]")


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("page", nargs="?", default="-", help="file to write the table into; - for none")
    asked.add_argument("families", nargs="*", help="some of them; all if not given")
    said = asked.parse_args()
    main(said.page, said.families)
