"""What both estimators share: parameters, seeds, devices, held-out rows, and the way into the training loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

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

from labcode.nets.device import describe_device, pick_device
from labcode.nets.loop import Plan, ResidentNet, Rows, Schedule, Scorer
from labcode.nets.losses import ShapeError
from labcode.nets.mlp import MLP, Activation

Array = npt.NDArray[Any]
#: Inputs, targets, and weights or ``None``.
CheckedRows = tuple[Array, Array, Array | None]
#: Rows beside the training rows: inputs, targets and, where wanted, weights.
RowSet = tuple[Any, Any] | tuple[Any, Any, Any]
OptimizerName = Literal["adam", "adamw", "sgd"]

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
}


def is_count(value: object) -> bool:
    """Whether the value is a whole number of at least 1."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and int(value) >= 1


def as_seed(random_state: int | np.random.RandomState | None) -> int:
    """The seed itself if it is a number, else one drawn from the generator.

    Examples
    --------
    >>> as_seed(42)
    42
    """
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
    dropout, batch_norm, activation
        As in :class:`~labcode.nets.mlp.MLP`.
    module
        A function (or class) that takes ``n_features`` and ``n_outputs`` and returns a network of one's own, which then
        replaces the MLP and the four parameters above. Defined at the top of a module, the estimator stays picklable.
    optimizer
        ``"adam"`` (``weight_decay`` is an L2 term in the gradient), ``"adamw"`` (decoupled decay) or ``"sgd"``.
    lr, weight_decay, momentum
        Learning rate, weight decay on all parameters, and the momentum of ``"sgd"``.
    l1
        Factor of the sum of absolute weights (not biases) in what is minimised.
    input_noise
        Standard deviation of normal noise added to the inputs while training, so on standardised inputs a share of
        theirs.
    schedule
        ``None`` for a constant learning rate, ``"cosine"``, ``"linear"`` or ``"onecycle"``:
        :func:`labcode.nets.loop.learning_rate`.
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
    evaluate_train
        ``False``: the history's training loss and scores are those that the steps saw (dropout on, weights still
        moving). ``True``: training rows are scored again after each epoch, exactly as validation and test rows are.
    chunk_rows
        Rows that go through the network at a time in a step larger than that; the gradients add up to the same step.
        ``None`` for as many as fit the CPU's cache.
    callbacks
        skorch callbacks, called for epochs, not for batches.
    device
        A torch device; ``None`` for ``LABCODE_DEVICE``, else a GPU where there is one, else the CPU.
    random_state
        Seed of initial weights, row order, dropout, noise and held-out rows. The same seed on the same CPU gives the
        same bits. PyTorch's global generator is left as it was.

    Attributes
    ----------
    history_
        DataFrame with a row an epoch, counted from 0: ``train_loss`` and the scores ``train_…``, the same for
        ``valid_…`` and ``test_…`` where there are such rows, ``lr`` and ``seconds``. Losses are in the units trained
        on, without label smoothing and penalties.
    best_epoch_
        Epoch whose weights the network holds.
    device_
        Name of the device that trained it.
    net_
        The :class:`~labcode.nets.loop.ResidentNet`; ``net_.module_`` is the network.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    """

    hidden: Sequence[int] = (64, 32)
    dropout: float = 0.0
    batch_norm: bool = False
    activation: Activation = "relu"
    module: Callable[[int, int], nn.Module] | None = None
    optimizer: OptimizerName = "adam"
    lr: float = 1e-3
    weight_decay: float = 0.0
    momentum: float = 0.9
    l1: float = 0.0
    input_noise: float = 0.0
    schedule: Schedule | None = None
    batch_size: int | Literal["full"] = 128
    shuffle: bool = True
    max_epochs: int = 50
    patience: int | None = None
    validation_fraction: float = 0.1
    evaluate_train: bool = False
    chunk_rows: int | None = None
    callbacks: Sequence[Callback] | None = None
    device: str | None = None
    random_state: int | np.random.RandomState | None = None

    def build_module(self, n_features: int, n_outputs: int) -> nn.Module:
        """The untrained network; its weights come from PyTorch's generator as it stands."""
        if self.module is not None:
            return self.module(n_features, n_outputs)
        return MLP(
            n_features,
            hidden=self.hidden,
            n_outputs=n_outputs,
            dropout=self.dropout,
            batch_norm=self.batch_norm,
            activation=self.activation,
        )

    def build_plan(self, seed: int) -> Plan:
        """What the training loop needs to know of the parameters."""
        return Plan(
            lr=self.lr,
            max_epochs=self.max_epochs,
            seed=seed,
            batch_size=None if self.batch_size == "full" else self.batch_size,
            shuffle=self.shuffle,
            schedule=self.schedule,
            l1=self.l1,
            input_noise=self.input_noise,
            patience=self.patience,
            chunk_rows=self.chunk_rows,
            evaluate_train=self.evaluate_train,
        )

    def optimizer_options(self, device: torch.device) -> dict[str, Any]:
        """Options of the optimiser beside its learning rate."""
        momentum = {"momentum": self.momentum} if self.optimizer == "sgd" else {}
        return {"fused": device.type in ("cpu", "cuda"), "weight_decay": self.weight_decay, **momentum}

    def _check_options(self) -> None:
        """Refuse parameter values that cannot work, naming each."""
        rules: list[tuple[str, bool, str]] = [
            ("optimizer", self.optimizer in OPTIMIZERS, f"one of {', '.join(OPTIMIZERS)}"),
            ("schedule", self.schedule in (None, *get_args(Schedule)), f"None, {', '.join(get_args(Schedule))}"),
            ("batch_size", self.batch_size == "full" or is_count(self.batch_size), "a whole number >= 1, or 'full'"),
            ("max_epochs", is_count(self.max_epochs), "a whole number >= 1"),
            ("patience", self.patience is None or is_count(self.patience), "None or a whole number >= 1"),
            ("chunk_rows", self.chunk_rows is None or is_count(self.chunk_rows), "None or a whole number >= 1"),
            ("validation_fraction", 0.0 < self.validation_fraction < 1.0, "between 0 and 1"),
            ("lr", self.lr > 0.0, "above 0"),
            *((name, getattr(self, name) >= 0.0, ">= 0") for name in ("weight_decay", "momentum", "l1", "input_noise")),
        ]
        for name, holds, expected in rules:
            if not holds:
                option = f"{type(self).__name__}({name}={getattr(self, name)!r})"
                raise ValueError(f"{option} cannot work; expected {expected}.")

    def _begin(self, X: Any, y: Any, sample_weight: Any) -> tuple[CheckedRows, int]:
        """Check parameters and training rows, and note what they say of labels and shapes; the number of outputs."""
        raise NotImplementedError

    def _check(self, X: Any, y: Any, weight: Any = None, *, reset: bool = False) -> CheckedRows:
        raise NotImplementedError

    def _learn_target(self, y: Array, weight: Array | None = None) -> None:
        """Take from the training targets what encoding them needs."""
        raise NotImplementedError

    def _encode_target(self, y: Array) -> Array:
        """Targets as the loss wants them."""
        raise NotImplementedError

    def _row_weight(self, y: Array, weight: Array | None) -> Array | None:
        """Weight of each row in the loss, or ``None`` where all weigh the same."""
        raise NotImplementedError

    def _strata(self, y: Array) -> Array | None:
        """Groups that a random hold-out keeps in proportion, or ``None``."""
        raise NotImplementedError

    def _criterion(self) -> nn.Module:
        raise NotImplementedError

    def _scorer(self, device: torch.device) -> Scorer:
        raise NotImplementedError

    def _fit_rows(self, X: Any, y: Any, sample_weight: Any, valid_set: RowSet | None, test_set: RowSet | None) -> Self:
        """Train on rows of one's own, watching others."""
        train, n_outputs = self._begin(X, y, sample_weight)
        others = {"valid": valid_set, "test": test_set}
        sets = {name: self._check(*rows) for name, rows in others.items() if rows is not None}
        seed = as_seed(self.random_state)
        if self.patience is not None and "valid" not in sets:
            train, sets["valid"] = self._hold_out(train, seed)
        self._learn_target(*train[1:])
        device = pick_device(self.device)
        with seeded(seed, device):
            net = self._build_net(train[0].shape[1], n_outputs, device)
            rows = {name: self._to_rows(checked, device) for name, checked in {"train": train, **sets}.items()}
            check_outputs(net, rows["train"], n_outputs)
            best_epoch = net.train(rows.pop("train"), self.build_plan(seed), self._scorer(device), rows)
        return self._finish(net, best_epoch, device)

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
        net = ResidentNet(
            module=self.build_module(n_features, n_outputs),
            criterion=self._criterion(),
            optimizer=OPTIMIZERS[self.optimizer],
            lr=self.lr,
            device=str(device),
            callbacks=list(self.callbacks or []),
            verbose=0,
            **{f"optimizer__{name}": value for name, value in self.optimizer_options(device).items()},
        )
        net.initialize()
        return net

    def _hold_out(self, rows: CheckedRows, seed: int) -> tuple[CheckedRows, CheckedRows]:
        """Training and validation rows, split at random."""
        X, y, weight = rows
        kept, held = train_test_split(
            np.arange(len(X)), test_size=self.validation_fraction, random_state=seed, stratify=self._strata(y)
        )
        return tuple((X[i], y[i], None if weight is None else weight[i]) for i in (kept, held))  # type: ignore[return-value]

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
