"""Additions of a Transformer's blocks to the residual stream, found from the values of one small run.

Names of modules do not tell: a norm may stand after what attention gives, a gate after its projection, an adapter
inside it. So a name is given where the numbers agree: the stream before a block plus what its parts give is the stream
after it, or, where norms stand on the stream itself, what goes into each of them. The part that is added is followed
back through norms to the linear map that made it, whose inputs are the heads of attention, or the neurons of an MLP.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

Values = Mapping[str, Float[Tensor, "sequence step _"]]
"""By site, what passed in the run."""

CROSS = ("cross", "encdec", "encoder_attn", "crossattention")
_MIXERS = ("linear_att", "delta", "mamba", "mixer", "conv", "temporal", "ssm", "rglru", "recurrent", "rwkv", "lstm")
"""In the names of modules and classes that carry values from step to step in another way than attention."""
_ROUTERS = ("gate", "router", "route")
_MOST = 4
"""Parts of a block that are added together."""
_CANDIDATES = 24


@dataclass(frozen=True)
class Block:
    """One call of a block."""

    path: str
    again: str
    """``#2`` for its second call."""
    before: str
    """The site of what it takes from the residual stream."""

    @property
    def after(self) -> str:
        """The site of the residual stream after it."""
        return f"{self.path}{self.again}.output"


@dataclass
class Found:
    """Names of sites, and those that are not given."""

    aliases: dict[str, str]
    withheld: dict[str, str]
    """By the name that is not given, why."""


def stacks(module: nn.Module, values: Values) -> dict[str, list[Block]]:
    """By path of their list, the blocks that ran: what takes a vector for each step and gives one of the same width."""
    found: dict[str, list[Block]] = {}
    for path, parent in module.named_modules():
        names = [name for name, _ in parent.named_children()]
        inside = any(path.startswith(f"{block.path}.") for blocks in found.values() for block in blocks)
        if not names or inside or not all(name.isdigit() for name in names):
            continue
        calls = [
            [(f"{path}.{name}", again) for again in _calls(f"{path}.{name}", values)]
            for name, child in parent.named_children()
            if list(child.children())
        ]
        # A block that is called again and again, and one after the other where each is called once.
        ordered = [call for turn in itertools.zip_longest(*calls) for call in turn if call]
        blocks = [block for where, again in ordered if (block := _block(where, again, values))]
        if blocks and _is_chain(blocks, values):
            found[path] = blocks
    return found


def _calls(path: str, values: Values) -> Iterator[str]:
    for number in itertools.count(1):
        again = f"#{number}" if number > 1 else ""
        if f"{path}{again}.output" not in values:
            return
        yield again


def _block(path: str, again: str, values: Values) -> Block | None:
    after = values[f"{path}{again}.output"]
    for number in range(1, 6):
        before = f"{path}{again}.input" + (f"_{number}" if number > 1 else "")
        if before in values and values[before].shape == after.shape:
            return Block(path, again, before)
    return None


def _is_chain(blocks: Sequence[Block], values: Values) -> bool:
    """Whether most blocks take what the one before gives; lists of attentions, and of norms, do not."""
    handed = [torch.equal(values[a.after], values[b.before]) for a, b in itertools.pairwise(blocks)]
    return 2 * sum(handed) >= len(handed)


def name_block(module: nn.Module, block: Block, here: str, values: Values, experts: int, found: Found) -> None:
    """Put the names of a block's sites under ``found``; ``here`` is what comes before them: ``blocks.0``."""
    found.aliases[block.before] = f"{here}.hook_resid_pre"
    found.aliases[block.after] = f"{here}.hook_resid_post"
    inside = _Inside(module, block, values)
    parts = inside.added()
    sources = {inside.source(site): site for site in parts} if parts else dict.fromkeys(inside.likely(), "")
    for source, site in sources.items():
        kind = inside.kind(source)
        out = f"{here}.hook_{kind}_out"
        if not site or parts[site] != 1.0:
            found.withheld[out] = (
                f"{out} is not named: {_why(source, parts.get(site), bool(parts))}; the module's own name is {source}"
            )
            found.aliases.setdefault(source, "")
        elif out not in found.aliases.values():
            found.aliases[site] = out
        else:  # a second part of its kind: experts that all tokens share, beside those that are chosen
            found.aliases[site] = f"{here}.hook_{source.split('.')[-2].partition('#')[0]}_out"
        _name_inside(inside, source, kind, here, found)
    _name_mixture(inside, here, experts, found)


