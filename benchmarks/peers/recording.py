"""Reading a Transformer's units while it runs, against running it: ratios of processor time, one run, side by side.

A model of GPT-2's width with random weights; every residual stream and every MLP neuron is read. unitscope folds
them into moments, histograms and the 20 strongest examples, or records them. Beside it: a script of hooks that appends,
TransformerLens's ``run_with_cache`` and nnsight's tracing, each of which keeps all activations of a batch (the script:
of all batches) in memory. SAELens reads through TransformerLens. A peer that is not installed is left out.

Each way runs in a process of its own, so that its peak memory is its own, and in turns with the bare forward, so that
a busy machine slows both; the ratio is that of the two.

OMP_NUM_THREADS=1 python benchmarks/peers/recording.py
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from jaxtyping import Float
from measuring import Row, in_turns, table
from torch import Tensor

import unitscope
from unitscope.analyses.examples import Examples
from unitscope.analyses.histogram import Histogram
from unitscope.analyses.moments import Moments
from unitscope.corpus.batch import Batch
from unitscope.corpus.place import WithoutText
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.models.transformers import transformer

SITES = ("*.hook_resid_post", "*.mlp.hook_post")
SYMBOLS = 50_257
LEAVES = {
    "bare forward": "nothing",
    "unitscope: moments, histogram, top 20": "results of each unit",
    "unitscope: recorded as float16": "all values on disk, with digests",
    "hooks that append": "all values in memory",
    "TransformerLens run_with_cache": "values of one batch in memory",
    "nnsight trace": "values of one batch in memory",
}
"""What is there afterwards."""


class RandomTokens(WithoutText):
    """As many random sequences as are asked for."""

    name, fingerprint, annotations = "random tokens", "random", ()

    def __init__(self, sequences: int, length: int) -> None:
        self.tokens = torch.randint(SYMBOLS, (sequences, length), generator=torch.Generator().manual_seed(0))
        self.vocabulary = Vocabulary(tuple(str(number) for number in range(SYMBOLS)))

    def __len__(self) -> int:
        return len(self.tokens)

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return [self.tokens.shape[1]] * len(sequences)

    def batch(self, sequences: Sequence[int]) -> Batch:
        tokens = self.tokens[list(sequences)]
        none = torch.zeros(len(tokens), dtype=torch.long)
        return Batch(tokens, torch.full_like(tokens, -1), none, none + tokens.shape[1], torch.tensor(list(sequences)))

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        raise KeyError(name)

    def describe(self) -> dict[str, str]:
        return {}


def ways(options: argparse.Namespace, folder: Path) -> dict[str, Callable[[], Callable[[], Any]]]:
    """By name, what prepares a way of reading and gives what does it once over all sequences."""
    torch.manual_seed(0)
    module = transformers.GPT2LMHeadModel(transformers.GPT2Config(n_layer=options.layers)).eval()
    corpus = RandomTokens(options.sequences, options.length)
    batches = corpus.tokens.split(options.batch_size)
    model = transformer(module)
    body = module.transformer

    def bare() -> Callable[[], Any]:
        @torch.inference_mode()
        def run() -> None:
            for tokens in batches:
                body(input_ids=tokens)

        return run

    def live() -> unitscope.Live:
        return unitscope.Live(transformer(body), corpus, options.batch_size)

    def folded() -> Callable[[], Any]:
        source = live()
        source.model.sites()
        return lambda: unitscope.analyze(source, [Moments(), Histogram(), Examples(count=20)], SITES)

    def recorded() -> Callable[[], Any]:
        reading = transformer(body)
        reading.sites()
        number = iter(range(10**6))
        source = unitscope.Live(reading, corpus, options.batch_size)
        return lambda: unitscope.record(source, folder / str(next(number)), SITES, "float16")

    def appended() -> Callable[[], Any]:
        kept: list[Tensor] = []

        @torch.inference_mode()
        def run() -> None:
            kept.clear()
            read = [m for block in body.h for m in (block, block.mlp.act)]
            handles = [m.register_forward_hook(lambda _module, _args, output: kept.append(output)) for m in read]
            for tokens in batches:
                body(input_ids=tokens)
            for handle in handles:
                handle.remove()

        return run

    def lens() -> Callable[[], Any]:
        from transformer_lens import TransformerBridge

        saved = folder / "model"
        module.save_pretrained(saved)
        bridge = TransformerBridge.boot_transformers(str(saved), hf_model=module, tokenizer=_tokenizer(), device="cpu")

        @torch.inference_mode()
        def run() -> None:
            for tokens in batches:
                bridge.run_with_cache(
                    tokens, names_filter=lambda name: name.endswith(("hook_resid_post", "mlp.hook_post"))
                )

        return run

    def nnsight() -> Callable[[], Any]:
        from nnsight import NNsight

        traced = NNsight(body)

        @torch.inference_mode()
        def run() -> None:
            for tokens in batches:
                with traced.trace(tokens):
                    kept = [m.output.save() for block in traced.h for m in (block.mlp.act, block)]  # noqa: F841

        return run

    del model
    return {
        "bare forward": bare,
        "unitscope: moments, histogram, top 20": folded,
        "unitscope: recorded as float16": recorded,
        "hooks that append": appended,
        "TransformerLens run_with_cache": lens,
        "nnsight trace": nnsight,
    }


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, models

    return transformers.PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"a": 0}, unk_token="a")))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """One way against the bare forward, in turns, in this process."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        made = ways(options, Path(folder))
        both = {"bare forward": made["bare forward"](), options.way: made[options.way]()}
        found = in_turns(both, options.repeats, against="bare forward")[-1]
    return {**found._asdict(), "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=16)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--way", help="only this one, in this process, as JSON")
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measure(options)))
        return
    work = f"{options.layers} layers of GPT-2's width, {options.sequences} × {options.length} tokens"
    for way in ways(argparse.Namespace(**{**vars(options), "layers": 1}), Path()):
        done = subprocess.run([sys.executable, *sys.argv, "--way", way], capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{way} is left out: {done.stderr.strip().splitlines()[-1][:160]}", flush=True)
            continue
        found = json.loads(done.stdout.strip().splitlines()[-1])
        peak = found.pop("peak_mb")
        row = Row(**found)
        table([row._replace(leaves=f"{LEAVES[way]}; peak {peak:,.0f} MB")], work)


if __name__ == "__main__":
    main()
