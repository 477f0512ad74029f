"""Ways to tell a network where a number lies: yes/no questions, and piecewise-linear parts.

A small network draws smooth surfaces, and a rule such as "above 9000 W" is a cliff. Both encoders cut each column at
edges, which are quantiles or are placed by small trees that know the failure types of the training rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.tree import DecisionTreeClassifier

from labcode.data.labels import NO_FAILURE
from labcode.experiments.recipes import MIN_GAIN

Floats = NDArray[np.float64]
Inputs = NDArray[np.float32]


def tree_edges(
    values: ArrayLike, y: ArrayLike, *, max_leaves: int, min_rows: int, min_gain: float, normal: str
) -> Floats:
    """Where small decision trees on one column cut it to tell each failure type from all else.

    A cut is kept only if it pays: its gain, G = 2 n ln 2 times the information gain in bits, is at least `min_gain`. G
    is the likelihood-ratio statistic of the cut, so a threshold on it is a test of significance, and a column that says
    nothing about a failure gets no edge.

    Parameters
    ----------
    values, y
        The column without missing values, and the labels of its rows, shape ``(n,)``.
    max_leaves, min_rows
        Most leaves of a tree, and fewest rows of a leaf.
    min_gain
        Least gain of a cut.
    normal
        The label that is no failure; each of the others has a tree of its own.

    Returns
    -------
    ndarray
        Sorted distinct edges, shape ``(n_edges,)``.
    """
    column, labels = np.asarray(values, dtype=np.float64)[:, None], np.asarray(y)
    edges: list[float] = []
    for failure in np.setdiff1d(labels, [normal]):
        tree = DecisionTreeClassifier(
            criterion="entropy",
            max_leaf_nodes=max_leaves,
            min_samples_leaf=min_rows,
            min_impurity_decrease=min_gain / (2 * np.log(2) * len(column)),
            random_state=0,
        ).fit(column, labels == failure)
        edges.extend(tree.tree_.threshold[tree.tree_.children_left >= 0])
    return np.unique(edges)


def quantile_edges(values: ArrayLike, bins: int) -> Floats:
    """Distinct quantiles inside a column that cut it into at most `bins` parts, shape ``(n_edges,)``."""
    return np.unique(np.quantile(np.asarray(values, dtype=np.float64), np.linspace(0, 1, bins + 1)[1:-1]))


@dataclass(kw_only=True, eq=False, repr=False)
class CutColumns(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What both encoders share: scaled columns, which columns are known, and where each is cut.

    Parameters
    ----------
    edges
        ``"trees"`` (see :func:`tree_edges`) or ``"quantiles"``.
    bins
        Parts of a column cut at quantiles.
    max_leaves, min_rows, min_gain, normal
        As in :func:`tree_edges`.

    Attributes
    ----------
    mean_, scale_
        Mean and standard deviation of each training column, where what is missing counts as 0.
    partial_
        Names of the columns with missing values: each gets a column that says whether it is known.
    edges_
        Edges by the name of their column.

    Shape
    -----
    ``X`` a frame ``(n, n_columns)`` of numbers, NaN where a column does not apply to a row; ``y`` labels ``(n,)``.
    Returns ``(n, n_outputs)`` of float32: scaled columns, known or not, then the code of each column in turn.
    """

    edges: Literal["trees", "quantiles"] = "trees"
    bins: int = 24
    max_leaves: int = 5
    min_rows: int = 5
    min_gain: float = MIN_GAIN
    normal: str = NO_FAILURE

    def fit(self, X: pd.DataFrame, y: Any) -> Self:
        """Learn scales and edges from training rows."""
        filled, labels = X.fillna(0.0), np.asarray(y)
        self.mean_, spread = filled.mean(), filled.std(ddof=0)
        self.scale_ = spread.where(spread > 0, 1.0)
        self.partial_ = list(X.columns[X.isna().any()])
        self.edges_ = {name: self._place(column, labels) for name, column in X.items()}
        return self

    def _place(self, column: pd.Series, labels: NDArray[Any]) -> Floats:
        known = column.notna().to_numpy()
        values = column.to_numpy(dtype=np.float64)[known]
        if not len(values):
            return np.empty(0)
        if self.edges == "quantiles":
            return quantile_edges(values, self.bins)
        options = {"max_leaves": self.max_leaves, "min_rows": self.min_rows, "min_gain": self.min_gain}
        return tree_edges(values, labels[known], normal=self.normal, **options)

    def transform(self, X: pd.DataFrame) -> Inputs:
        """Encode rows."""
        scaled = ((X.fillna(0.0) - self.mean_) / self.scale_).to_numpy()
        known = X[self.partial_].notna().to_numpy()
        codes = [self._code(X[name].to_numpy(dtype=np.float64)[:, None], name) for name in self.edges_]
        return np.hstack([scaled, known, *codes]).astype(np.float32)

    def _code(self, values: Floats, name: str) -> Floats:
        """The code of one column ``(n, 1)``, shape ``(n, n_codes)``."""
        raise NotImplementedError


@dataclass(kw_only=True, eq=False, repr=False)
class TreeQuestions(CutColumns):
    """Scaled columns beside the answers, 1 or 0, to "is the column above this edge?"; a missing value answers no.

    Parameters are those of :class:`CutColumns`.

    Examples
    --------
    >>> torque = pd.DataFrame({"torque": np.arange(100.0)})
    >>> label = np.where(torque["torque"] > 89.5, "Overstrain Failure", "No Failure")
    >>> questions = TreeQuestions().fit(torque, label)
    >>> questions.edges_["torque"], questions.transform(torque).shape
    (array([89.5]), (100, 2))
    """

    def _code(self, values: Floats, name: str) -> Floats:
        return (values > self.edges_[name]).astype(np.float64)


@dataclass(kw_only=True, eq=False, repr=False)
class PiecewiseLinear(CutColumns):
    """Scaled columns beside how much of each part of a column a value has passed, from 0 to 1.

    After Gorishniy et al. (2022), "On Embeddings for Numerical Features in Tabular Deep Learning",
    https://arxiv.org/abs/2203.05556. Parameters are those of :class:`CutColumns`; a missing value has passed nothing.

    Examples
    --------
    >>> wear = pd.DataFrame({"wear": np.arange(101.0)})
    >>> PiecewiseLinear(edges="quantiles", bins=2).fit(wear, ["No Failure"] * 101).transform(wear)[75, 1:]
    array([1. , 0.5], dtype=float32)
    """

    def fit(self, X: pd.DataFrame, y: Any) -> Self:
        """Learn scales, edges and the ends of each column from training rows."""
        super().fit(X, y)
        self.ends_ = {name: (column.min(), column.max()) for name, column in X.items()}
        return self

    def _code(self, values: Floats, name: str) -> Floats:
        low, high = self.ends_[name]
        if not low < high:
            return np.zeros((len(values), 0))
        edges = np.unique([low, *self.edges_[name], high])
        return np.nan_to_num(np.clip((values - edges[:-1]) / np.diff(edges), 0.0, 1.0))