def _why(source: str, scale: float | None, some: bool) -> str:
    if scale is not None:
        return f"what {source} gives is added to the residual stream times {scale:.4g}"
    return f"what is added to the residual stream is not what {source} gives" + (
        ", nor what another module gives" if not some else ""
    )


def _name_inside(inside: "_Inside", source: str, kind: str, here: str, found: Found) -> None:
    """The heads before the output projection, or the neurons."""
    if not (into := inside.into(source)):
        return
    if kind != "mlp":
        found.aliases[into] = f"{here}.{kind}.hook_z"
        return
    found.aliases[into] = f"{here}.mlp.hook_post"
    if before := inside.neurons_before(source, into):
        found.aliases[before] = f"{here}.mlp.hook_pre"


def _name_mixture(inside: "_Inside", here: str, experts: int, found: Found) -> None:
    """The router of a mixture of experts, and what those that are chosen and those that all share give."""
    for site, value in inside.outputs.items():
        own = site.rpartition(".")[0].partition("#")[0].removeprefix(f"{inside.block.path}.")
        last = own.rpartition(".")[2]
        if experts and value.shape[-1] == experts and any(word in own for word in _ROUTERS) and own.count(".") <= 2:
            if f"{here}.mlp.hook_router_logits" not in found.aliases.values():
                found.aliases[site] = f"{here}.mlp.hook_router_logits"
        elif value.shape == inside.before.shape and last == "experts":
            found.aliases.setdefault(site, f"{here}.mlp.hook_routed_out")
        elif value.shape == inside.before.shape and last in ("shared_expert", "shared_experts", "shared_mlp"):
            found.aliases.setdefault(site, f"{here}.mlp.hook_shared_out")


