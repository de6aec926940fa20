"""Probes for scikit-learn users: ``fit(X, y)``, ``predict``, ``score``, parameters in the constructor, ``clone`` works.

X is an array or tensor [word unit], y any labels. One probe at a time; ``fit_linear`` and ``fit_nonlinear`` fit many.
"""

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from unitscope.errors import InputError
from unitscope.probing.linear import EVALUATIONS, TOLERANCE, Penalty, fit_linear
from unitscope.probing.nonlinear import Hidden, fit_nonlinear

Array = np.ndarray | Tensor
Self = TypeVar("Self", bound="Classifier")


class Classifier(ABC):
    """What is the same for all. After ``fit``, ``classes_`` holds the labels, sorted."""

    classes_: Shaped[np.ndarray, " class"]

    @abstractmethod
    def _fit(self, x: Float[Tensor, "word unit"], y: Int[Tensor, " word"]) -> None:
        """Fit to class numbers."""

    @abstractmethod
    def _log_probs(self, x: Float[Tensor, "word unit"]) -> Float[Tensor, "word class"]:
        """Logarithms (nats) of each class's probability."""

    def fit(self: Self, X: Array, y: Array) -> Self:
        """Fit. Raises ``InputError`` if there are not as many labels as rows, or only one class."""
        x = _tensor(X)
        labels = np.asarray(y)
        if labels.shape != (len(x),):
            raise InputError(f"{len(x)} words have labels of shape {labels.shape}; give one label for each word")
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        self._fit(x, torch.from_numpy(numbers.astype(np.int64)))
        return self

    def predict_log_proba(self, X: Array) -> Float[np.ndarray, "word class"]:
        found: np.ndarray = self._log_probs(_tensor(X)).numpy()
        return found

    def predict_proba(self, X: Array) -> Float[np.ndarray, "word class"]:
        found: np.ndarray = np.exp(self.predict_log_proba(X))
        return found

    def predict(self, X: Array) -> Shaped[np.ndarray, " word"]:
        """The most probable label of each word."""
        found: np.ndarray = self.classes_[self.predict_log_proba(X).argmax(1)]
        return found

    def score(self, X: Array, y: Array) -> float:
        """Accuracy."""
        return float((self.predict(X) == np.asarray(y)).mean())

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters of the constructor."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]

    def set_params(self: Self, **values: Any) -> Self:
        """Change parameters. Raises ``InputError`` for an unknown one."""
        for name, value in values.items():
            if name not in self.get_params():
                raise InputError(f"there is no parameter {name!r}; there are: {', '.join(self.get_params())}")
            setattr(self, name, value)
        return self


@dataclass(eq=False)
class LinearProbe(Classifier):
    """Multinomial logistic regression with an elastic net on standardised units (see ``Penalty``).

    After ``fit``: ``coef_`` [class unit] and ``intercept_`` [class], for units as they are.
    """

    l1: float = 0.0
    l2: float = 1e-4
    tolerance: float = TOLERANCE
    evaluations: int = EVALUATIONS

    def _fit(self, x: Float[Tensor, "word unit"], y: Int[Tensor, " word"]) -> None:
        penalty = Penalty(float(self.l1), float(self.l2))
        fit = fit_linear([x], y[None], len(self.classes_), [penalty], self.tolerance, self.evaluations)
        self.fit_ = fit
        self.coef_, self.intercept_ = fit.weight[0].numpy(), fit.intercept[0].numpy()

    def _log_probs(self, x: Float[Tensor, "word unit"]) -> Float[Tensor, "word class"]:
        return self.fit_.log_probs(0, x)


@dataclass(eq=False)
class HiddenProbe(Classifier):
    """A probe with a hidden layer: MLP-1, or linear of rank ``width`` where ``relu`` is false.

    A tenth of the words, drawn by ``seed``, is held out for early stopping.
    """

    width: int = 64
    relu: bool = True
    epochs: int = 20
    batch: int = 500
    rate: float = 1e-3
    seed: int = 0

    def _fit(self, x: Float[Tensor, "word unit"], y: Int[Tensor, " word"]) -> None:
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(self.seed))
        held, kept = order[: max(1, len(x) // 10)], order[max(1, len(x) // 10) :]
        how = Hidden(self.epochs, self.batch, self.rate, width=self.width, relu=self.relu)
        self.fit_ = fit_nonlinear(
            [x[kept]], y[None, kept], len(self.classes_), ([x[held]], y[None, held]), how, (self.seed,)
        )

    def _log_probs(self, x: Float[Tensor, "word unit"]) -> Float[Tensor, "word class"]:
        return self.fit_.log_probs(0, x)


def _tensor(values: Array) -> Float[Tensor, "word unit"]:
    """As it is if it is floating point, else float32."""
    tensor = values if isinstance(values, Tensor) else torch.from_numpy(np.ascontiguousarray(values))
    if tensor.dim() != 2:
        raise InputError(f"activations have the shape [word unit], not {tuple(tensor.shape)}")
    return tensor if tensor.is_floating_point() else tensor.float()
