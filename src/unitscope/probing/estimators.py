"""Probes for scikit-learn users: ``fit(X, y)``, ``predict``, ``score``, parameters in the constructor, ``clone`` works.

X is an array or tensor [word unit], y any labels (numbers, for a regression). One probe at a time; ``fit_linear``,
``fit_nonlinear`` and ``Gram`` fit many. What has sentences and trees has functions of its own: ``fit_heads``,
``fit_structural``, ``fit_spans``.
"""

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from unitscope.errors import InputError
from unitscope.probing.linear import EVALUATIONS, TOLERANCE, Penalty, fit_linear
from unitscope.probing.nonlinear import Hidden, fit_nonlinear
from unitscope.probing.ridge import Gram

Array = np.ndarray | Tensor
Self = TypeVar("Self", bound="Classifier")
Known = TypeVar("Known", bound="Parameters")


class Parameters:
    """The parameters of a constructor, as scikit-learn asks for them."""

    _estimator_type: ClassVar[str]

    def __sklearn_tags__(self) -> Any:
        """Tags that scikit-learn requests of an estimator."""
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags  # type: ignore[import-untyped]

        return Tags(
            estimator_type=self._estimator_type,
            target_tags=TargetTags(required=True),
            transformer_tags=None,
            classifier_tags=ClassifierTags() if self._estimator_type == "classifier" else None,
            regressor_tags=RegressorTags() if self._estimator_type == "regressor" else None,
            input_tags=InputTags(),
        )

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters of the constructor."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]

    def set_params(self: Known, **values: Any) -> Known:
        """Change parameters. Raises ``InputError`` for an unknown one."""
        for name, value in values.items():
            if name not in self.get_params():
                raise InputError(f"there is no parameter {name!r}; there are: {', '.join(self.get_params())}")
            setattr(self, name, value)
        return self


class Classifier(Parameters, ABC):
    """Common part of the estimators. After ``fit``, ``classes_`` holds the labels, sorted."""

    _estimator_type: ClassVar[str] = "classifier"
    classes_: Shaped[np.ndarray, " class"]
    n_features_in_: int

    @abstractmethod
    def _fit(self, x: Float[Tensor, "word unit"], y: Int[Tensor, " word"]) -> None:
        """Fit to class numbers."""

    @abstractmethod
    def _log_probs(self, x: Float[Tensor, "word unit"]) -> Float[Tensor, "word class"]:
        """Logarithms (nats) of each class's probability."""

    def fit(self: Self, X: Array, y: Array) -> Self:
        """Fit. Raises ``InputError`` if there are not as many labels as rows, or only one class."""
        x = _tensor(X)
        labels = _labels(y, len(x))
        self.n_features_in_ = x.shape[1]
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        self._fit(x, torch.from_numpy(numbers.astype(np.int64)))
        return self

    def predict_log_proba(self, X: Array) -> Float[np.ndarray, "word class"]:
        if not hasattr(self, "classes_"):
            raise InputError(f"this {type(self).__name__} is not fitted yet; call fit first")
        x = _tensor(X)
        if x.shape[1] != self.n_features_in_:
            raise InputError(f"the probe was fitted to {self.n_features_in_} units and is given {x.shape[1]}")
        found: np.ndarray = self._log_probs(x).numpy()
        return found

    def predict_proba(self, X: Array) -> Float[np.ndarray, "word class"]:
        found: np.ndarray = np.exp(self.predict_log_proba(X))
        return found

    def predict(self, X: Array) -> Shaped[np.ndarray, " word"]:
        """The most probable label of each word."""
        said = self.predict_log_proba(X).argmax(1)
        found: np.ndarray = self.classes_[said]
        return found

    def score(self, X: Array, y: Array) -> float:
        """Accuracy. A label that training lacked counts as an error, as anywhere in scikit-learn."""
        said = self.predict(X)
        return float((said == _labels(y, len(said))).mean())


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
    """A probe with hidden layers: MLP-1, MLP-2 (``depth`` 2), or linear of rank ``width`` where ``relu`` is false.

    A tenth of the words, drawn by ``seed``, is held out for early stopping.
    """

    width: int = 64
    relu: bool = True
    depth: int = 1
    epochs: int = 20
    batch: int = 500
    rate: float = 1e-3
    seed: int = 0

    def _fit(self, x: Float[Tensor, "word unit"], y: Int[Tensor, " word"]) -> None:
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(self.seed))
        held, kept = order[: max(1, len(x) // 10)], order[max(1, len(x) // 10) :]
        how = Hidden(self.epochs, self.batch, self.rate, width=self.width, relu=self.relu, depth=self.depth)
        self.fit_ = fit_nonlinear(
            [x[kept]], y[None, kept], len(self.classes_), ([x[held]], y[None, held]), how, (self.seed,)
        )

    def _log_probs(self, x: Float[Tensor, "word unit"]) -> Float[Tensor, "word class"]:
        return self.fit_.log_probs(0, x)


@dataclass(eq=False)
class RidgeProbe(Parameters):
    """Linear regression of one number per word, or of several, with a squared penalty (see ``ridge.Gram``).

    After ``fit``: ``coef_`` [unit] or [value unit], and ``intercept_``.
    """

    l2: float = 1.0
    _estimator_type: ClassVar[str] = "regressor"

    def fit(self, X: Array, y: Array) -> "RidgeProbe":
        """Fit. Raises ``InputError`` if there are not as many numbers as rows, or some are not finite."""
        x, values = _tensor(X), torch.as_tensor(np.asarray(y, dtype=np.float64))
        if values.dim() not in (1, 2) or len(values) != len(x):
            raise InputError(f"{len(x)} words have values of shape {tuple(values.shape)}; give numbers for each word")
        self.fit_ = Gram.of(x, values.reshape(len(x), -1)).fit(float(self.l2))
        self.n_features_in_ = x.shape[1]
        self._single = values.dim() == 1
        self.coef_ = self.fit_.weight[:, 0].numpy() if self._single else self.fit_.weight.T.numpy()
        self.intercept_ = float(self.fit_.intercept[0]) if self._single else self.fit_.intercept.numpy()
        return self

    def predict(self, X: Array) -> Float[np.ndarray, "word ..."]:
        """The number of each word, or its numbers."""
        if not hasattr(self, "fit_"):
            raise InputError("this RidgeProbe is not fitted yet; call fit first")
        said: np.ndarray = self.fit_.predict(_tensor(X)).numpy()
        return said[:, 0] if self._single else said

    def score(self, X: Array, y: Array) -> float:
        """Explained share of the variance, the mean over the values."""
        truth = np.asarray(y, dtype=np.float64)
        error = ((self.predict(X) - truth) ** 2).sum(0)
        return float(np.mean(1 - error / ((truth - truth.mean(0)) ** 2).sum(0)))


def _labels(y: Array, count: int) -> Shaped[np.ndarray, " word"]:
    labels = np.asarray(y)
    if labels.shape != (count,):
        raise InputError(f"{count} words have labels of shape {labels.shape}; give one label for each word")
    return labels


def _tensor(values: Array) -> Float[Tensor, "word unit"]:
    """As it is if it is floating point, else float32."""
    tensor = values if isinstance(values, Tensor) else torch.from_numpy(np.ascontiguousarray(values))
    if tensor.dim() != 2:
        raise InputError(f"activations have the shape [word unit], not {tuple(tensor.shape)}")
    return tensor if tensor.is_floating_point() else tensor.float()
