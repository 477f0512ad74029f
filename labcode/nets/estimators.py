"""Networks as scikit-learn estimators: ``clone`` them, pickle them, search over them, put them in a pipeline.

The training loop is :mod:`labcode.nets.loop`, what the two estimators share is :mod:`labcode.nets.base`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

import numpy as np
import torch
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import Tags, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, column_or_1d, validate_data
from torch import Tensor, nn

from labcode.nets.base import Array, CheckedRows, TabularEstimator
from labcode.nets.loop import Scorer
from labcode.nets.losses import ClassificationCriterion, RegressionCriterion, RegressionLoss, RowLoss
from labcode.nets.options import check_options


def regression_scores(outputs: Tensor, targets: Tensor, scale: Tensor) -> dict[str, Tensor]:
    """R2 (mean over outputs) and RMSE, in the target's unit by way of ``scale``, of ``(n, n_outputs)`` tensors."""
    squared_error = (outputs - targets).square().mean(dim=0)
    variance = targets.var(dim=0, correction=0)
    return {
        "r2": (1.0 - squared_error / variance).mean(),
        "rmse": (squared_error * scale.square()).mean().sqrt(),
    }


def classification_scores(logits: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """Accuracy of ``(n, n_classes)`` logits against class numbers ``(n,)``."""
    return {"accuracy": (logits.argmax(dim=1) == targets).float().mean()}


@dataclass(kw_only=True, eq=False, repr=False)
class TabularRegressor(RegressorMixin, TabularEstimator):  # type: ignore[misc]
    """A network that predicts one or several numbers from a row.

    Parameters
    ----------
    loss
        ``"mse"``, ``"mae"``, or a function from outputs and targets ``(n, n_targets)`` to the losses of
        the rows ``(n,)``.
    standardize_target
        Whether the network learns ``(y - mean) / standard deviation`` of the training rows; ``predict`` always
        answers in the target's own unit. The losses in ``history_`` are then of the standardised target; ``…_rmse``
        is in its unit.
    **others
        All parameters of :class:`TabularEstimator`.

    Attributes
    ----------
    y_mean_, y_scale_
        Mean and standard deviation taken from the target, shape ``(n_targets,)``; 0 and 1 where it is not standardised.

    Notes
    -----
    Shapes: ``X`` ``(n, n_features)``; ``y`` and predictions ``(n,)`` or ``(n, n_targets)``, the latter as the former.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 2))
    >>> y = 100 * X[:, 0] + X[:, 1]
    >>> mlp = TabularRegressor(lr=0.01, random_state=0).fit(X, y)
    >>> mlp.score(X, y) > 0.99, list(mlp.history_.columns)
    (True, ['train_loss', 'train_r2', 'train_rmse', 'lr', 'seconds'])
    """

    losses = get_args(RegressionLoss)
    loss: RegressionLoss | RowLoss = "mse"
    standardize_target: bool = True

    def predict(self, X: Any) -> Array:
        """Predictions in the target's unit, of the same number of axes as the ``y`` of ``fit``."""
        predictions: Array = self._outputs(X) * self.y_scale_ + self.y_mean_
        return predictions[:, 0] if self._flat else predictions

    def _begin(self, X: Any, y: Any, sample_weight: Any) -> tuple[CheckedRows, int]:
        check_options(self)
        rows = self._check(X, y, sample_weight, reset=True)
        self._flat = rows[1].ndim == 1
        return rows, 1 if self._flat else rows[1].shape[1]

    def _check(self, X: Any, y: Any, weight: Any = None, *, reset: bool = False) -> CheckedRows:
        X, y = validate_data(self, X, y, dtype=np.float32, multi_output=True, y_numeric=True, reset=reset)
        return X, y, checked_weight(weight, X)

    def _learn_target(self, y: Array, weight: Array | None = None) -> None:
        columns = as_columns(y)
        self.y_mean_, self.y_scale_ = np.zeros(columns.shape[1]), np.ones(columns.shape[1])
        if self.standardize_target:
            self.y_mean_ = np.average(columns, axis=0, weights=weight)
            spread = np.sqrt(np.average((columns - self.y_mean_) ** 2, axis=0, weights=weight))
            self.y_scale_ = np.where(spread > 0.0, spread, 1.0)

    def _encode_target(self, y: Array) -> Array:
        return ((as_columns(y) - self.y_mean_) / self.y_scale_).astype(np.float32)

    def _criterion(self) -> nn.Module:
        return RegressionCriterion(self.loss)

    def _scorer(self, device: torch.device) -> Scorer:
        return partial(regression_scores, scale=torch.tensor(self.y_scale_, dtype=torch.float32, device=device))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


@dataclass(kw_only=True, eq=False, repr=False)
class TabularClassifier(ClassifierMixin, TabularEstimator):  # type: ignore[misc]
    """A network that predicts one of two or more classes from a row; it returns a logit for each class, also for two.

    Parameters
    ----------
    loss
        ``"cross_entropy"``, or a function from logits ``(n, n_classes)`` and class numbers ``(n,)`` to the losses of
        the rows ``(n,)``, such as :class:`~labcode.nets.losses.FocalLoss`.
    label_smoothing
        Share, in [0, 1), of each label that is spread over all classes while training.
    class_weight
        ``"balanced"`` (inverse to the class's rows), a dictionary from label to weight, or ``None``.
    **others
        All parameters of :class:`TabularEstimator`.

    Attributes
    ----------
    classes_
        Labels, sorted: the order of the columns of ``predict_proba``.
    class_weight_
        Weight of each class, ``(n_classes,)``.

    Notes
    -----
    Shapes: ``X`` ``(n, n_features)``; ``y`` and predictions ``(n,)``; probabilities ``(n, n_classes)``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 2))
    >>> y = np.where(X[:, 0] * X[:, 1] > 0, "same sign", "other")
    >>> mlp = TabularClassifier(lr=0.01, random_state=0).fit(X, y)
    >>> mlp.score(X, y) > 0.95, mlp.predict_proba(X).shape
    (True, (500, 2))
    """

    losses = ("cross_entropy",)
    loss: Literal["cross_entropy"] | RowLoss = "cross_entropy"
    label_smoothing: float = 0.0
    class_weight: Literal["balanced"] | dict[Any, float] | None = None

    def predict_proba(self, X: Any) -> Array:
        """Probability of each class, ``(n, n_classes)``, in the order of ``classes_``."""
        logits = torch.from_numpy(self._outputs(X))
        return np.asarray(logits.softmax(dim=1))

    def predict(self, X: Any) -> Array:
        """The most probable label of each row, ``(n,)``."""
        predictions: Array = self._outputs(X).argmax(axis=1)
        return self.classes_[predictions]

    def _begin(self, X: Any, y: Any, sample_weight: Any) -> tuple[CheckedRows, int]:
        check_options(self)
        rows = self._check(X, y, sample_weight, reset=True)
        check_classification_targets(rows[1])
        self.classes_ = np.unique(rows[1])
        if len(self.classes_) < 2:
            raise ValueError(
                f"A classifier needs two classes or more, but y holds only one class: {self.classes_[0]!r}."
            )
        self.class_weight_ = compute_class_weight(self.class_weight, classes=self.classes_, y=rows[1])
        return rows, len(self.classes_)

    def _check(self, X: Any, y: Any, weight: Any = None, *, reset: bool = False) -> CheckedRows:
        X, y = validate_data(self, X, y, dtype=np.float32, reset=reset)
        return X, column_or_1d(y, warn=True), checked_weight(weight, X)

    def _encode_target(self, y: Array) -> Array:
        unknown = sorted(set(np.unique(y).tolist()) - set(self.classes_.tolist()))
        if unknown:
            raise ValueError(f"Labels {unknown} are not among those of the training rows, {self.classes_.tolist()}.")
        return np.searchsorted(self.classes_, y).astype(np.int64)

    def _row_weight(self, y: Array, weight: Array | None) -> Array | None:
        if self.class_weight is None:
            return weight
        of_class: Array = self.class_weight_[self._encode_target(y)]
        return of_class if weight is None else of_class * weight

    def _strata(self, y: Array) -> Array | None:
        return y if np.unique(y, return_counts=True)[1].min() > 1 else None

    def _criterion(self) -> nn.Module:
        return ClassificationCriterion(self.loss, self.label_smoothing)

    def _scorer(self, device: torch.device) -> Scorer:
        return classification_scores


def as_columns(y: Array) -> Array:
    """Targets ``(n,)`` or ``(n, n_targets)`` as float64 ``(n, n_targets)``."""
    return np.asarray(y, dtype=np.float64).reshape(len(y), -1)


def checked_weight(weight: Any, X: Array) -> Array | None:
    """Weights as float64 ``(n,)``, none negative; ``None`` stays ``None``."""
    return None if weight is None else _check_sample_weight(weight, X, dtype=np.float64, ensure_non_negative=True)
