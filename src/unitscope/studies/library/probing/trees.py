"""Dependency trees in each layer: relations of edges, heads of words, distances and depths."""

from typing import Any, cast

import torch
from torch import Tensor

from unitscope.corpus.sentence import ROOT
from unitscope.probing.heads import HeadProbe, control_heads, fit_heads
from unitscope.probing.measures import macro_f1
from unitscope.probing.sentences import Lengths
from unitscope.probing.spans import SpanProbe, fit_spans
from unitscope.probing.structural import Structure, chain, fit_structural, tree_scores
from unitscope.probing.words import HasWords, WordSet, divide, gather
from unitscope.studies.library.probing.sources import Probed


def probe_trees(probed: Probed, words: int, epochs: int, seed: int = 0) -> dict[str, Any]:
    """For each layer: F1 of relations, accuracy of heads and of their control task, UUAS and correlations."""
    source, corpus = probed.source, cast(HasWords, probed.source.corpus)
    numbers = [n for n in source.sequences if _is_tree(corpus, n)]
    limits = (words, words // 4, words // 2)
    sites = list(probed.layers.values())
    parts = [
        gather(source, corpus, sites, part, "last", most)
        for part, most in zip(divide(corpus, numbers, seed=seed), limits, strict=True)
    ]
    train, held, test = ([part.activations[site] for site in sites] for part in parts)
    lengths = [Lengths.of(part.sentence) for part in parts]
    heads = [torch.tensor([word.head for word in part.words]) for part in parts]
    out: dict[str, Any] = {name: {} for name in probed.layers}

    relations = sorted({word.labels["deprel"] for word in parts[0].words})
    edges = [_edges(part, of, head, relations) for part, of, head in zip(parts, lengths, heads, strict=True)]
    spans = fit_spans(
        train,
        edges[0][0],
        edges[0][1][None],
        len(relations),
        (held, edges[1][0], edges[1][1][None]),
        SpanProbe(epochs=epochs, batch=50, rate=1e-3),
    )
    forms = [
        [[w.form.lower() for w in s] for s in _by_sentence(part, of)] for part, of in zip(parts, lengths, strict=True)
    ]
    drawn = control_heads([sentence for part in forms for sentence in part], seed + 1)
    controls = list(torch.cat(drawn).split([len(part) for part in parts]))
    targets = [
        torch.stack([torch.where(h == ROOT, -1, h), torch.where(h == ROOT, -1, c)])
        for h, c in zip(heads, controls, strict=True)
    ]
    found = fit_heads(
        train, lengths[0], targets[0], (held, lengths[1], targets[1]), HeadProbe(epochs=epochs, batch=10, rate=2e-3)
    )
    shapes = {
        kind: fit_structural(
            train,
            lengths[0],
            heads[0],
            (held, lengths[1], heads[1]),
            Structure(epochs=epochs, batch=10, rate=3e-3, kind=kind),
        )
        for kind in ("distance", "depth")
    }
    counted = torch.tensor([word.labels.get("upos") != "PUNCT" for word in parts[2].words])
    for i, name in enumerate(probed.layers):
        said = spans.log_probs(i, test[i], edges[2][0]).argmax(1)
        truth, size = edges[2][1], len(relations)
        known = truth >= 0
        table = torch.bincount(truth[known] * size + said[known], minlength=size**2).view(size, size).double()
        accuracies = []
        for target in (0, 1):
            y = targets[2][target]
            guessed = found.log_probs(2 * i + target, test[i], lengths[2]).argmax(1)
            accuracies.append(float((guessed == y)[y >= 0].double().mean()))
        distance = tree_scores(shapes["distance"].predict(i, test[i], lengths[2]), lengths[2], heads[2], counted)
        depth = tree_scores(shapes["depth"].predict(i, test[i], lengths[2]), lengths[2], heads[2], counted)
        out[name] = {
            "relations, micro-F1": float((said == truth)[known].double().mean()),
            "relations, macro-F1": macro_f1(table),
            "heads": accuracies[0],
            "heads, control": accuracies[1],
            "heads, selectivity": accuracies[0] - accuracies[1],
            "UUAS": distance.uuas,
            "distances, Spearman": distance.spearman,
            "depths, Spearman": depth.spearman,
            "roots": depth.root,
        }
    out["linear chain"] = {"UUAS": tree_scores(chain(lengths[2]), lengths[2], heads[2], counted).uuas}
    return out


def _is_tree(corpus: HasWords, number: int) -> bool:
    heads = [word.head for word in corpus.sentences[number].words]
    return None not in heads and heads.count(ROOT) == 1


def _by_sentence(part: WordSet, lengths: Lengths) -> list[tuple[Any, ...]]:
    starts = lengths.starts.tolist()
    return [part.words[a : a + n] for a, n in zip(starts, lengths.words.tolist(), strict=True)]


def _edges(part: WordSet, lengths: Lengths, heads: Tensor, relations: list[str]) -> tuple[Tensor, Tensor]:
    """Spans of dependent and head, and the relation; −1 for one that training lacks."""
    number = {name: place for place, name in enumerate(relations)}
    starts = lengths.starts.repeat_interleave(lengths.words)
    rows = torch.nonzero(heads != ROOT).squeeze(1)
    head = starts[rows] + heads[rows]
    spans = torch.stack([torch.stack([rows, rows + 1], 1), torch.stack([head, head + 1], 1)], 1)
    said = [number.get(part.words[row].labels["deprel"], -1) for row in rows.tolist()]
    return spans, torch.tensor(said)
