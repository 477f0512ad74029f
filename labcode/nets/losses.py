"""Losses that refuse to broadcast, weigh rows, and say what is wrong with a shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import vmap

from labcode.errors import LabcodeError

RegressionLoss = Literal["mse", "mae"]

#: A loss of one's own: outputs and targets in, the loss of each row out, shape ``(n,)``.
RowLoss = Callable[[Tensor, Tensor], Tensor]
#: Mean losses ``(k,)`` of ``k`` networks at once: outputs, targets and weight (or ``None``) have their axis in front.
StackedLoss = Callable[[Tensor, Tensor, Tensor | None], Tensor]


class ShapeError(LabcodeError, ValueError):
    """Two arrays whose shapes do not belong together."""


class Criterion(nn.Module):
    """The mean of a loss over rows and outputs; a subclass has the losses that go by a name."""

    def __init__(self, loss: str | RowLoss) -> None:
        super().__init__()
        self.loss = loss

    def check(self, outputs: Tensor, targets: Tensor) -> None:
        """Refuse shapes that do not belong together, which a loss would silently broadcast."""
        raise NotImplementedError

    def named(self, outputs: Tensor, targets: Tensor, *, reduction: str) -> Tensor:
        """The loss that goes by the name ``self.loss``."""
        raise NotImplementedError

    def forward(self, outputs: Tensor, targets: Tensor, weight: Tensor | None = None) -> Tensor:
        """The mean loss, a scalar; ``weight`` ``(n,)`` is 1 on average."""
        self.check(outputs, targets)
        if weight is None and isinstance(self.loss, str):
            return self.named(outputs, targets, reduction="mean")
        losses = self.of_rows(outputs, targets)
        return losses.mean() if weight is None else (losses * weight).mean()

    def of_rows(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of each row, ``(n,)``."""
        if isinstance(self.loss, str):
            losses = self.named(outputs, targets, reduction="none")
            return losses if losses.ndim == 1 else losses.mean(dim=1)
        losses = self.loss(outputs, targets)
        if losses.shape != targets.shape[:1]:
            raise ShapeError(
                f"A loss of one's own returned shape {tuple(losses.shape)} for {len(targets)} rows; expected one value "
                f"a row, ({len(targets)},). Reduce it over the outputs only, as with .mean(dim=1)."
            )
        return losses

    def stacked(self, outputs: Tensor, targets: Tensor, weight: Tensor | None) -> Tensor:
        """Mean losses ``(k,)`` of ``k`` networks at once; a loss of one's own must be one that ``vmap`` can call."""
        if not isinstance(self.loss, str):
            means: Tensor = vmap(self, in_dims=(0, 0, None if weight is None else 0))(outputs, targets, weight)
            return means
        losses = self.of_rows(outputs.flatten(0, 1), targets.flatten(0, 1)).view(outputs.shape[:2])
        return (losses if weight is None else losses * weight).mean(dim=1)


class RegressionCriterion(Criterion):
    """Mean loss of a regression, ``"mse"``, ``"mae"`` or a :data:`RowLoss`, over rows and outputs.

    Outputs and targets ``(n, n_outputs)``, weight ``(n,)`` or ``None``; returns a scalar.

    >>> RegressionCriterion("mse")(torch.zeros(2, 1), torch.tensor([[1.0], [3.0]]))
    tensor(5.)
    """

    def check(self, outputs: Tensor, targets: Tensor) -> None:
        """Refuse different shapes.

        ``(n, 1)`` against ``(n,)`` is the dangerous case: the difference has shape ``(n, n)``, its mean is still a
        number, and the best that a network can do about it is to predict the mean of the target.
        """
        if outputs.shape == targets.shape:
            return
        found, expected = tuple(outputs.shape), tuple(targets.shape)
        try:
            broadcast: object = np.broadcast_shapes(found, expected)
        except ValueError:
            broadcast = "an error"
        raise ShapeError(
            f"The network returned shape {found} but the targets have shape {expected}, and subtracting the two would "
            f"give {broadcast}; both must be (rows, outputs). Let the network return {(*expected, 1)[:2]} (a Linear "
            "layer with n_outputs units and no squeeze), or reshape the targets, as with y.reshape(-1, 1)."
        )

    def named(self, outputs: Tensor, targets: Tensor, *, reduction: str) -> Tensor:
        return (F.mse_loss if self.loss == "mse" else F.l1_loss)(outputs, targets, reduction=reduction)


class ClassificationCriterion(Criterion):
    """Mean loss of a classification, ``"cross_entropy"`` or a :data:`RowLoss` of logits and class numbers, over rows.

    ``label_smoothing`` is the share of each label that is spread over all classes while training; evaluation leaves
    labels as they are. Logits ``(n, n_classes)``, targets ``(n,)``, weight ``(n,)`` or ``None``; returns a scalar.

    >>> ClassificationCriterion()(torch.zeros(3, 2), torch.tensor([0, 1, 1]))
    tensor(0.6931)
    """

    def __init__(self, loss: str | RowLoss = "cross_entropy", label_smoothing: float = 0.0) -> None:
        super().__init__(loss)
        self.label_smoothing = label_smoothing

    def check(self, outputs: Tensor, targets: Tensor) -> None:
        if outputs.ndim == 2 and targets.ndim == 1 and len(outputs) == len(targets):
            return
        raise ShapeError(
            f"The network returned shape {tuple(outputs.shape)} for classes of shape {tuple(targets.shape)}; expected "
            "logits (rows, classes) beside class numbers (rows,). Let the network return one column a class and no "
            "other axis, and pass labels of shape (rows,)."
        )

    def named(self, outputs: Tensor, targets: Tensor, *, reduction: str) -> Tensor:
        smoothing = self.label_smoothing if self.training else 0.0
        return F.cross_entropy(outputs, targets, reduction=reduction, label_smoothing=smoothing)


@dataclass(frozen=True)
class FocalLoss:
    """Focal loss, ``(1 - p) ** gamma * -log(p)`` for the probability ``p`` of the true class.

    It takes weight from rows that are already right (Lin et al., 2017, "Focal Loss for Dense Object Detection",
    https://arxiv.org/abs/1708.02002). ``gamma=0`` is the cross-entropy. Logits ``(n, n_classes)`` and class numbers
    ``(n,)`` in, ``(n,)`` out.

    >>> FocalLoss(gamma=0.0)(torch.zeros(1, 2), torch.tensor([0]))
    tensor([0.6931])
    """

    gamma: float = 2.0

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        cross_entropy = F.cross_entropy(logits, targets, reduction="none")
        return (-torch.expm1(-cross_entropy)).clamp(min=0.0) ** self.gamma * cross_entropy
