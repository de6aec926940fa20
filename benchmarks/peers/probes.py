"""Linear probes at one penalty: unitscope, scikit-learn, an L-BFGS of PyTorch over all problems, and NeuroX.

Activations with 24 common factors and classes of frequency 1/i; four penalties, as a probe is fitted to choose one.
Each way fits the same problems on units in their standard deviations; its accuracy on other words stands beside it.
NeuroX runs where it can be imported (``pip install --no-deps neurox tqdm``: its release pins a torch of 2021).

OMP_NUM_THREADS=1 python benchmarks/peers/probes.py
"""

import argparse
import warnings
from typing import Any

import torch
from measuring import in_turns, table
from sklearn.linear_model import LogisticRegression

from unitscope.probing.linear import RIDGES, fit_linear

CLASSES = 17


def made(words: int, units: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Standardised activations, an eighth of the units informative, and classes."""
    draw = torch.Generator().manual_seed(0)
    share = 1 / torch.arange(1.0, CLASSES + 1)
    y = torch.multinomial(share, words, True, generator=draw)
    means = torch.zeros(CLASSES, units)
    means[:, ::8] = 0.55 * torch.randn(CLASSES, len(range(0, units, 8)), generator=draw)
    loadings = 0.35 * torch.randn(24, units, generator=draw)
    x = means[y] + torch.randn(words, 24, generator=draw) @ loadings + torch.randn(words, units, generator=draw)
    return (x - x.mean(0)) / x.std(0, unbiased=False), y


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=10_000)
    parser.add_argument("--units", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    x, y = made(2 * options.words, options.units)
    train, test = slice(0, options.words), slice(options.words, None)
    inputs, right = x[train].contiguous(), y[train]
    accuracies: dict[str, list[float]] = {}

    def judged(name: str, weights: torch.Tensor, intercepts: torch.Tensor) -> None:
        logits = torch.einsum("wu,pcu->pwc", x[test], weights) + intercepts[:, None]
        accuracies[name] = (logits.argmax(2) == y[test]).float().mean(1).tolist()

    def own() -> None:
        fit = fit_linear([inputs], right[None], CLASSES, RIDGES)
        judged("unitscope, all penalties at once", fit.weight, fit.intercept)

    def sklearn() -> None:
        fits = []
        for penalty in RIDGES:
            fits.append(LogisticRegression(C=1 / (penalty.l2 * options.words), max_iter=1000).fit(inputs, right))
        weights = torch.stack([torch.from_numpy(fit.coef_).float() for fit in fits])
        judged("scikit-learn, lbfgs", weights, torch.stack([torch.from_numpy(f.intercept_).float() for f in fits]))

    def batched() -> None:
        weights = torch.zeros(len(RIDGES), CLASSES, options.units, requires_grad=True)
        intercepts = torch.zeros(len(RIDGES), CLASSES, requires_grad=True)
        ridge = torch.tensor([penalty.l2 for penalty in RIDGES])
        adam = torch.optim.LBFGS(
            [weights, intercepts], max_iter=100, tolerance_grad=3e-4, line_search_fn="strong_wolfe"
        )

        def loss() -> torch.Tensor:
            adam.zero_grad()
            logits = (inputs @ weights.flatten(0, 1).T).unflatten(1, (len(RIDGES), CLASSES)) + intercepts
            cost = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), right.repeat_interleave(len(RIDGES)), reduction="sum"
            )
            value = cost / options.words + (0.5 * ridge * weights.square().sum((1, 2))).sum()
            value.backward()
            return value

        adam.step(loss)  # type: ignore[no-untyped-call]
        judged("L-BFGS of PyTorch, all penalties in one", weights.detach(), intercepts.detach())

    ways: dict[str, Any] = {
        "scikit-learn, lbfgs": sklearn,
        "unitscope, all penalties at once": own,
        "L-BFGS of PyTorch, all penalties in one": batched,
    }
    try:
        from neurox.interpretation import linear_probe
    except ImportError as error:
        print(f"NeuroX is left out: {error}")
    else:

        def neurox() -> None:
            nets = []
            for penalty in RIDGES:
                torch.manual_seed(0)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    nets.append(
                        linear_probe.train_logistic_regression_probe(
                            inputs.numpy(),
                            right.numpy(),
                            lambda_l1=0.0,
                            lambda_l2=penalty.l2 / 2,
                            num_epochs=10,
                            batch_size=512,
                        )
                    )
            weights = torch.stack([net.linear.weight.detach() for net in nets])
            judged("NeuroX, 10 epochs", weights, torch.stack([net.linear.bias.detach() for net in nets]))

        ways["NeuroX, 10 epochs"] = neurox
    rows = in_turns(ways, options.repeats, against="scikit-learn, lbfgs")
    said = {name: "accuracies " + " ".join(f"{value:.4f}" for value in found) for name, found in accuracies.items()}
    table(
        [row._replace(leaves=said[row.what]) for row in rows], f"{options.words:,} × {options.units}, {CLASSES} classes"
    )


if __name__ == "__main__":
    main()
