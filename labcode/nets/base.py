"""What both estimators share: parameters, seeds, devices, held-out rows, and the way into the training loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from skorch.callbacks import Callback
from torch import nn

from labcode.nets.batches import Rows
from labcode.nets.device import describe_device, pick_device
from labcode.nets.loop import Plan, ResidentNet, Schedule, Scorer
from labcode.nets.losses import ShapeError
from labcode.nets.mlp import MLP
from labcode.nets.options import named

Array = npt.NDArray[Any]
#: Inputs, targets, and weights or ``None``.
CheckedRows = tuple[Array, Array, Array | None]
OptimizerName = Literal["adam", "adamw", "sgd"]

OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
#: Momentum of ``"sgd"``.
MOMENTUM = 0.9


def as_seed(random_state: int | np.random.RandomState | None) -> int:
    """The seed itself if it is a number, else one drawn from the generator."""
    if isinstance(random_state, (int, np.integer)):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """PyTorch's global generator at this seed; afterwards as it was before."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def check_outputs(net: ResidentNet, rows: Rows, n_outputs: int) -> None:
    """Refuse, before any training, a network whose output is not ``(n, n_outputs)``."""
    found = tuple(net.outputs(rows.X[:2]).shape)
    expected = (len(rows.X[:2]), n_outputs)
    if found != expected:
        raise ShapeError(
            f"The network returned shape {found} for {expected[0]} rows; expected {expected}. Let `module` return a "
            f"network that ends in a layer with n_outputs={n_outputs} units and does not squeeze its output."
        )


