"""What our first version stated of its networks, beside where another seed should fall."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labcode.book.reference import figures
from labcode.scoring.intervals import next_draw_limits
from labcode.scoring.scores import Floats, accuracy, f1_scores, macro_f1, precisions, recalls, weighted_f1

Flags = NDArray[np.bool_]
#: Limits for one more seed ``(2, n_figures)``, from those of earlier seeds ``(n_seeds, n_figures)``.
Limits = Callable[[Floats], Floats]
#: The result that these figures are of, as data/reference.toml calls it.
RESULT = "classification_as_submitted"
#: The loss of giving each of six classes the same chance: where training starts.
CHANCE_LOSS = float(np.log(6))


@dataclass(frozen=True, kw_only=True)
class StatedFigure:
    """A figure that our first version stated: where ours is, its value, and half a unit of its last digit."""

    ours: str
    value: float
    half: float


class Draws(NamedTuple):
    """A figure in each run, ``(n_seeds,)``, and the width of the range that it could have."""

    values: Floats
    scale: float = 1.0


def stated_figures() -> tuple[StatedFigure, ...]:
    """Every figure that our first version stated of these networks, once, with the most digits that it was given."""
    found: dict[str, StatedFigure] = {}
    for cell in sorted(figures("classification"), key=lambda cell: -cell.places):
        if RESULT in cell.ours:
            half = 0.5 * 10.0**-cell.places
            found.setdefault(cell.ours, StatedFigure(ours=cell.ours, value=float(cell.value), half=half))
    return tuple(found.values())


def draws_of(
    curves: Mapping[str, Floats], confusion: Mapping[str, Floats], epochs: tuple[int, ...]
) -> dict[str, Draws]:
    """The figures of the runs by the expressions that data/reference.toml finds them with.

    Rows by class are not among them, since the split decides them; nor are training accuracies, of which the program
    printed none.

    Parameters
    ----------
    curves, confusion
        ``(n_seeds, n_epochs, 4)`` of the networks ``"plain"`` and ``"regularised"``, and counts ``(n_seeds, 6, 6)`` of
        the balanced test rows.
    epochs
        Those that were printed.
    """
    found: dict[str, Draws] = {}
    for network, values in curves.items():
        for epoch in epochs:
            found[f"{RESULT}.{network}.test_accuracy_epoch[{epoch}]"] = Draws(values[:, epoch, 3])
            found[f"{RESULT}.{network}.train_loss_epoch[{epoch}]"] = Draws(values[:, epoch, 0], CHANCE_LOSS)
        found[f"{RESULT}.{network}.accuracy"] = Draws(accuracy(confusion[network]))
    return found | _of_classes(confusion["plain"])


def _of_classes(confusion: Floats) -> dict[str, Draws]:
    found = {
        f"{RESULT}.plain.macro_f1": Draws(macro_f1(confusion)),
        f"over_seeds(weighted_f1({RESULT}.confusion_plain_test))": Draws(weighted_f1(confusion)),
    }
    for name, score in (("precision", precisions), ("recall", recalls), ("f1", f1_scores)):
        for k, values in enumerate(score(confusion).T):
            found[f"report_of({RESULT})['{name}'][{k}]"] = Draws(values)
    for i, j in np.ndindex(confusion.shape[1:]):
        name, support = f"over_seeds({RESULT}.confusion_plain_test[:, {i}, {j}])", float(confusion[0, i].sum())
        found[name] = Draws(confusion[:, i, j], max(support, 1.0))
    return found


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Stated figures ``(n_figures,)`` beside those of the runs ``(n_seeds, n_figures)``.

    ``half`` is half a unit of the last stated digit, ``scale`` the width of the range that a figure could have.
    """

    stated: Floats
    half: Floats
    values: Floats
    scale: Floats

    @classmethod
    def of(cls, stated: tuple[StatedFigure, ...], draws: Mapping[str, Draws]) -> Comparison:
        """The figures that have draws."""
        pairs = [(each, draws[each.ours]) for each in stated if each.ours in draws]
        return cls(
            stated=np.array([each.value for each, _ in pairs]),
            half=np.array([each.half for each, _ in pairs]),
            values=np.column_stack([own.values for _, own in pairs]).astype(np.float64),
            scale=np.array([own.scale for _, own in pairs]),
        )

    def informative(self, share: float) -> Flags:
        """Whose limits, of all seeds, have a width, and one below this share of the range that a figure could have."""
        low, high = next_draw_limits(self.values)
        return np.asarray((high > low) & (high - low < share * self.scale))

    def inside(self, limits: Floats) -> Flags:
        """Which stated figures lie inside limits ``(2, n_figures)``, give or take half a unit of their last digit."""
        return np.asarray((limits[0] - self.half <= self.stated) & (self.stated <= limits[1] + self.half))

    def by_seeds(self, n: int, limits: Limits, informative: Flags) -> tuple[float, float, float]:
        """What limits from `n` seeds hold: stated figures, informative ones of them, and a share of other seeds.

        Means over all runs of `n` consecutive seeds, the last followed by the first. The share is that of the
        informative figures of the seeds that are not in the run; where `n` is the number of all seeds, one is left out.
        """
        seeds = len(self.values)
        turned = [np.roll(self.values, -start, axis=0) for start in range(seeds)]
        inside = np.array([self.inside(limits(values[:n])) for values in turned])
        m = min(n, seeds - 1)
        held = [_held(values[m:], limits(values[:m]))[:, informative].mean() for values in turned]
        return float(inside.sum(axis=1).mean()), float(inside[:, informative].sum(axis=1).mean()), float(np.mean(held))


def _held(values: Floats, limits: Floats) -> Flags:
    return np.asarray((limits[0] <= values) & (values <= limits[1]))