class _Inside:
    """The values inside one call of a block."""

    def __init__(self, module: nn.Module, block: Block, values: Values) -> None:
        self.block = block
        self.values = values
        self.before = values[block.before]
        self.after = values[block.after]
        self.modules = {f"{block.path}.{p}": m for p, m in module.get_submodule(block.path).named_modules() if p}
        self.linear = {path for path, child in self.modules.items() if _widths(child)}
        self.outputs = {
            site: values[site]
            for path in self.modules
            if (site := self._site(path, "output")) in values and not self._within_linear(path)
        }

    def _site(self, path: str, stream: str) -> str:
        return f"{path}{self.block.again}.{stream}"

    def _path(self, site: str) -> str:
        return site.rpartition(".")[0].removesuffix(self.block.again) if self.block.again else site.rpartition(".")[0]

    def _within_linear(self, path: str) -> bool:
        return any(path.startswith(f"{outer}.") for outer in self.linear)

    def _equals(self, value: Tensor, other: Tensor) -> bool:
        return value.shape == other.shape and torch.equal(value, other)

    @property
    def _candidates(self) -> dict[str, Tensor]:
        """Candidates for additions: the innermost module that gives each value."""
        found: dict[str, Tensor] = {}
        by_depth = sorted(
            self.outputs.items(), key=lambda item: (-item[0].count("."), self._path(item[0]) not in self.linear)
        )
        for site, value in by_depth:
            plain = value.shape == self.before.shape and bool(value.any()) and not self._equals(value, self.after)
            if plain and not any(self._equals(value, other) for other in (*found.values(), self.before)):
                found[site] = value
        return dict(sorted(found.items(), key=lambda item: list(self.outputs).index(item[0])))

    def added(self) -> dict[str, float]:
        """The sites of what is added to the residual stream, and what each is multiplied with on the way."""
        candidates = self._candidates
        if direct := _sum(self.after, self.before, candidates):
            return dict.fromkeys(direct, 1.0)
        for path, child in self.modules.items():  # a norm on the stream itself, to which the rest is added
            site = self._site(path, "output")
            if self._is_norm(path, child) and self._equals(self.values[self._site(path, "input")], self.before):
                others = {name: value for name, value in candidates.items() if name != site}
                if direct := _sum(self.after, self.values[site], others):
                    return dict.fromkeys(direct, 1.0)
        stream, found = self.before, list[str]()
        norms = [path for path, child in self.modules.items() if self._is_norm(path, child)]
        while norms:  # the one whose input is the stream with what was added to it
            for path in norms:
                into, out = (self.values[self._site(path, side)] for side in ("input", "output"))
                if parts := _sum(into, stream, {s: v for s, v in candidates.items() if s not in found}, most=2):
                    found += parts
                    stream = out
                    norms.remove(path)
                    break
            else:
                break
        if found and self._equals(stream, self.after):
            return dict.fromkeys(found, 1.0)
        return _scaled(self.after, self.before, candidates)

    def _is_norm(self, path: str, child: nn.Module) -> bool:
        """Whether a module could be a norm on the stream: a leaf that maps the stream's width to itself."""
        shapes = [
            self.values[site].shape for side in ("input", "output") if (site := self._site(path, side)) in self.values
        ]
        return shapes == [self.before.shape] * 2 and path not in self.linear and not list(child.children())

    def source(self, site: str) -> str:
        """The site of the linear map, or of the mixture, that made what a site gives; through norms."""
        for _ in range(4):
            path = self._path(site)
            if path in self.linear or path not in self.modules or list(self.modules[path].children()):
                return site
            into = self.values.get(self._site(path, "input"))
            made = [s for s, v in self._candidates.items() if into is not None and s != site and self._equals(v, into)]
            if not made:
                return site
            site = made[0]
        return site

    def likely(self) -> list[str]:
        """Where nothing is found to be added: the last linear maps of each kind that lead back to the stream."""
        last: dict[str, str] = {}
        for path in self.modules:
            site = self._site(path, "output")
            if path in self.linear and site in self.outputs and self.outputs[site].shape == self.before.shape:
                into = self.values.get(self._site(path, "input"))
                if self.kind(site) != "mlp" or (into is not None and into.shape[-1] != self.before.shape[-1]):
                    last[self.kind(site)] = site
        return list(last.values())

    def kind(self, site: str) -> str:
        """Attention, cross-attention, another mixer of steps, or an MLP: by its name, as far as the block."""
        path = self._path(site)
        steps = [path]
        while "." in path and path != self.block.path:
            path = path.rpartition(".")[0]
            steps.append(path)
        inside = [p for p in steps if p in self.modules]
        own = " ".join(p.removeprefix(f"{self.block.path}.") for p in inside[-1:] or steps[:1]).lower()
        own = f"{own} {self._path(site).removeprefix(self.block.path).lower()}"
        classes = " ".join(type(self.modules[p]).__name__.lower() for p in inside)
        if any(word in own for word in CROSS):
            return "cross_attn"
        if any(word in own for word in _MIXERS) or any(word in classes for word in ("mamba", "delta", "shortconv")):
            return "mixer"
        return "attn" if "att" in own or "attention" in classes else "mlp"

    def into(self, source: str) -> str:
        """The site of what a linear map takes; empty where it is none, or takes what a norm gives."""
        path = self._path(source)
        site = self._site(path, "input")
        if path not in self.linear or site not in self.values:
            return ""
        taken = self.values[site]
        normed = [v for s, v in self.outputs.items() if self._path(s) not in self.linear and v.shape == taken.shape]
        if taken.shape == self.before.shape and any(self._is_norm_of_stream(v, taken) for v in normed):
            return ""
        return site

    def _is_norm_of_stream(self, value: Tensor, taken: Tensor) -> bool:
        """Whether a map takes what other maps of its part take too: then it stands beside them, and not after."""
        shared = [p for p in self.linear if self._equals(self.values.get(self._site(p, "input"), value[:0]), taken)]
        return len(shared) > 1 and self._equals(value, taken)

    def neurons_before(self, source: str, post: str) -> str:
        """The site of the neurons before their non-linearity."""
        units = self.values[post].shape[-1]
        down = self._path(source)
        near = [p for p in self.modules if self.kind(self._site(p, "output")) == "mlp" and p != down]
        ups = [
            p for p in near
            if p in self.linear and self.values.get(self._site(p, "output"), self.before[..., :0]).shape[-1] == units
        ]  # fmt: skip
        for path in near:
            if path in self.linear or list(self.modules[path].children()):
                continue
            into, out = (self.values.get(self._site(path, side)) for side in ("input", "output"))
            if into is None or out is None or into.shape[-1] != units or out.shape != into.shape:
                continue
            gated = torch.where(out == 0, out, self.values[post] / out)
            if not self._equals(out, self.values[post]) and not bool(gated.isfinite().all()):
                continue
            made = [p for p in ups if self._equals(self.values[self._site(p, "output")], into)]
            return self._site(made[0], "output") if made else self._site(path, "input")
        return self._site(ups[0], "output") if len(ups) == 1 else ""


