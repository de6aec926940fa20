"""Linear probes of several layers and the choice of units, against scikit-learn and NeuroX, in one run.

OMP_NUM_THREADS=1 python benchmarks/probing.py                      # 13 layers of 20,000 × 768, 17 classes
OMP_NUM_THREADS=1 python benchmarks/probing.py --layers 2 --peers 1 # fewer; peers fit one layer at a time, so time one
OMP_NUM_THREADS=1 python benchmarks/probing.py --gaussian 4         # seconds per unit chosen by Gaussians

CPU seconds. NeuroX runs where it can be imported: `pip install --no-deps --target FOLDER neurox tqdm`, then
PYTHONPATH=FOLDER (its release pins a torch of 2021; its linear probe also runs on a new one).
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from unitscope.probing.gaussian import Gaussians, choose_units
from unitscope.probing.linear import ELASTIC_NET, Penalty, fit_linear
from unitscope.probing.rankings import by_weight, entry_mass, overlap, probeless

CLASSES, UNITS, INFORMATIVE = 17, 768, 64


def made(words: int) -> tuple[torch.Tensor, torch.Tensor, set[int]]:
    """Activations with 64 informative units among 768 and 24 common factors, and classes of frequency 1/i."""
    random = np.random.RandomState(0)
    share = 1 / np.arange(1, CLASSES + 1)
    y = random.choice(CLASSES, words, p=share / share.sum())
    y[:CLASSES] = np.arange(CLASSES)
    units = np.sort(random.choice(UNITS, INFORMATIVE, replace=False))
    means = np.zeros((CLASSES, UNITS))
    means[:, units] = 0.55 * random.randn(CLASSES, INFORMATIVE)
    loadings = 0.35 * random.randn(24, UNITS)
    x = means[y] + random.randn(words, 24) @ loadings + random.randn(words, UNITS)
    return torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y), set(units.tolist())


def timed(what: Callable[[], object]) -> tuple[float, object]:
    begin = time.process_time()
    outcome = what()
    return time.process_time() - begin, outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=13)
    parser.add_argument("--peers", type=int, default=1, help="layers that the peers fit")
    parser.add_argument("--words", type=int, default=20_000)
    parser.add_argument("--gaussian", type=int, default=0, help="units to choose by Gaussians")
    options = parser.parse_args()
    torch.set_num_threads(1)
    x, y, informative = made(options.words + 5_000)
    train, test = slice(0, options.words), slice(options.words, None)
    # The same numbers in another order of units: as costly as another layer, with a known outcome.
    layers = [
        x[train, torch.randperm(UNITS, generator=torch.Generator().manual_seed(i))] for i in range(1, options.layers)
    ]
    layers = [x[train], *layers]

    def accuracy(weight: torch.Tensor, intercept: torch.Tensor) -> float:
        return float(((x[test] @ weight.T + intercept).argmax(1) == y[test]).float().mean())

    def show(what: str, seconds: float, layers: int, accuracy: float, note: str = "") -> None:
        print(f"{what:<44} {seconds:7.2f} CPU s, {seconds / layers:6.3f} a layer, accuracy {accuracy:.4f}  {note}")

    for name, penalty in (("ridge 1e-4", Penalty()), ("elastic net 3e-4", ELASTIC_NET[1])):
        seconds, fit = timed(lambda p=penalty: fit_linear(layers, y[None, train], CLASSES, [p]))
        found = by_weight(fit.standardised[0])[:INFORMATIVE].tolist()
        zeros = float((fit.weight[0] == 0).float().mean())
        recall = len(informative & set(found)) / INFORMATIVE
        note = f"{fit.evaluations} evaluations, recall of units {recall:.2f}, {zeros:.0%} zeros"
        show(
            f"unitscope, {name}, {len(layers)} at once",
            seconds,
            len(layers),
            accuracy(fit.weight[0], fit.intercept[0]),
            note,
        )

    def recall(score: torch.Tensor) -> float:
        return len(informative & set(score.argsort(descending=True)[:INFORMATIVE].tolist())) / INFORMATIVE

    seconds, score = timed(lambda: probeless(x[train], y[train], CLASSES))
    print(f"{'unitscope, probeless':<44} {seconds:7.3f} CPU s, recall of units {recall(score):.2f}")
    for two_sided in (True, False):
        seconds, score = timed(lambda t=two_sided: overlap(x[train], y[train] == 1, t))
        name = f"unitscope, overlap with class 1, {'two sides' if two_sided else 'one side'}"
        print(f"{name:<44} {seconds:7.3f} CPU s, recall of units {recall(score):.2f}")
    if options.gaussian:
        seconds, gaussians = timed(lambda: Gaussians.fit(x[train], y[train], CLASSES))
        each, choice = timed(lambda: choose_units(gaussians, x[train], y[train], options.gaussian))
        known = sum(unit in informative for unit in choice.units)
        print(
            f"{'unitscope, Gaussians':<44} fit {seconds:.2f} CPU s, {each / options.gaussian:.2f} a unit, "
            f"{known} informative"
        )
    if not options.peers:
        return

    from sklearn.linear_model import LogisticRegression

    seconds, oracle = timed(lambda: LogisticRegression(max_iter=200).fit(x[train].numpy(), y[train].numpy()))
    show("scikit-learn, lbfgs, C = 1", seconds, 1, oracle.score(x[test].numpy(), y[test].numpy()))
    try:
        from neurox.interpretation import linear_probe
    except ImportError as error:
        print(f"NeuroX is not here: {error}")
        return
    for batch in (32, 512):
        torch.manual_seed(0)
        seconds, net = timed(
            lambda b=batch: linear_probe.train_logistic_regression_probe(
                x[train].numpy(), y[train].numpy(), lambda_l1=1e-5, lambda_l2=1e-5, num_epochs=10, batch_size=b
            )
        )
        weight, intercept = net.linear.weight.detach().cpu(), net.linear.bias.detach().cpu()
        show(f"NeuroX, batch {batch}, 10 epochs", seconds, 1, accuracy(weight, intercept))
    labels = {k: str(k) for k in range(CLASSES)}
    for percent in (1, 10, 50):
        top, _ = linear_probe.get_top_neurons(net, percent / 100, {v: k for k, v in labels.items()})
        own = torch.nonzero(entry_mass(weight) < percent / 100).squeeze(1).tolist()
        print(
            f"units of {percent} % of the mass: NeuroX {len(top)}, unitscope {len(own)}, "
            f"equal: {set(top.tolist()) == set(own)}"
        )


if __name__ == "__main__":
    main()
