"""Losses that refuse to broadcast, weigh rows, and say what is wrong with a shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import vmap

from labcode.errors import LabcodeError

RegressionLoss = Literal["mse", "mae", "huber"]

#: A loss of one's own: outputs and targets in, the loss of each row out, shape ``(n,)``.
RowLoss = Callable[[Tensor, Tensor], Tensor]

ELEMENT_LOSSES: dict[str, Callable[..., Tensor]] = {"mse": F.mse_loss, "mae": F.l1_loss, "huber": F.huber_loss}


class ShapeError(LabcodeError, ValueError):
    """Two arrays whose shapes do not belong together."""


def check_same_shape(outputs: Tensor, targets: Tensor) -> None:
    """Refuse outputs and targets of different shapes, which a loss would silently broadcast.

    ``(n, 1)`` against ``(n,)`` is the dangerous case: the difference has shape ``(n, n)``, its mean is still a
    number, and the best that a network can do about it is to predict the mean of the target.

    Raises
    ------
    ShapeError
        If the shapes differ.

    Examples
    --------
    >>> check_same_shape(torch.zeros(3, 1), torch.zeros(3))
    Traceback (most recent call last):
    labcode.nets.losses.ShapeError: The network returned shape (3, 1) but the targets have shape (3,), ...
    """
    if outputs.shape == targets.shape:
        return
    found, expected = tuple(outputs.shape), tuple(targets.shape)
    try:
        broadcast: object = tuple(torch.broadcast_shapes(found, expected))
    except RuntimeError:
        broadcast = "an error"
    raise ShapeError(
        f"The network returned shape {found} but the targets have shape {expected}, and subtracting the two would give "
        f"{broadcast}; both must be (rows, outputs). Let the network return {(*expected, 1)[:2]} (a Linear layer "
        "with n_outputs units and no squeeze), or reshape the targets, as with y.reshape(-1, 1)."
    )


def check_class_shape(logits: Tensor, classes: Tensor) -> None:
    """Refuse logits that are not ``(n, n_classes)`` beside class numbers of shape ``(n,)``.

    Raises
    ------
    ShapeError
        If the shapes do not belong together.
    """
    if logits.ndim == 2 and classes.ndim == 1 and len(logits) == len(classes):
        return
    raise ShapeError(
        f"The network returned shape {tuple(logits.shape)} for classes of shape {tuple(classes.shape)}; expected "
        "logits (rows, classes) beside class numbers (rows,). Let the network return one column a class and no other "
        "axis, and pass labels of shape (rows,)."
    )


def weighted_mean(losses: Tensor, weight: Tensor | None, targets: Tensor) -> Tensor:
    """Mean of the losses of rows, shape ``(n,)``, each times its weight (1 on average)."""
    if losses.shape != targets.shape[:1]:
        raise ShapeError(
            f"A loss of one's own returned shape {tuple(losses.shape)} for {len(targets)} rows; expected one value a "
            f"row, ({len(targets)},). Reduce it over the outputs only, as with .mean(dim=1)."
        )
    return losses.mean() if weight is None else (losses * weight).mean()


class StackedLoss(Protocol):
    """Mean losses ``(k,)`` of ``k`` networks at once: every argument has their axis in front."""

    def __call__(self, outputs: Tensor, targets: Tensor, weight: Tensor | None) -> Tensor:
        """The mean loss of each network over its rows."""


class RegressionCriterion(nn.Module):
    """Mean loss of a regression, over rows and outputs.

    Parameters
    ----------
    loss
        ``"mse"``, ``"mae"``, ``"huber"`` (quadratic below an error of 1), or a :data:`RowLoss`.

    Shape
    -----
    Outputs and targets ``(n, n_outputs)``, weight ``(n,)`` or ``None``; returns a scalar.

    Examples
    --------
    >>> RegressionCriterion("mse")(torch.zeros(2, 1), torch.tensor([[1.0], [3.0]]))
    tensor(5.)
    """

    def __init__(self, loss: RegressionLoss | RowLoss = "mse") -> None:
        super().__init__()
        self.loss = loss

    def forward(self, outputs: Tensor, targets: Tensor, weight: Tensor | None = None) -> Tensor:
        check_same_shape(outputs, targets)
        if not isinstance(self.loss, str):
            return weighted_mean(self.loss(outputs, targets), weight, targets)
        element_loss = ELEMENT_LOSSES[self.loss]
        if weight is None:
            return element_loss(outputs, targets)
        return weighted_mean(element_loss(outputs, targets, reduction="none").mean(dim=1), weight, targets)

    def stacked(self) -> StackedLoss:
        """The same for many networks at once: outputs and targets ``(k, n, n_outputs)``, weight ``(k, n)``."""
        if not isinstance(self.loss, str):
            return over_networks(self)
        element_loss = ELEMENT_LOSSES[self.loss]

        def losses(outputs: Tensor, targets: Tensor, weight: Tensor | None) -> Tensor:
            check_same_shape(outputs, targets)
            of_rows = element_loss(outputs, targets, reduction="none").mean(dim=2)
            return (of_rows if weight is None else of_rows * weight).mean(dim=1)

        return losses


class ClassificationCriterion(nn.Module):
    """Mean loss of a classification, over rows.

    Parameters
    ----------
    loss
        ``"cross_entropy"``, or a :data:`RowLoss` of logits and class numbers, such as :class:`FocalLoss`.
    label_smoothing
        Share of each label that is spread over all classes while training; evaluation leaves labels as they are.

    Shape
    -----
    Logits ``(n, n_classes)``, targets ``(n,)`` of class numbers, weight ``(n,)`` or ``None``; returns a scalar.

    Examples
    --------
    >>> ClassificationCriterion()(torch.zeros(3, 2), torch.tensor([0, 1, 1]))
    tensor(0.6931)
    """

    def __init__(
        self, loss: Literal["cross_entropy"] | RowLoss = "cross_entropy", label_smoothing: float = 0.0
    ) -> None:
        super().__init__()
        self.loss, self.label_smoothing = loss, label_smoothing

    def forward(self, logits: Tensor, targets: Tensor, weight: Tensor | None = None) -> Tensor:
        check_class_shape(logits, targets)
        if not isinstance(self.loss, str):
            return weighted_mean(self.loss(logits, targets), weight, targets)
        cross_entropy = partial(
            F.cross_entropy, logits, targets, label_smoothing=self.label_smoothing if self.training else 0.0
        )
        return cross_entropy() if weight is None else weighted_mean(cross_entropy(reduction="none"), weight, targets)

    def stacked(self) -> StackedLoss:
        """The same for many networks at once: logits ``(k, n, n_classes)``, targets and weight ``(k, n)``."""
        if not isinstance(self.loss, str):
            return over_networks(self)
        smoothing = self.label_smoothing if self.training else 0.0

        def losses(logits: Tensor, targets: Tensor, weight: Tensor | None) -> Tensor:
            flat = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none", label_smoothing=smoothing)
            of_rows = flat.view(targets.shape)
            return (of_rows if weight is None else of_rows * weight).mean(dim=1)

        return losses


def over_networks(criterion: nn.Module) -> StackedLoss:
    """A criterion of one network, called for each of many; a loss of one's own must be one that ``vmap`` can call."""

    def losses(outputs: Tensor, targets: Tensor, weight: Tensor | None) -> Tensor:
        return vmap(criterion, in_dims=(0, 0, None if weight is None else 0))(outputs, targets, weight)

    return losses


@dataclass(frozen=True)
class FocalLoss:
    """Focal loss, ``(1 - p) ** gamma * -log(p)`` for the probability ``p`` of the true class.

    It takes weight from rows that are already right (Lin et al., 2017, "Focal Loss for Dense Object Detection",
    https://arxiv.org/abs/1708.02002). ``gamma=0`` is the cross-entropy.

    Shape
    -----
    Logits ``(n, n_classes)`` and class numbers ``(n,)`` in, ``(n,)`` out.

    Examples
    --------
    >>> FocalLoss(gamma=0.0)(torch.zeros(1, 2), torch.tensor([0]))
    tensor([0.6931])
    """

    gamma: float = 2.0

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        cross_entropy = F.cross_entropy(logits, targets, reduction="none")
        return (-torch.expm1(-cross_entropy)).clamp(min=0.0) ** self.gamma * cross_entropy