def _sum(after: Tensor, before: Tensor, candidates: Mapping[str, Tensor], most: int = _MOST) -> tuple[str, ...]:
    """The fewest candidates that, added to what was before, give what is after; empty where none do."""
    names = list(candidates)[:_CANDIDATES]
    missing = (after - before).double()
    if not names or not bool(missing.any()):
        return ()
    flat = torch.stack([candidates[name].double().flatten() for name in names])
    products, gram = (flat @ missing.flatten()).tolist(), (flat @ flat.T).tolist()
    whole = float(missing.square().sum())
    best: tuple[float, tuple[str, ...]] = (float("inf"), ())
    half = all(bool((v == v.to(torch.bfloat16).float()).all()) for v in (after, before))
    for count in range(1, most + 1):
        for chosen in itertools.combinations(range(len(names)), count):
            rest = whole - 2 * sum(products[n] for n in chosen) + sum(gram[a][b] for a in chosen for b in chosen)
            if rest < 1e-3 * whole and rest < best[0] / 64:
                parts = [candidates[names[n]] for n in chosen]
                if _is_sum(after, before, parts, half):
                    best = (max(rest, 1e-12 * whole), tuple(names[n] for n in chosen))
        if best[1] and not half:  # in half precision a small part may be less than rounding
            break
    return best[1]


def _is_sum(after: Tensor, before: Tensor, parts: Sequence[Tensor], half: bool) -> bool:
    """To rounding, at every value; what was kept in half precision is rounded as there."""
    total, size = before.double(), before.double().abs()
    for part in parts:
        total, size = total + part.double(), size + part.double().abs()
    slack = 2.0**-6 if half else 64 * torch.finfo(torch.float32).eps
    return bool(((total - after.double()).abs() <= slack * size + 1e-30).all())


def _scaled(after: Tensor, before: Tensor, candidates: Mapping[str, Tensor]) -> dict[str, float]:
    """The candidates that are added times a number each, the stream too; empty where none are."""
    names = list(candidates)[:_CANDIDATES]
    target = after.double().flatten()
    columns = torch.stack([before.double().flatten(), *(candidates[name].double().flatten() for name in names)])
    size = columns.norm(dim=1).clamp_min(1e-30)
    columns = columns / size[:, None]
    gram, products, whole = columns @ columns.T, columns @ target, float(target.square().sum())
    for count in (1, 2, 3):
        for chosen in itertools.combinations(range(1, len(names) + 1), count):
            places = torch.tensor([0, *chosen])
            solved = torch.linalg.lstsq(gram[places][:, places], products[places]).solution
            if whole - float(solved @ products[places]) > 1e-9 * whole:
                continue
            scales = (solved / size[places])[1:].tolist()
            if all(abs(scale) > 1e-3 for scale in (*scales, float(solved[0] / size[0]))):
                return {names[n - 1]: round(scale, 5) for n, scale in zip(chosen, scales, strict=True)}
    return {}


def _widths(module: Any) -> tuple[int, int] | None:
    """Units in and out of a linear map: of torch, of an adapter around one, or GPT-2's, the other way round."""
    weight = getattr(module, "weight", None)
    into, out = getattr(module, "in_features", None), getattr(module, "out_features", None)
    if isinstance(into, int) and isinstance(out, int):
        return into, out
    if type(module).__name__ == "Conv1D" and isinstance(weight, nn.Parameter):
        return weight.shape[0], weight.shape[1]
    return None