@dataclass(kw_only=True, eq=False, repr=False)
class TabularEstimator(BaseEstimator):  # type: ignore[misc]
    """What :class:`TabularRegressor` and :class:`TabularClassifier` share.

    Parameters
    ----------
    hidden
        Units of each hidden layer of the :class:`~labcode.nets.mlp.MLP`.
    dropout
        Probability, in [0, 1), that one of them is set to zero in training.
    module
        A function (or class) that takes ``n_features`` and ``n_outputs`` and returns a network of one's own, which then
        replaces the MLP and the two parameters above. Defined at the top of a module, the estimator stays picklable.
    optimizer
        ``"adam"`` (``weight_decay`` is an L2 term in the gradient), ``"adamw"`` (decoupled decay) or ``"sgd"``, with a
        momentum of 0.9.
    lr, weight_decay
        Learning rate, and weight decay on all parameters.
    l1
        Factor of the sum of absolute weights (not biases) in what is minimised.
    input_noise
        Standard deviation of normal noise added to the inputs while training, so on standardised inputs a share of
        theirs.
    schedule
        ``None`` for a constant learning rate, or ``"onecycle"``: :func:`labcode.nets.loop.one_cycle`.
    batch_size
        Rows a step. ``"full"`` takes one step an epoch, on all rows, unshuffled.
    shuffle
        Whether the rows are put in a new order for each epoch.
    max_epochs
        Passes over the training rows, if the patience does not end them.
    patience
        Epochs without a new lowest validation loss after which training stops. The weights with the lowest loss are
        kept, also where the last epoch comes first. ``None`` trains for ``max_epochs``.
    validation_fraction
        Share of the training rows held out for the patience, at random (stratified for a classifier), where ``fit``
        is given no ``valid_set``.
    callbacks
        skorch callbacks for epochs, such as ``EarlyStopping``. Those for batches are refused.
    device
        A torch device; ``None`` for ``LABCODE_DEVICE``, else a GPU where there is one, else the CPU.
    random_state
        Seed of initial weights, row order, dropout, noise and held-out rows. The same seed on the same CPU gives the
        same bits. PyTorch's global generator is left as it was.

    Attributes
    ----------
    history_
        DataFrame with a row an epoch, counted from 0: ``train_loss`` and the scores ``train_…`` that the steps saw
        (dropout on, weights still moving), the same for ``valid_…`` after the epoch where there are such rows, ``lr``
        and ``seconds``. Losses are in the units trained on, without label smoothing and penalties.
    best_epoch_
        Epoch whose weights the network holds, where there is a patience; else the last.
    device_
        Name of the device that trained it.
    net_
        The :class:`~labcode.nets.loop.ResidentNet`; ``net_.module_`` is the network.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    """

    #: Losses that go by a name.
    losses: ClassVar[tuple[str, ...]]
    loss: Any
    hidden: Sequence[int] = (64, 32)
    dropout: float = 0.0
    module: Callable[[int, int], nn.Module] | None = None
    optimizer: OptimizerName = "adam"
    lr: float = 1e-3
    weight_decay: float = 0.0
    l1: float = 0.0
    input_noise: float = 0.0
    schedule: Schedule | None = None
    batch_size: int | Literal["full"] = 128
    shuffle: bool = True
    max_epochs: int = 50
    patience: int | None = None
    validation_fraction: float = 0.1
    callbacks: Sequence[Callback] | None = None
    device: str | None = None
    random_state: int | np.random.RandomState | None = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, valid_set: tuple[Any, Any] | None = None) -> Self:
        """Train.

        ``X`` ``(n, n_features)``; ``y`` ``(n,)`` or ``(n, n_targets)``, for a classifier labels ``(n,)``, numbers or
        strings. ``sample_weight`` ``(n,)`` is the weight of each row in the loss; it multiplies the weight of the row's
        class. ``valid_set`` holds rows ``(X, y)`` for the patience, recorded as ``valid_…``; without a patience they
        change nothing.

        `ValueError` if a parameter cannot work, an array holds NaN or infinity or the wrong number of rows or columns;
        for a classifier also if there is only one class, or ``valid_set`` holds a label that the training rows do not.
        `ShapeError` if a network of one's own returns another shape than ``(n, n_outputs)``, `DivergedError` if the
        loss is no longer finite.
        """
        train, n_outputs = self._begin(X, y, sample_weight)
        valid = None if valid_set is None else self._check(*valid_set)
        seed = as_seed(self.random_state)
        if self.patience is not None and valid is None:
            train, valid = self._hold_out(train, seed)
        self._learn_target(*train[1:])
        device = pick_device(self.device)
        with seeded(seed, device):
            net = self._build_net(train[0].shape[1], n_outputs, device)
            rows = self._to_rows(train, device)
            watched = None if valid is None else self._to_rows(valid, device)
            check_outputs(net, rows, n_outputs)
            best_epoch = net.train(rows, self.build_plan(seed), self._scorer(device), watched)
        return self._finish(net, best_epoch, device)

    def build_module(self, n_features: int, n_outputs: int) -> nn.Module:
        """The untrained network; its weights come from PyTorch's generator as it stands."""
        if self.module is not None:
            return self.module(n_features, n_outputs)
        return MLP(n_features, n_outputs, hidden=self.hidden, dropout=self.dropout)

    def build_plan(self, seed: int) -> Plan:
        """What the training loop needs to know of the parameters."""
        names = [field.name for field in fields(Plan) if field.name != "seed"]
        return Plan(seed=seed, **{name: getattr(self, name) for name in names})

    def _begin(self, X: Any, y: Any, sample_weight: Any) -> tuple[CheckedRows, int]:
        """Check parameters and training rows, and note what they say of labels and shapes; the number of outputs."""
        raise NotImplementedError

    def _check(self, X: Any, y: Any, weight: Any = None, *, reset: bool = False) -> CheckedRows:
        raise NotImplementedError

    def _learn_target(self, y: Array, weight: Array | None = None) -> None:
        """Take from the training targets what encoding them needs."""

    def _encode_target(self, y: Array) -> Array:
        """Targets as the loss wants them."""
        raise NotImplementedError

    def _row_weight(self, y: Array, weight: Array | None) -> Array | None:
        """Weight of each row in the loss, or ``None`` where all weigh the same."""
        return weight

    def _strata(self, y: Array) -> Array | None:
        """Groups that a random hold-out keeps in proportion, or ``None``."""
        return None

    def _criterion(self) -> nn.Module:
        raise NotImplementedError

    def _scorer(self, device: torch.device) -> Scorer:
        raise NotImplementedError

    def _finish(self, net: ResidentNet, best_epoch: int, device: torch.device) -> Self:
        """Keep what a trained net found, and the net itself without what only training needs."""
        self.best_epoch_ = best_epoch
        self.history_ = pd.DataFrame(list(net.history)).drop(columns="batches").set_index("epoch")
        self.device_ = describe_device(device)
        net.trim_for_prediction()
        self.net_ = net
        return self

    def _build_net(self, n_features: int, n_outputs: int, device: torch.device) -> ResidentNet:
        """An initialised net, its weights drawn on the CPU so that every device starts from the same."""
        momentum = {"optimizer__momentum": MOMENTUM} if self.optimizer == "sgd" else {}
        net = ResidentNet(
            module=self.build_module(n_features, n_outputs),
            criterion=self._criterion(),
            optimizer=OPTIMIZERS[self.optimizer],
            lr=self.lr,
            optimizer__weight_decay=self.weight_decay,
            optimizer__fused=device.type in ("cpu", "cuda"),
            device=str(device),
            callbacks=list(self.callbacks or []),
            verbose=0,
            **momentum,
        )
        net.initialize()
        return net

    def _hold_out(self, rows: CheckedRows, seed: int) -> tuple[CheckedRows, CheckedRows]:
        """Training and validation rows, split at random."""
        X, y, weight = rows
        try:
            kept, held = train_test_split(
                np.arange(len(X)), test_size=self.validation_fraction, random_state=seed, stratify=self._strata(y)
            )
        except ValueError as error:
            raise ValueError(
                f"{named(self, 'validation_fraction')} cannot split {len(X)} rows for the patience ({error}); choose "
                "another share, or pass valid_set to fit."
            ) from error
        taken = [(X[places], y[places], None if weight is None else weight[places]) for places in (kept, held)]
        return taken[0], taken[1]

    def _to_rows(self, rows: CheckedRows, device: torch.device) -> Rows:
        """Checked arrays as rows on the device; weights get a mean of 1."""
        X, y, weight = rows
        weight = self._row_weight(y, weight)
        tensors = [torch.from_numpy(np.require(X, requirements=["C", "W"])), torch.from_numpy(self._encode_target(y))]
        if weight is not None:
            tensors.append(torch.from_numpy((weight / weight.mean()).astype(np.float32)))
        return Rows(*(tensor.to(device) for tensor in tensors))

    def _outputs(self, X: Any) -> Array:
        """Outputs ``(n, n_outputs)`` of the fitted network, as float64."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        outputs = self.net_.outputs(torch.from_numpy(np.require(X, requirements=["C", "W"])).to(self.net_.device))
        return np.asarray(outputs.cpu(), dtype=np.float64)
