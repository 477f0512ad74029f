"""The techniques that the regularization experiments compare, and what they share: fits, costs, paired intervals.

An interval here draws seeds as well as rows (or dates): a technique that gains on the same rows with one seed and loses
with the next has not gained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from labcode.experiments.searches import multiplications
from labcode.metrics import Interval, macro_f1, resampled_sums
from labcode.parallel import in_parallel
from labcode.settings import SEED

if TYPE_CHECKING:
    from labcode.batched import TrainingRows
    from labcode.estimator import RowSet, TabularEstimator

Floats = NDArray[np.float64]
Classes = NDArray[np.intp]
#: What a table of techniques says of each, in this order, where an experiment measures it.
COLUMNS = (
    "train",
    "test",
    "test_low",
    "test_high",
    "gap",
    "gain",
    "gain_low",
    "gain_high",
    "seed_sd",
    "epochs",
    "cost",
)


@dataclass(frozen=True, kw_only=True)
class Technique:
    """One way to hold a network back.

    Attributes
    ----------
    name
        Prefix of its scalars, such as ``"dropout_0.3"``.
    technique, setting
        The same for a reader: ``"dropout"`` and ``"0.3"``.
    changes
        Parameters of the estimator that differ from those of the network without regularization.
    """

    name: str
    technique: str
    setting: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Strengths:
    """How strong each technique is; the strengths of weight decay, L1 and noise depend on the task's loss and inputs.

    Attributes
    ----------
    dropout
        Rates.
    l2, decay
        Weight decay as a term of the gradient (Adam), and decoupled from it (AdamW).
    l1, input_noise
        Factors of the sum of absolute weights; standard deviations of noise on the standardised inputs.
    patience
        Epochs without a lower loss on held-out rows before training stops.
    label_smoothing
        Shares of a label spread over all classes; none for regression.
    smaller
        Hidden layers of the smaller network.
    combined
        Dropout and AdamW's decay, together.
    """

    dropout: tuple[float, ...] = (0.1, 0.3, 0.5)
    l2: tuple[float, ...]
    decay: tuple[float, ...]
    l1: tuple[float, ...]
    input_noise: tuple[float, ...]
    patience: int
    label_smoothing: tuple[float, ...] = ()
    smaller: tuple[int, ...]
    combined: tuple[float, float]


def techniques(strengths: Strengths) -> tuple[Technique, ...]:
    """All techniques of these strengths, ``none`` first.

    Examples
    --------
    >>> some = Strengths(l2=(), decay=(0.1,), l1=(), input_noise=(), patience=2, smaller=(8,), combined=(0.1, 0.1))
    >>> [each.name for each in techniques(some)][:5]
    ['none', 'dropout_0.1', 'dropout_0.3', 'dropout_0.5', 'adamw_0.1']
    """
    dropout, decay = strengths.combined
    size = "-".join(map(str, strengths.smaller))
    both: dict[str, Any] = {"dropout": dropout, "optimizer": "adamw", "weight_decay": decay}
    return (
        Technique(name="none", technique="none"),
        *_family("dropout", "dropout", "dropout", strengths.dropout),
        *_family("l2", "L2 with Adam", "weight_decay", strengths.l2),
        *_family("adamw", "AdamW", "weight_decay", strengths.decay, optimizer="adamw"),
        *_family("l1", "L1", "l1", strengths.l1),
        *_family("noise", "input noise", "input_noise", strengths.input_noise),
        *_family("smoothing", "label smoothing", "label_smoothing", strengths.label_smoothing),
        Technique(
            name="early_stopping",
            technique="early stopping",
            setting=f"patience {strengths.patience}",
            changes={"patience": strengths.patience},
        ),
        Technique(name="batch_norm", technique="batch norm", changes={"batch_norm": True}),
        Technique(name="smaller", technique="smaller network", setting=size, changes={"hidden": strengths.smaller}),
        Technique(name="combined", technique="dropout + AdamW", setting=f"{dropout:g} + {decay:g}", changes=both),
    )


def _family(prefix: str, technique: str, parameter: str, values: Sequence[float], **others: Any) -> list[Technique]:
    return [
        Technique(
            name=f"{prefix}_{value:g}", technique=technique, setting=f"{value:g}", changes={parameter: value, **others}
        )
        for value in values
    ]


def fit_networks(
    networks: Sequence[TabularEstimator], rows: Sequence[TrainingRows], valid: Sequence[RowSet | None]
) -> list[TabularEstimator]:
    """Clones of the networks, fitted on their rows; one that has a patience and ``valid`` rows stops by those.

    Raises
    ------
    Exception
        What the first network that could not be fitted raised.
    """
    from labcode.batched import fit_together

    watching = [i for i, network in enumerate(networks) if network.patience is not None and valid[i] is not None]
    others = [i for i in range(len(networks)) if i not in set(watching)]
    fits = fit_together([networks[i] for i in others], [rows[i] for i in others], n_jobs=-1)
    for fit in fits:
        if fit.error is not None:
            raise fit.error
    stopped = in_parallel(_fit_watching, [(networks[i], rows[i], valid[i]) for i in watching]) if watching else []
    fitted = dict(zip(others, (fit.estimator for fit in fits), strict=True)) | dict(zip(watching, stopped, strict=True))
    return [fitted[i] for i in range(len(networks))]  # type: ignore[misc]


def _fit_watching(network: TabularEstimator, rows: TrainingRows, valid: RowSet) -> TabularEstimator:
    fresh: Any = clone(network)
    return fresh.fit(rows.X, rows.y, valid_set=valid)  # type: ignore[no-any-return]


def epochs_and_cost(networks: Sequence[TabularEstimator], n_rows: float, n_outputs: int) -> dict[str, float]:
    """Mean number of epochs that the networks ran, and multiplications of one training, in billions."""
    epochs = float(np.mean([len(network.history_) for network in networks]))
    hidden = "-".join(map(str, networks[0].hidden))
    each = multiplications(hidden, networks[0].n_features_in_, n_outputs, 1, 1)
    return {"epochs": epochs, "cost": each * n_rows * epochs}


def resampled_means(
    values: Floats, clusters: ArrayLike, *, block: int = 1, draws: int = 1_000
) -> tuple[Floats, Floats]:
    """Means over seeds and rows of each technique, and the same over resampled seeds and clusters of rows.

    Every technique sees the same draws, so that what is computed from two of them is paired.

    Parameters
    ----------
    values
        Such as squared errors, shape ``(n_techniques, n_seeds, n_rows)``.
    clusters
        Cluster of each row, shape ``(n_rows,)``: a date, or the row's own number.
    block
        Neighbouring clusters that are drawn together.
    draws
        Number of resamples.

    Returns
    -------
    tuple
        Means ``(n_techniques,)`` and resampled means ``(draws, n_techniques)``.

    Examples
    --------
    >>> means, drawn = resampled_means(np.ones((2, 3, 4)), [0, 0, 1, 1], draws=5)
    >>> means, drawn.shape
    (array([1., 1.]), (5, 2))
    """
    kinds, seeds, _ = values.shape
    _, codes, sizes = np.unique(np.asarray(clusters), return_inverse=True, return_counts=True)
    flat = values.reshape(kinds * seeds, -1)
    sums = np.stack([np.bincount(codes, weights=row) for row in flat], axis=1)
    random = np.random.default_rng(SEED)
    of_seed = random.multinomial(seeds, np.full(seeds, 1 / seeds), size=draws) / seeds
    resampled = resampled_sums(np.column_stack([sums, sizes]), random, draws=draws, block=block)
    drawn = resampled[:, :-1].reshape(draws, kinds, seeds) / resampled[:, -1:, None]
    return values.mean(axis=(1, 2)), np.einsum("dks,ds->dk", drawn, of_seed)


def limits(value: float, drawn: Floats, *, level: float = 0.95) -> Interval:
    """An estimate with the percentiles of its resampled values ``(draws,)``."""
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(value), float(low), float(high))


def macro_f1_over_seeds(
    y: Classes, predicted: Classes, reference: Classes | None = None, *, draws: int = 1_000
) -> Interval:
    """Mean over seeds of macro-F1, or of what it gains over a reference; seeds and rows are resampled.

    Rows are drawn within each actual class, so that every draw has the class mix of the rows, and a row is drawn with
    the predictions of all seeds.

    Parameters
    ----------
    y
        Actual class numbers from 0, ``(n_rows,)``.
    predicted, reference
        Predicted ones, ``(n_seeds, n_rows)``, the same seeds in both.

    Examples
    --------
    >>> y = np.array([0, 0, 1, 1])
    >>> macro_f1_over_seeds(y, y[None], np.array([[0, 0, 0, 1]])).value
    0.266...
    """
    seeds, both = len(predicted), predicted if reference is None else np.concatenate([predicted, reference])
    k = int(max(y.max(), both.max())) + 1
    patterns, counts = np.unique(np.column_stack([y, both.T]), axis=0, return_counts=True)

    def of_seeds(rows: Floats) -> Floats:
        scores = macro_f1_of_patterns(patterns, rows, k)
        return scores if reference is None else scores[:, :seeds] - scores[:, seeds:]

    random = np.random.default_rng(SEED)
    drawn = np.zeros((draws, len(counts)))
    for label in np.unique(y):
        own = patterns[:, 0] == label
        drawn[:, own] = random.multinomial(counts[own].sum(), counts[own] / counts[own].sum(), size=draws)
    of_seed = random.multinomial(seeds, np.full(seeds, 1 / seeds), size=draws) / seeds
    return limits(of_seeds(counts[None].astype(float)).mean(), (of_seeds(drawn) * of_seed).sum(axis=1))


def macro_f1_of_patterns(patterns: Classes, counts: Floats, k: int) -> Floats:
    """Macro-F1 ``(n_draws, n_columns)`` of rows that are given as patterns of actual and predicted classes.

    Parameters
    ----------
    patterns
        Actual class and what each column predicts, ``(n_patterns, 1 + n_columns)``.
    counts
        Rows of each pattern, ``(n_draws, n_patterns)``.
    k
        Number of classes.
    """
    cells = patterns[:, :1] * k + patterns[:, 1:]
    confusions = [counts @ np.eye(k * k)[column] for column in cells.T]
    return np.stack([macro_f1(each.reshape(-1, k, k)) for each in confusions], axis=1)


def technique_scalars(table: Sequence[Mapping[str, Any]], columns: Sequence[str] = COLUMNS) -> dict[str, Any]:
    """A scalar group for each row of a table of techniques, and how many gain intervals lie above and below 0.

    ``none`` counts among none of these.
    """
    groups = {f"{row['name']}_{column}": row[column] for row in table for column in columns}
    above = [row["name"] for row in table if row["gain_low"] > 0]
    below = [row["name"] for row in table if row["gain_high"] < 0]
    verdict: dict[str, Any] = {
        "techniques": len(table) - 1,
        "above": len(above),
        "below": len(below),
        "helps": ", ".join(above) or "none",
        "hurts": ", ".join(below) or "none",
        "best": max(table, key=lambda row: row["gain"])["name"],
        "worst": min(table, key=lambda row: row["gain"])["name"],
    }
    return groups | verdict
