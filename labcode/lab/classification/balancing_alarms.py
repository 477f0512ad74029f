"""Failures found at equally many needless stops, and average precision, in many resamples of the rows at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from labcode.lab.classification.balancing import Failed
from labcode.scoring.resamples import Counts
from labcode.scoring.scores import Floats


@dataclass(frozen=True, eq=False)
class Ranking:
    """How a probability ranks the failures among the healthy rows, in each draw.

    Shape
    -----
    ``failures`` ``(draws, f)``: how often each failure is drawn, the most probable first. ``above`` ``(draws, f)``:
    healthy rows that are as probable, or more so. ``right`` ``(draws, f)``: the same for failures, itself included.
    """

    failures: Floats
    above: Floats
    right: Floats

    @classmethod
    def of(cls, failed: Failed, probability: Floats, counts: Counts) -> Ranking:
        """Rank rows ``(n,)`` that are drawn so often, ``(draws, n)``."""
        places = np.flatnonzero(failed)
        places = places[np.argsort(-probability[places], kind="stable")]
        scores = -probability[places]
        healthy = np.flatnonzero(~failed)
        # For each healthy row, the first failure that is no more probable than it.
        first = np.searchsorted(scores, -probability[healthy], side="left")
        shape = (len(healthy), len(places) + 1)
        bins = csr_matrix((np.ones(len(healthy), dtype=np.float32), (np.arange(len(healthy)), first)), shape=shape)
        above = np.cumsum((bins.T @ counts[:, healthy].T).T, axis=1, dtype=np.float64)[:, :-1]
        failures = counts[:, places].astype(np.float64)
        last = np.searchsorted(scores, scores, side="right") - 1
        return cls(failures, above, np.cumsum(failures, axis=1)[:, last])

    def average_precision(self) -> Floats:
        """Mean over the failures of the precision at the threshold that finds them, ``(draws,)``."""
        called = np.maximum(self.right + self.above, 1)
        return np.asarray((self.failures * self.right / called).sum(axis=1) / self.failures.sum(axis=1))

    def found(self, needless: int | Floats) -> Floats:
        """Failures found at so many needless stops at most, a number or one for each draw; ``(draws,)``."""
        allowed = np.asarray(needless, dtype=np.float64).reshape(-1, 1)
        return np.asarray((self.failures * (self.above <= allowed)).sum(axis=1))

    def found_by(self, needless: NDArray[np.int64]) -> Floats:
        """Failures found among the rows as they are, by needless stops ``(k,)``."""
        order = np.sort(self.above[0])
        return np.searchsorted(order, needless, side="right").astype(np.float64)
